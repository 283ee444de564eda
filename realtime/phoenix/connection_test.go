package phoenix_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/phoenix"
)

func TestConnection(t *testing.T) {
	t.Parallel()

	t.Run("a lost one fails what waits and comes back", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.push = func(string) any { return nil } })
		made.awaitState(t, phoenix.StateConnected)
		result := made.start(t, message("room", `{}`))
		made.server.await(t, "room", "broadcast", 1)
		made.server.drop()
		err := await(t, result)
		require.ErrorIs(t, err, phoenix.ErrDisconnected)
		assert.False(t, phoenix.IsPermanent(err))
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.awaitState(t, phoenix.StateDisconnected)
		made.awaitState(t, phoenix.StateConnecting)
		made.awaitState(t, phoenix.StateConnected)
	})

	t.Run("one on which nothing is sent is kept by its heartbeats", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.HeartbeatInterval = 250 * time.Millisecond })
		require.NoError(t, made.client.Publish(t.Context(), message("a", `{}`)))
		made.server.await(t, "phoenix", "heartbeat", 8)
		require.NoError(t, made.client.Publish(t.Context(), message("a", `{}`)))
		assert.Len(t, made.server.awaitDials(t, 1), 1)
		assert.Equal(t, 1, made.server.count("a", "phx_join"))
	})

	t.Run("a heartbeat without an answer ends it", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.HeartbeatInterval = 50 * time.Millisecond
			s.mute = true
		})
		made.server.awaitDials(t, 2)
		made.server.change(func(s *server) { s.mute = false })
		require.Eventually(t, func() bool { return made.client.State() == phoenix.StateConnected }, patience, time.Millisecond)
		beats := made.server.count("phoenix", "heartbeat")
		made.server.await(t, "phoenix", "heartbeat", beats+3)
	})

	t.Run("a refused key is said once, with the remedy and without the key", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.refuse = 401 })
		made.server.awaitDials(t, 5)
		made.server.change(func(s *server) { s.refuse = 0 })
		made.awaitState(t, phoenix.StateConnected)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.client.Stop()
		logged := made.log.String()
		assert.Equal(t, 1, strings.Count(logged, "realtime refuses the connection"), logged)
		assert.Contains(t, logged, "The token provided is not a valid JWT")
		assert.Contains(t, logged, "check that the API key is a secret key")
		assert.NotContains(t, logged, secretKey)
	})

	t.Run("Stop does not wait for an attempt that hangs", func(t *testing.T) {
		t.Parallel()
		silent := newSilentListener(t)
		client := phoenix.New(phoenix.Options{URL: "http://" + silent, APIKey: secretKey, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, client.Start(t.Context()))
		require.Eventually(t, func() bool { return client.State() == phoenix.StateConnecting }, patience, time.Millisecond)
		began := time.Now()
		client.Stop()
		assert.Less(t, time.Since(began), patience)
	})
}
