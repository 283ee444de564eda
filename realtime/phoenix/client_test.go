package phoenix_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/phoenix"
)

const secretKey = "sb_secret_for_tests"

type bundle struct {
	client *phoenix.Client
	server *server
	states chan phoenix.State
	log    *lockedBuffer
}

// setup starts a server and a client of it. Time-outs are short where a test waits for them and long where it must not.
func setup(t *testing.T, adjust func(*phoenix.Options, *server)) bundle {
	t.Helper()
	made := bundle{server: newServer(t), states: make(chan phoenix.State, 1000), log: new(lockedBuffer)}
	options := phoenix.Options{
		URL: made.server.http.URL, APIKey: secretKey,
		Logger:       slog.New(slog.NewTextHandler(made.log, nil)),
		ReconnectMin: time.Millisecond, ReconnectMax: 5 * time.Millisecond, RefusedInterval: 5 * time.Millisecond,
		OnState: func(state phoenix.State) { made.states <- state },
	}
	if adjust != nil {
		adjust(&options, made.server)
	}
	made.client = phoenix.New(options)
	require.NoError(t, made.client.Start(t.Context()))
	t.Cleanup(made.client.Stop)
	return made
}

func (b bundle) awaitState(t *testing.T, want phoenix.State) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-b.states:
			if got == want {
				return
			}
		case <-deadline:
			require.FailNow(t, "state did not come", want.String())
		}
	}
}

// start publishes in the background and gives the channel of the result.
func (b bundle) start(t *testing.T, message realtime.Message) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- b.client.Publish(t.Context(), message) }()
	return result
}

func await(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		require.FailNow(t, "Publish did not return")
		return nil
	}
}

func message(topic, payload string) realtime.Message {
	return realtime.Message{Topic: realtime.Topic(topic), Name: "ping", Private: true, Payload: json.RawMessage(payload)}
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestPublish(t *testing.T) {
	t.Parallel()

	t.Run("joins on first use and pushes", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{"a":1}`)))
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{"a":2}`)))

		join := made.server.await(t, "room", "phx_join", 1)
		require.Len(t, join, 1)
		assert.Equal(t, join[0].ref, join[0].joinRef)
		assert.JSONEq(t, `{"config":{"broadcast":{"ack":true,"self":false},"presence":{"key":"","enabled":false},
			"postgres_changes":[],"private":true}}`, string(join[0].payload), "an sb_ key is not a token")

		pushes := made.server.await(t, "room", "broadcast", 2)
		assert.JSONEq(t, `{"type":"broadcast","event":"ping","payload":{"a":2}}`, string(pushes[1].payload))
		assert.Equal(t, join[0].joinRef, pushes[1].joinRef)

		dials := made.server.awaitDials(t, 1)
		assert.Equal(t, secretKey, dials[0].Get("apikey"))
		assert.Equal(t, "2.0.0", dials[0].Get("vsn"))
	})

	t.Run("a legacy key goes into the join too", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) { options.APIKey = "head.body.sign" })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		join := made.server.await(t, "room", "phx_join", 1)
		assert.Contains(t, string(join[0].payload), `"access_token":"head.body.sign"`)
	})

	t.Run("calls on one topic do not wait for each other's acknowledgement", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.server.change(func(s *server) { s.push = func(string) any { return nil } })
		var results []<-chan error
		for i := range 10 {
			results = append(results, made.start(t, message("room", `{}`)))
			made.server.await(t, "room", "broadcast", i+2)
		}
		pushes := made.server.await(t, "room", "broadcast", 11)[1:]
		for i := len(pushes) - 1; i >= 0; i-- {
			made.server.reply(pushes[i], accepted)
			require.NoError(t, await(t, results[i]))
		}
	})

	t.Run("but the first of a membership is waited for", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) {
			s.push = func(string) any { return nil }
		})
		first := made.start(t, message("room", `{}`))
		pushes := made.server.await(t, "room", "broadcast", 1)
		ctx, started := signalled(t)
		second := make(chan error, 1)
		go func() { second <- made.client.Publish(ctx, message("room", `{}`)) }()
		<-started
		assert.Equal(t, 1, made.client.Stats().InFlight)
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		made.server.reply(pushes[0], accepted)
		require.NoError(t, await(t, first))
		require.NoError(t, await(t, second))
	})

	t.Run("calls that waited for the join keep their order", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.join = func(string) string { return silence } })
		made.awaitState(t, phoenix.StateConnected)
		var results []<-chan error
		results = append(results, made.start(t, message("room", `0`)))
		join := made.server.await(t, "room", "phx_join", 1)
		for _, payload := range []string{"1", "2", "3"} {
			ctx, started := signalled(t)
			result := make(chan error, 1)
			go func() { result <- made.client.Publish(ctx, message("room", payload)) }()
			<-started
			results = append(results, result)
		}
		made.server.change(func(s *server) {
			for socket := range s.sockets {
				s.sockets[socket]["realtime:room"] = join[0].joinRef
			}
		})
		made.server.reply(join[0], accepted)
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		for i, push := range made.server.await(t, "room", "broadcast", 4) {
			assert.Contains(t, string(push.payload), `"payload":`+string(rune('0'+i)))
		}
	})

	t.Run("a public and a private message of one topic use their own rooms", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		public := message("room", `{}`)
		public.Private = false
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		require.NoError(t, made.client.Publish(t.Context(), public))
		joins := made.server.await(t, "room", "phx_join", 2)
		assert.Contains(t, string(joins[0].payload), `"private":true`)
		assert.Contains(t, string(joins[1].payload), `"private":false`)
		assert.Equal(t, 1, made.server.count("room", "phx_leave"))
	})

	t.Run("what others broadcast is read and dropped", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.server.tell("broadcast", map[string]any{"event": "typing", "payload": map[string]any{}, "type": "broadcast"})
		made.server.tell("system", map[string]any{"status": "ok", "message": "Server requested disconnect"})
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
	})
}

// signalled gives a context whose first use of Done shows that Publish is waiting, so that calls can be started in order.
func signalled(t *testing.T) (context.Context, <-chan struct{}) {
	t.Helper()
	started := make(chan struct{})
	return &watchedContext{Context: t.Context(), once: new(sync.Once), started: started}, started
}

type watchedContext struct {
	context.Context //nolint:containedctx // it is a context

	once    *sync.Once
	started chan struct{}
}

func (c *watchedContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.started) })
	return c.Context.Done()
}

func TestPublishFails(t *testing.T) {
	t.Parallel()

	t.Run("for good when Realtime refuses the message", func(t *testing.T) {
		t.Parallel()
		for _, response := range []any{"payload_size_exceeded", map[string]any{"error": "payload_size_exceeded"}} {
			made := setup(t, func(_ *phoenix.Options, s *server) {
				s.push = func(string) any { return map[string]any{"status": "error", "response": response} }
			})
			err := made.client.Publish(t.Context(), message("room", `{}`))
			var refused *phoenix.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "payload_size_exceeded", refused.Reason)
			assert.Equal(t, realtime.Topic("room"), refused.Topic)
			assert.True(t, phoenix.IsPermanent(err))
		}
	})

	t.Run("for good when the channel may not be joined", func(t *testing.T) {
		t.Parallel()
		const reason = "PrivateOnly: This project only allows private channels"
		made := setup(t, func(_ *phoenix.Options, s *server) { s.join = func(string) string { return reason } })
		err := made.client.Publish(t.Context(), message("room", `{}`))
		assert.True(t, phoenix.IsPermanent(err))
		require.ErrorContains(t, err, reason)
	})

	t.Run("for now when the channel cannot be joined", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) {
			s.join = func(string) string {
				return "Unauthorized: You do not have permissions to read from this Channel topic: room"
			}
		})
		err := made.client.Publish(t.Context(), message("room", `{}`))
		require.ErrorIs(t, err, phoenix.ErrUnavailable)
		assert.False(t, phoenix.IsPermanent(err))
		made.server.change(func(s *server) { s.join = func(string) string { return "" } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
	})

	t.Run("without sending what would cost the connection", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		huge := `"` + strings.Repeat("x", 5_000_000) + `"`
		assert.True(t, phoenix.IsPermanent(made.client.Publish(t.Context(), message("room", huge))))
		assert.True(t, phoenix.IsPermanent(made.client.Publish(t.Context(), message("room", `{"a":`))))
		assert.Zero(t, made.server.count("room", "phx_join"))
	})

	t.Run("when the acknowledgement does not come, and joins anew for the next", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.AckTimeout = 20 * time.Millisecond
			s.push = func(string) any { return nil }
		})
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrTimeout)
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		assert.Equal(t, 2, made.server.count("room", "phx_join"))
		assert.Equal(t, 1, made.server.count("room", "phx_leave"))
	})

	t.Run("when the join is not answered, and can join later", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.JoinTimeout = 50 * time.Millisecond
			s.join = func(string) string { return silence }
		})
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrTimeout)
		made.server.change(func(s *server) { s.join = func(string) string { return "" } })
		require.Eventually(t, func() bool {
			return made.client.Publish(t.Context(), message("room", `{}`)) == nil
		}, patience, time.Millisecond)
	})

	t.Run("when Realtime closes the channel, with Realtime's reason", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.push = func(string) any { return nil } })
		result := made.start(t, message("room", `{}`))
		made.server.await(t, "room", "broadcast", 1)
		made.server.tell("system", map[string]any{"extension": "system", "status": "error", "message": "Too many messages per second"})
		made.server.tell("phx_close", map[string]any{})
		err := await(t, result)
		require.ErrorIs(t, err, phoenix.ErrDisconnected)
		require.ErrorContains(t, err, "Too many messages per second")
		made.server.change(func(s *server) { s.push = func(string) any { return accepted } })
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
	})

	t.Run("when Realtime has lost the channel, and joins anew", func(t *testing.T) {
		t.Parallel()
		made := setup(t, nil)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
		made.server.change(func(s *server) {
			for socket := range s.sockets {
				clear(s.sockets[socket])
			}
		})
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrDisconnected)
		require.NoError(t, made.client.Publish(t.Context(), message("room", `{}`)))
	})

	t.Run("when its context ends", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.push = func(string) any { return nil } })
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- made.client.Publish(ctx, message("room", `{}`)) }()
		made.server.await(t, "room", "broadcast", 1)
		cancel()
		require.ErrorIs(t, await(t, result), context.Canceled)
	})

	t.Run("when there is no connection within JoinTimeout", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, s *server) {
			options.JoinTimeout = 20 * time.Millisecond
			s.refuse = 500
		})
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrDisconnected)
	})

	t.Run("when the client is stopped", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(_ *phoenix.Options, s *server) { s.push = func(string) any { return nil } })
		result := made.start(t, message("room", `{}`))
		made.server.await(t, "room", "broadcast", 1)
		made.client.Stop()
		require.ErrorIs(t, await(t, result), phoenix.ErrStopped)
		require.ErrorIs(t, made.client.Publish(t.Context(), message("room", `{}`)), phoenix.ErrStopped)
		assert.Equal(t, phoenix.StateDisconnected, made.client.State())
	})
}

func TestStartRefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]phoenix.Options{
		"no key":         {URL: "http://127.0.0.1:1"},
		"no URL":         {APIKey: "k"},
		"another scheme": {URL: "postgres://db", APIKey: "k"},
		"no host":        {URL: "https://", APIKey: "k"},
		"not a URL":      {URL: "http://[::1", APIKey: "k"},
	} {
		options.Logger = slog.New(slog.DiscardHandler)
		client := phoenix.New(options)
		require.Error(t, client.Start(t.Context()), name)
		client.Stop()
	}
	assert.Panics(t, func() { phoenix.New(phoenix.Options{}) })
}
