package phoenix_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/phoenix"
)

func series(count int) []realtime.Message {
	messages := make([]realtime.Message, count)
	for i := range messages {
		messages[i] = message("room", strconv.Itoa(i))
	}
	return messages
}

func TestPublishAll(t *testing.T) {
	t.Parallel()

	t.Run("sends in order", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		taken, err := made.client.PublishAll(t.Context(), series(100))
		require.NoError(t, err)
		assert.Equal(t, 100, taken)
		for i, push := range made.server.await(t, "room", "broadcast", 100) {
			assert.Contains(t, string(push.payload), `"payload":`+strconv.Itoa(i)+`}`)
		}
	})

	t.Run("does not wait for acknowledgements in between", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.server.change(func(s *server) { s.push = func(string) any { return nil } })
		result := make(chan error, 1)
		go func() {
			_, err := made.client.PublishAll(t.Context(), series(5))
			result <- err
		}()
		for _, push := range made.server.await(t, "room", "broadcast", 6)[1:] {
			made.server.reply(push, accepted)
		}
		require.NoError(t, await(t, result))
	})

	t.Run("says how many were taken before the one that is refused", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		asked := 0
		made.server.change(func(s *server) {
			s.push = func(string) any {
				switch asked++; asked {
				case 1, 2:
					return accepted
				case 3:
					return refusal("payload_size_exceeded")
				default:
					return nil
				}
			}
		})
		taken, err := made.client.PublishAll(t.Context(), series(5))
		assert.Equal(t, 2, taken)
		assert.True(t, phoenix.IsPermanent(err), "%v", err)
		assert.Zero(t, made.client.Stats().InFlight, "the rest is not waited for")
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
	})

	t.Run("and before the one whose acknowledgement does not come", func(t *testing.T) {
		t.Parallel()
		asked := 0
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.AckTimeout = 50 * time.Millisecond
			s.push = func(string) any {
				if asked++; asked == 3 {
					return nil
				}
				return accepted
			}
		})
		taken, err := made.client.PublishAll(t.Context(), series(5))
		assert.Equal(t, 2, taken)
		require.ErrorIs(t, err, phoenix.ErrTimeout)
	})

	t.Run("and before one that cannot be sent at all", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		messages := series(3)
		messages[1].Payload = []byte(`{"a":`)
		taken, err := made.client.PublishAll(t.Context(), messages)
		assert.Equal(t, 1, taken)
		assert.True(t, phoenix.IsPermanent(err))

		messages = series(2)
		messages[1].Topic = "elsewhere"
		taken, err = made.client.PublishAll(t.Context(), messages)
		assert.Equal(t, 1, taken)
		require.Error(t, err)
		assert.False(t, phoenix.IsPermanent(err), "the caller's mistake is not the message's")
	})

	t.Run("of nothing is nothing", func(t *testing.T) {
		t.Parallel()
		taken, err := setup(t, nil).client.PublishAll(t.Context(), nil)
		require.NoError(t, err)
		assert.Zero(t, taken)
	})

	t.Run("large and small messages share packets and stay whole", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		messages := series(40)
		for i := 0; i < len(messages); i += 3 {
			messages[i].Payload = []byte(`"` + strings.Repeat("x", 30_000+i) + `"`)
		}
		_, err := made.client.PublishAll(t.Context(), messages)
		require.NoError(t, err)
		for i, push := range made.server.await(t, "room", "broadcast", 40) {
			assert.Contains(t, string(push.payload), `"payload":`+string(messages[i].Payload)+`}`)
		}
	})
}
