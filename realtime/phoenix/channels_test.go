package phoenix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/phoenix"
)

func TestChannels(t *testing.T) {
	t.Parallel()

	t.Run("the least recently used one makes place", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.MaxChannels, options.MaxConnections = 2, 1 })
		for _, topic := range []string{"a", "b", "a", "c"} {
			require.NoError(t, made.client.Publish(t.Context(), message(topic, `{}`)))
		}
		made.server.await(t, "b", "phx_leave", 1)
		assert.Zero(t, made.server.count("a", "phx_leave"))
		assert.Equal(t, 2, made.server.mostOpen)
	})

	t.Run("one with a push in flight is never left", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.MaxChannels, options.MaxConnections = 1, 1
			options.HeartbeatInterval = 100 * time.Millisecond
			s.push = func(topic string) any {
				if topic == "a" {
					return nil
				}
				return accepted
			}
		})
		held := made.start(t, message("a", `{}`))
		push := made.server.await(t, "a", "broadcast", 1)
		waiting := made.start(t, message("b", `{}`))
		// A round trip of another kind shows that the client has had the time to do wrong.
		beats := made.server.count("phoenix", "heartbeat")
		made.server.await(t, "phoenix", "heartbeat", beats+2)
		assert.Zero(t, made.server.count("b", "phx_join"))
		made.server.reply(push[0], accepted)
		require.NoError(t, await(t, held))
		require.NoError(t, await(t, waiting))
		assert.Equal(t, 1, made.server.mostOpen)
	})

	t.Run("many more topics than places all get through", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) {
			options.MaxChannels, options.MaxConnections = 3, 1
			options.JoinsPerSecond = 10_000
		})
		var results []<-chan error
		for i := range 60 {
			results = append(results, made.start(t, message("topic-"+string(rune('A'+i%20)), `{}`)))
		}
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		assert.LessOrEqual(t, made.server.mostOpen, 3)
	})

	t.Run("unused ones are left, but not the last", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) {
			options.HeartbeatInterval = 100 * time.Millisecond
			options.IdleTimeout = time.Millisecond
		})
		require.NoError(t, made.client.Publish(t.Context(), message("a", `{}`)))
		require.NoError(t, made.client.Publish(t.Context(), message("b", `{}`)))
		require.Eventually(t, func() bool {
			return made.server.count("a", "phx_leave")+made.server.count("b", "phx_leave") == 1
		}, patience, time.Millisecond)
		beats := made.server.count("phoenix", "heartbeat")
		made.server.await(t, "phoenix", "heartbeat", beats+3)
		assert.Equal(t, 1, made.server.count("a", "phx_leave")+made.server.count("b", "phx_leave"))
	})

	t.Run("joins keep their pace", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.JoinsPerSecond = 20 })
		began := time.Now()
		var results []<-chan error
		for i := range 24 {
			results = append(results, made.start(t, message("topic-"+string(rune('A'+i)), `{}`)))
		}
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		assert.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond, "20 at once, four more at 50 ms each")
	})
}
