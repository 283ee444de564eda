package phoenix_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/supabase/local/channels"
	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

// newStandIn serves the stand-in's Realtime, with its policies on a real Postgres, behind the gateway, and gives its URL.
func newStandIn(t testing.TB) string {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	ring := keys.New()
	realtimeServer := channels.New(channels.Options{
		Pool: localtest.New(t).Pool(t, "supabase_admin"), Ring: ring, Logger: logger, MaxPayloadBytes: 10_000,
	})
	nothing := http.NotFoundHandler()
	backends := gateway.Backends{Auth: nothing, Rest: nothing, Realtime: realtimeServer}
	front := httptest.NewServer(gateway.New(backends, ring, logger))
	t.Cleanup(func() {
		front.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		assert.NoError(t, realtimeServer.Close(ctx))
	})
	return front.URL
}

func newStandInClient(t *testing.T, address, key string) *phoenix.Client {
	t.Helper()
	client := phoenix.New(phoenix.Options{
		URL: address, APIKey: key, Logger: slog.New(slog.DiscardHandler), JoinsPerSecond: 10_000,
	})
	require.NoError(t, client.Start(t.Context()))
	t.Cleanup(client.Stop)
	return client
}

func TestAgainstTheStandIn(t *testing.T) {
	t.Parallel()
	address := newStandIn(t)

	for name, key := range map[string]string{"secret key": keys.Secret, "service_role token": keys.New().ServiceRoleJWT()} {
		t.Run("a subscriber gets every message, in order, with the "+name, func(t *testing.T) {
			t.Parallel()
			topic := "conversation:" + strings.Fields(name)[0]
			heard := subscribe(t, address, topic)
			client := newStandInClient(t, address, key)
			for i := range 50 {
				require.NoError(t, client.Publish(t.Context(), message(topic, fmt.Sprintf(`{"n":%d}`, i))))
			}
			for i := range 50 {
				assert.JSONEq(t, fmt.Sprintf(`{"n":%d}`, i), heard.next(t))
			}
		})
	}

	t.Run("more topics than a connection may join all get through", func(t *testing.T) {
		t.Parallel()
		client := newStandInClient(t, address, keys.Secret)
		var tasks sync.WaitGroup
		for worker := range 32 {
			tasks.Go(func() {
				for i := range 8 {
					topic := fmt.Sprintf("conversation:many-%d-%d", worker, i)
					assert.NoError(t, client.Publish(t.Context(), message(topic, `{}`)))
				}
			})
		}
		tasks.Wait()
	})

	t.Run("a payload above the limit is refused for good", func(t *testing.T) {
		t.Parallel()
		client := newStandInClient(t, address, keys.Secret)
		err := client.Publish(t.Context(), message("room", `{"text":"`+strings.Repeat("x", 20_000)+`"}`))
		assert.True(t, phoenix.IsPermanent(err), "%v", err)
		require.NoError(t, client.Publish(t.Context(), message("room", `{}`)))
	})

	t.Run("a lesser key is refused private channels", func(t *testing.T) {
		t.Parallel()
		client := newStandInClient(t, address, keys.Publishable)
		err := client.Publish(t.Context(), message("room", `{}`))
		require.ErrorIs(t, err, phoenix.ErrUnavailable)
		require.ErrorContains(t, err, "Unauthorized")
	})

	t.Run("the bridge brings committed events through it, and parks what it refuses", func(t *testing.T) {
		t.Parallel()
		heard := subscribe(t, address, "conversation:bridged")
		letters := make(parkedLetters, 10)
		bridge := broadcast.New(broadcast.Options{
			Transport: newStandInClient(t, address, keys.Secret), DeadLetters: letters, Logger: slog.New(slog.DiscardHandler),
		})
		bridge.Start(t.Context())
		require.NoError(t, bridge.Deliver(t.Context(), resolved(10, 1, "bridged", "agent")))
		require.NoError(t, bridge.Deliver(t.Context(), resolved(20, 2, "bridged", strings.Repeat("x", 20_000))))
		require.NoError(t, bridge.Deliver(t.Context(), resolved(30, 3, "bridged", "agent")))
		require.NoError(t, bridge.Stop(t.Context()))
		assert.JSONEq(t, `{"v":1,"id":"1","seq":1,"conversation_id":"bridged","resolved_by":"agent","show_rating":true}`, heard.next(t))
		assert.JSONEq(t, `{"v":1,"id":"3","seq":3,"conversation_id":"bridged","resolved_by":"agent","show_rating":true}`, heard.next(t))
		assert.Contains(t, (<-letters).Reason, "payload_size_exceeded")
		assert.Equal(t, realtime.Position(30), bridge.Confirmed())
	})

	t.Run("a wrong key does not connect", func(t *testing.T) {
		t.Parallel()
		made := setup(t, func(options *phoenix.Options, _ *server) {
			options.URL, options.APIKey = address, "sb_secret_of_another_project"
		})
		made.awaitState(t, phoenix.StateDisconnected)
		made.client.Stop()
		assert.Contains(t, made.log.String(), "HTTP 401")
	})
}

type parkedLetters chan broadcast.Parked

func (l parkedLetters) Park(_ context.Context, parked broadcast.Parked) error {
	l <- parked
	return nil
}

func resolved(position realtime.Position, id int64, conversation, by string) realtime.Transaction {
	return realtime.Transaction{Position: position, Events: []realtime.Event{{
		ID: id, ProjectID: "p", ConversationID: conversation, Kind: realtime.KindResolved, Seq: id,
		Payload: json.RawMessage(`{"conversation_id":"` + conversation + `","resolved_by":"` + by + `","show_rating":true}`),
	}}}
}

// ear is a subscriber of one private topic.
type ear struct {
	gws.BuiltinEventHandler

	frames chan wireFrame
}

func (e *ear) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	if message.Opcode == gws.OpcodeBinary {
		e.frames <- readBinary(message.Bytes())
		return
	}
	e.frames <- readFrame(message.Bytes())
}

// readBinary reads a broadcast in the form that HTTP's single messages arrive in: a kind, four lengths or kinds, topic,
// event, metadata, payload.
func readBinary(data []byte) wireFrame {
	topic, event, meta := int(data[1]), int(data[2]), int(data[3])
	rest := data[5:]
	return wireFrame{
		topic: string(rest[:topic]), event: "broadcast",
		payload: []byte(`{"payload":` + string(rest[topic+event+meta:]) + `}`),
	}
}

func subscribe(t *testing.T, address, topic string) *ear {
	t.Helper()
	made := &ear{frames: make(chan wireFrame, 1000)}
	socket, response, err := gws.NewClient(made, &gws.ClientOption{
		Addr: strings.Replace(address, "http", "ws", 1) + "/realtime/v1/websocket?vsn=2.0.0&apikey=" + keys.Secret,
	})
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	var done sync.WaitGroup
	done.Go(socket.ReadLoop)
	t.Cleanup(func() {
		_ = socket.WriteClose(1000, nil)
		done.Wait()
	})
	join := fmt.Sprintf(`["1","1","realtime:%s","phx_join",{"config":{"private":true}}]`, topic)
	require.NoError(t, socket.WriteString(join))
	for read := made.read(t); read.event != "phx_reply"; read = made.read(t) {
		require.NotEqual(t, "phx_error", read.event)
	}
	return made
}

func (e *ear) read(t *testing.T) wireFrame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case read := <-e.frames:
		return read
	case <-ctx.Done():
		require.FailNow(t, "nothing was heard")
		return wireFrame{}
	}
}

// next is the payload of the next broadcast.
func (e *ear) next(t *testing.T) string {
	t.Helper()
	for {
		read := e.read(t)
		if read.event != "broadcast" {
			continue
		}
		var body struct {
			Payload json.RawMessage `json:"payload"`
		}
		require.NoError(t, json.Unmarshal(read.payload, &body))
		return string(body.Payload)
	}
}

func payloadField(t *testing.T, payload, field string) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(payload), &fields), payload)
	text, _ := fields[field].(string)
	return text
}
