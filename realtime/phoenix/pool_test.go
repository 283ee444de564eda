package phoenix_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/phoenix"
)

// publishEach publishes once to so many topics, one after the other.
func publishEach(t *testing.T, made bundle, topics int) {
	t.Helper()
	for i := range topics {
		require.NoError(t, made.client.Publish(t.Context(), message(fmt.Sprintf("topic-%d", i), `{}`)))
	}
}

func leaves(made bundle, topics int) int {
	found := 0
	for i := range topics {
		found += made.server.count(fmt.Sprintf("topic-%d", i), "phx_leave")
	}
	return found
}

func TestPool(t *testing.T) {
	t.Parallel()

	t.Run("a full connection is followed by another, and nothing is left", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 3 })
		publishEach(t, made, 6)
		publishEach(t, made, 6)
		assert.Len(t, made.server.awaitDials(t, 3), 3)
		assert.Equal(t, 2, made.server.mostOpen)
		assert.Zero(t, leaves(made, 6))
		stats := made.client.Stats()
		assert.Equal(t, 3, stats.Connected)
		assert.Equal(t, 6, stats.Channels)
		assert.Equal(t, uint64(6), stats.Joins)
		assert.Equal(t, uint64(12), stats.Acknowledged)
	})

	t.Run("a burst that waits for the first connection is spread too", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 3 })
		var results []<-chan error
		for i := range 6 {
			results = append(results, made.start(t, message(fmt.Sprintf("topic-%d", i), `{}`)))
		}
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		assert.LessOrEqual(t, made.server.mostOpen, 2)
		assert.Zero(t, leaves(made, 6))
	})

	t.Run("beyond the last connection the least recently used channel makes place", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 2 })
		publishEach(t, made, 5)
		assert.Len(t, made.server.awaitDials(t, 2), 2)
		assert.Equal(t, 1, leaves(made, 5))
		assert.Equal(t, uint64(1), made.client.Stats().Evictions)
	})

	t.Run("a lost connection costs only its own topics, which move", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 2 })
		publishEach(t, made, 3)
		made.server.change(func(s *server) { s.push = func(string) any { return nil } })
		kept := made.start(t, message("topic-0", `{}`))
		lost := made.start(t, message("topic-2", `{}`))
		pushes := made.server.await(t, "topic-0", "broadcast", 2)
		made.server.await(t, "topic-2", "broadcast", 2)
		made.server.dropJoined("topic-2")
		require.ErrorIs(t, await(t, lost), phoenix.ErrDisconnected)
		assert.Equal(t, phoenix.StateConnected, made.client.State())
		made.server.reply(pushes[1], accepted)
		require.NoError(t, await(t, kept))
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("topic-2", `{}`)))
	})

	t.Run("one that is refused beside others is done without", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 1, 4 })
		publishEach(t, made, 1)
		made.server.change(func(s *server) { s.refuse = 429 })
		publishEach(t, made, 4)
		assert.Len(t, made.server.awaitDials(t, 2), 2, "it is not tried again and again")
		assert.Equal(t, 1, made.client.Stats().Connections)
	})

	t.Run("one whose channels are all idle is closed", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) {
			options.MaxChannels, options.MaxConnections = 1, 3
			options.HeartbeatInterval, options.IdleTimeout = 50*time.Millisecond, time.Millisecond
		})
		publishEach(t, made, 3)
		require.Eventually(t, func() bool { return made.client.Stats().Connections == 1 }, patience, time.Millisecond)
		publishEach(t, made, 3)
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()

	t.Run("a join refused for the rate halves the pace of joins", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) {
			s.join = func(string) string { return "ClientJoinRateLimitReached: Too many joins per second" }
		})
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrUnavailable)
		stats := made.client.Stats()
		assert.Equal(t, uint64(1), stats.SlowedJoins)
		assert.Less(t, stats.JoinsPerSecond, float64(phoenix.DefaultJoinsPerSecond)/2)
	})

	t.Run("a channel closed for the rate halves the pace of messages, and is joined again", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.server.change(func(s *server) { s.push = func(string) any { return nil } })
		result := made.start(t, message("room", `{}`))
		made.server.await(t, "room", "broadcast", 2)
		made.server.tell("system", map[string]any{"extension": "system", "status": "error", "message": "Too many messages per second"})
		made.server.tell("phx_close", map[string]any{})
		require.ErrorIs(t, await(t, result), phoenix.ErrDisconnected)
		stats := made.client.Stats()
		assert.Equal(t, uint64(1), stats.SlowedMessages)
		assert.Less(t, stats.MessagesPerSecond, 10.0)
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		assert.Equal(t, 2, made.server.count("room", "phx_join"))
	})

	t.Run("messages keep their pace, on all channels together", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MessagesPerSecond = 20 })
		began := time.Now()
		var results []<-chan error
		for i := range 24 {
			results = append(results, made.start(t, message(fmt.Sprintf("topic-%d", i%5), `{}`)))
		}
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		assert.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond, "20 at once, four more at 50 ms each")
	})
}
