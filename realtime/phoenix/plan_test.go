package phoenix_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/phoenix"
)

// full is a client whose only connection has two channels, both in use a moment ago.
func full(t *testing.T, adjust func(*phoenix.Options)) bundle {
	t.Helper()
	made := setup(t, func(options *phoenix.Options, _ *server) {
		options.MaxChannels, options.MaxConnections = 2, 1
		if adjust != nil {
			adjust(options)
		}
	})
	publishEach(t, made, 2)
	return made
}

func TestServes(t *testing.T) {
	t.Parallel()
	never := time.Time{}

	t.Run("everything while there is no connection: it waits like the rest", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.refuse = 503 })
		assert.True(t, made.client.Serves("a", never))
	})

	t.Run("at once only what has a channel", func(t *testing.T) {
		t.Parallel()
		made := full(t, nil)
		assert.True(t, made.client.AtOnce("topic-0"))
		assert.False(t, made.client.AtOnce("new"))
	})

	t.Run("what has a channel, and what finds a place", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 1 })
		publishEach(t, made, 1)
		assert.True(t, made.client.Serves("topic-0", never))
		assert.True(t, made.client.Serves("new", never))
	})

	t.Run("no new topic when all places are taken", func(t *testing.T) {
		t.Parallel()
		made := full(t, nil)
		assert.False(t, made.client.Serves("new", never))
		assert.True(t, made.client.Serves("topic-1", never))
	})

	t.Run("one that is used more often than a channel was, by far", func(t *testing.T) {
		t.Parallel()
		made := full(t, nil)
		require.Eventually(t, func() bool { return made.client.Serves("new", time.Now()) }, patience, time.Millisecond)
		assert.False(t, made.client.Serves("new", time.Now().Add(-time.Hour)), "one that is used as rarely would only take turns with it")
		require.NoError(t, made.client.Publish(t.Context(), message("new", `{}`)))
		assert.Equal(t, uint64(1), made.client.Stats().Evictions)
	})

	t.Run("no new topic while the pace of joins is used up", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.JoinsPerSecond = 2 })
		publishEach(t, made, 2)
		assert.False(t, made.client.Serves("new", never))
		require.Eventually(t, func() bool { return made.client.Serves("new", never) }, patience, time.Millisecond)
	})

	t.Run("no new topic while many joins are under way", func(t *testing.T) {
		t.Parallel()
		const many = 16
		made := setup(t, func(_ *phoenix.Options, s *server) { s.join = func(string) string { return silence } })
		for i := range many {
			assert.True(t, made.client.Serves("new", time.Now()), i)
			made.start(t, message(fmt.Sprintf("topic-%d", i), `{}`))
			made.server.await(t, fmt.Sprintf("topic-%d", i), "phx_join", 1)
		}
		assert.False(t, made.client.Serves("new", time.Now()))
		assert.True(t, made.client.Serves("topic-0", time.Now()), "whose join is one of them")
	})

	t.Run("a new topic soon, on the connection that the question has opened", func(t *testing.T) {
		t.Parallel()
		made := full(t, func(options *phoenix.Options) { options.MaxConnections = 2 })
		require.Eventually(t, func() bool { return made.client.Serves("new", never) }, patience, time.Millisecond)
		assert.Len(t, made.server.awaitDials(t, 2), 2)
	})
}

func TestLearnLimit(t *testing.T) {
	t.Parallel()
	for _, plan := range []struct {
		name            string
		messages        int
		joins, channels int
	}{
		{"of the smallest plan changes nothing", 100, 40, 3},
		{"of a larger one allows more joins and connections", 500, 200, 25},
		{"of the largest allows as many as are good for it", 2500, 200, 125},
		{"that nobody has set allows no more than that", 1_000_000, 200, 128},
	} {
		t.Run(plan.name, func(t *testing.T) {
			t.Parallel()
			made := setup(t, func(options *phoenix.Options, _ *server) {
				options.MaxChannels, options.MaxConnections, options.JoinsPerSecond = 1, 3, 40
			})
			publishEach(t, made, 1)
			made.client.LearnLimit(plan.messages)
			assert.InDelta(t, plan.joins, made.client.Stats().JoinsPerSecond, 0.1)
			publishEach(t, made, min(plan.channels, 30))
			assert.Equal(t, min(plan.channels, 30), made.client.Stats().Connections)
		})
	}

	t.Run("does not let strangers join any faster", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.JoinsPerSecond = 2 })
		made.client.LearnLimit(2500)
		publishEach(t, made, 2)
		assert.False(t, made.client.Serves("new", time.Time{}))
		require.Eventually(t, func() bool { return made.client.Serves("new", time.Now().Add(-time.Second)) }, patience, time.Millisecond)
	})

	t.Run("lets what waits for the pace go on", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.JoinsPerSecond = 1 })
		publishEach(t, made, 1)
		result := made.start(t, message("waits", `{}`))
		made.client.LearnLimit(2500)
		require.NoError(t, await(t, result))
	})
}
