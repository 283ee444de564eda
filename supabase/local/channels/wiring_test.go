package channels_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	startPatience = 90 * time.Second
	framePatience = 10 * time.Second
)

// textClient collects what comes.
type textClient struct {
	gws.BuiltinEventHandler
	frames chan string
}

func (c textClient) OnMessage(_ *gws.Conn, message *gws.Message) {
	c.frames <- message.Data.String()
	_ = message.Close()
}

func (c textClient) expect(t *testing.T, part string) {
	t.Helper()
	select {
	case frame := <-c.frames:
		require.Contains(t, frame, part)
	case <-time.After(framePatience):
		require.FailNow(t, "no frame came", "want %s", part)
	}
}

// TestTheStandInWiresRealtime goes in by the gateway and wants what the stand-in has to hand over: the database to read
// messages from, and the limits.
func TestTheStandInWiresRealtime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	stack, err := local.Start(ctx, local.Options{Ephemeral: true, SupabaseLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), startPatience)
		defer cancel()
		require.NoError(t, stack.Stop(ctx))
	})
	client := textClient{frames: make(chan string, 100)}
	conn, _, err := gws.NewClient(client, &gws.ClientOption{
		Addr: strings.Replace(stack.URL(), "http", "ws", 1) + "/realtime/v1/websocket?apikey=" + keys.Publishable,
	})
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn.ReadLoop()
	}()
	t.Cleanup(func() {
		_ = conn.NetConn().Close()
		<-ended
	})

	require.NoError(t, conn.WriteString(`{"topic":"realtime:a","event":"phx_join","ref":"1","join_ref":"1",
		"payload":{"config":{"broadcast":{"replication_ready":true}}}}`))
	client.expect(t, `"status":"ok"`)
	client.expect(t, "Replication connection established")
	database, err := pgx.Connect(ctx, stack.DatabaseURL("postgres"))
	require.NoError(t, err)
	_, err = database.Exec(ctx, `select realtime.send('{"from": "sql"}', 'e', 'a', false)`)
	require.NoError(t, err)
	require.NoError(t, database.Close(ctx))
	client.expect(t, `"from": "sql"`)

	for range 6 {
		require.NoError(t, conn.WriteString(`{"topic":"realtime:a","event":"presence","payload":{"event":"untrack"},"ref":"2"}`))
	}
	for range 5 {
		client.expect(t, "phx_reply")
	}
	client.expect(t, "Client presence rate limit exceeded")
}
