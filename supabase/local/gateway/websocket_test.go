package gateway_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	waitForLog = 5 * time.Second
	tick       = 5 * time.Millisecond
)

// echoSocket sends each message back.
type echoSocket struct{ gws.BuiltinEventHandler }

func (echoSocket) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	_ = socket.WriteMessage(message.Opcode, message.Bytes())
}

// inbox hands over what the server sends.
type inbox struct {
	gws.BuiltinEventHandler
	messages chan string
}

func (i inbox) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	i.messages <- message.Data.String()
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	upgrader := gws.NewUpgrader(echoSocket{}, nil)
	served := make(chan struct{})
	realtime := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(served)
		socket, err := upgrader.Upgrade(w, r)
		if assert.NoError(t, err) {
			socket.ReadLoop()
		}
	})
	backends := gateway.Backends{Auth: echo("auth"), Rest: echo("rest"), Realtime: realtime}
	server := httptest.NewServer(gateway.New(backends, keys.New(), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)

	received := inbox{messages: make(chan string, 1)}
	socket, response, err := gws.NewClient(received, &gws.ClientOption{
		Addr: strings.Replace(server.URL, "http", "ws", 1) + "/realtime/v1/websocket?vsn=1.0.0&apikey=" + keys.Publishable,
	})
	require.NoError(t, err)
	defer response.Body.Close()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		socket.ReadLoop()
	}()

	require.NoError(t, socket.WriteString("ping"))
	select {
	case message := <-received.messages:
		assert.Equal(t, "ping", message)
	case <-time.After(waitForLog):
		require.Fail(t, "the WebSocket behind the gateway did not answer")
	}
	require.NoError(t, socket.WriteClose(1000, nil))
	<-closed
	<-served
}
