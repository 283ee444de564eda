package channels

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(crowdServerVariable) != "" {
		if err := serveCrowd(); err != nil {
			panic(err)
		}
		return
	}
	localtest.Main(m)
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// rig is a server on a socket of its own.
type rig struct {
	*Server
	ring *keys.Ring
	http *httptest.Server
}

// newRig starts a server whose database cannot be reached: public channels need none.
func newRig(t *testing.T, options Options) *rig {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return startRig(t, pool, options)
}

func startRig(t *testing.T, pool *pgxpool.Pool, options Options) *rig {
	t.Helper()
	options.Pool, options.Ring = pool, keys.New()
	setDefault(&options.Logger, slog.New(slog.DiscardHandler))
	setDefault(&options.RefusalDelay, time.Millisecond)
	r := &rig{Server: New(options), ring: options.Ring}
	r.http = httptest.NewServer(r.Server)
	t.Cleanup(func() {
		r.http.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		require.NoError(t, r.Close(ctx))
	})
	return r
}

// token signs a token of a role that is valid for an hour.
func (r *rig) token(t *testing.T, role, subject string) string {
	t.Helper()
	return r.sign(t, map[string]any{"role": role, "sub": subject, "exp": time.Now().Add(time.Hour).Unix()})
}

func (r *rig) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	token, err := r.ring.Sign(claims)
	require.NoError(t, err)
	return token
}

// client is a WebSocket client that knows frames, and nothing of Phoenix.
type client struct {
	gws.BuiltinEventHandler
	t      *testing.T
	conn   *gws.Conn
	frames chan string // a binary frame begins with its kind
	closed chan uint16
	ref    int
}

func (c *client) OnMessage(_ *gws.Conn, message *gws.Message) {
	c.frames <- message.Data.String()
	_ = message.Close()
}

func (c *client) OnClose(_ *gws.Conn, err error) {
	code := uint16(1006)
	if closed, ok := err.(*gws.CloseError); ok { //nolint:errorlint // gws hands it over bare
		code = closed.Code
	}
	c.closed <- code
}

// dial connects with the anonymous key.
func (r *rig) dial(t *testing.T, vsn string) *client {
	t.Helper()
	return r.dialWith(t, vsn, keys.Publishable)
}

func (r *rig) dialWith(t *testing.T, vsn, key string) *client {
	t.Helper()
	c := &client{t: t, frames: make(chan string, 1<<12), closed: make(chan uint16, 1)}
	c.conn = r.upgrade(t, c, vsn, key)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.conn.ReadLoop()
	}()
	t.Cleanup(func() {
		_ = c.conn.NetConn().Close()
		<-done
	})
	return c
}

// upgrade opens a WebSocket that nobody reads yet.
func (r *rig) upgrade(t *testing.T, handler gws.Event, vsn, key string) *gws.Conn {
	t.Helper()
	query := url.Values{"apikey": {key}, "vsn": {vsn}}
	conn, _, err := gws.NewClient(handler, &gws.ClientOption{ //nolint:bodyclose // the answer has none: it is 101
		Addr: strings.Replace(r.http.URL, "http", "ws", 1) + "/socket/websocket?" + query.Encode(),
	})
	require.NoError(t, err)
	return conn
}

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	require.NoError(c.t, c.conn.WriteMessage(gws.OpcodeText, fmt.Appendf(nil, format, args...)))
}

func (c *client) sendBinary(data []byte) {
	c.t.Helper()
	require.NoError(c.t, c.conn.WriteMessage(gws.OpcodeBinary, data))
}

// next returns the next frame.
func (c *client) next() string {
	c.t.Helper()
	select {
	case frame := <-c.frames:
		return frame
	case <-time.After(patience):
		require.FailNow(c.t, "no frame came")
		return ""
	}
}

// expect wants exactly these frames, in this order. REF stands for any phx_ref.
func (c *client) expect(frames ...string) {
	c.t.Helper()
	for _, want := range frames {
		require.Equal(c.t, want, hideRefs(c.next()))
	}
}

var presenceRef = regexp.MustCompile(`("phx_ref(?:_prev)?":)"[^"]+"`)

func hideRefs(frame string) string {
	return presenceRef.ReplaceAllString(frame, `$1"REF"`)
}

// expectNothing proves that nothing is on its way: the server handles a client's frames in order, and delivers while it
// handles them, so the answer to a heartbeat would come after it.
func (c *client) expectNothing() {
	c.t.Helper()
	c.send(`[null,"quiet","phoenix","heartbeat",{}]`)
	c.expect(`[null,"quiet","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func (c *client) expectClose(code uint16) {
	c.t.Helper()
	select {
	case got := <-c.closed:
		require.Equal(c.t, code, got)
	case <-time.After(patience):
		require.FailNow(c.t, "the socket was not closed")
	}
}

func (c *client) nextRef() string {
	c.ref++
	return strconv.Itoa(c.ref)
}

// join joins a topic under vsn 2 and returns the reply's payload. The join_ref is the number of the client's pushes.
func (c *client) join(topic, payload string) (joinRef, reply string) {
	c.t.Helper()
	joinRef = c.nextRef()
	c.send(`["%s","%s","%s","phx_join",%s]`, joinRef, joinRef, topic, payload)
	reply = c.next()
	prefix := fmt.Sprintf(`[%q,%q,%q,"phx_reply",`, joinRef, joinRef, topic)
	require.True(c.t, strings.HasPrefix(reply, prefix), "reply %s", reply)
	return joinRef, strings.TrimSuffix(strings.TrimPrefix(reply, prefix), "]")
}

// requireText wants the very bytes: JSON that is merely equal will not do here.
func requireText(t *testing.T, want, got string) {
	t.Helper()
	require.Equal(t, want, got)
}

const joinedReply = `{"status":"ok","response":{"postgres_changes":[]}}`

// mustJoin joins a topic with a config and wants it to succeed.
func (c *client) mustJoin(topic, config string) (joinRef string) {
	c.t.Helper()
	joinRef, reply := c.join(topic, `{"config":`+config+`}`)
	requireText(c.t, joinedReply, reply)
	return joinRef
}

// userPush is a kind 3 frame.
func userPush(joinRef, messageRef, topic, event string, encoding byte, payload string) []byte {
	header := []byte{
		kindUserPush, byte(len(joinRef)), byte(len(messageRef)), byte(len(topic)), byte(len(event)), 0, encoding,
	}
	return append(header, joinRef+messageRef+topic+event+payload...)
}

// userBroadcast is a kind 4 frame without metadata.
func userBroadcast(topic, event string, encoding byte, payload string) string {
	header := []byte{kindUserBroadcast, byte(len(topic)), byte(len(event)), 0, encoding}
	return string(header) + topic + event + payload
}

// post sends a request with the service key and returns status and body.
func (r *rig) post(t *testing.T, path, contentType, body string) (status int, answer string) {
	t.Helper()
	return r.postAs(t, r.ring.ServiceRoleJWT(), path, contentType, body)
}

func (r *rig) postAs(t *testing.T, token, path, contentType, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL+path, bytes.NewBufferString(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (status int, answer string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(data)
}

func get(t *testing.T, address string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	return do(t, request)
}
