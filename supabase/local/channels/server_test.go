package channels

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

func TestLimitsOfSockets(t *testing.T) {
	t.Parallel()

	t.Run("channels per client", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{ChannelsPerClient: 1}})
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{}`)
		_, reply := c.join("realtime:b", `{}`)
		requireText(t, `{"status":"error","response":{"reason":"ChannelRateLimitReached: Too many channels"}}`, reply)
	})
	t.Run("users are sockets with a channel", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{Users: 1}})
		first, second := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		first.mustJoin("realtime:a", `{}`)
		first.mustJoin("realtime:b", `{}`)
		_, reply := second.join("realtime:a", `{}`)
		requireText(t, `{"status":"error","response":{"reason":"ConnectionRateLimitReached: Too many connected users"}}`, reply)
		status, body := get(t, r.http.URL+"/socket/websocket?apikey="+keys.Publishable)
		requireText(t, `{"error":"Too many connected users"}`, body)
		require.Equal(t, 429, status)
	})
	t.Run("joins per second close the socket", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{JoinsPerSecond: 10}})
		c := r.dial(t, "2.0.0")
		past(r.joins, 20)
		_, reply := c.join("realtime:a", `{}`)
		requireText(t, `{"status":"error","response":{"reason":"ClientJoinRateLimitReached: Too many joins per second"}}`, reply)
		c.expectClose(1001)
	})
	t.Run("events per second close whoever is delivered a message", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: SupabaseDefaults()})
		sender, listener := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		joinRef := sender.mustJoin("realtime:a", `{}`)
		listener.mustJoin("realtime:a", `{}`)
		past(r.events, 200)
		sender.sendBinary(userPush(joinRef, "2", "realtime:a", "e", 1, `{}`))
		listener.expect(userBroadcast("realtime:a", "e", 1, `{}`))
		listener.expect(shutDownFrames("a", "Too many messages per second")...)
		listener.expectNothing()
	})
	t.Run("presence calls of a client", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{PresenceCalls: 1}})
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{}`)
		for range 2 {
			c.send(`["1","2","realtime:a","presence",{"event":"untrack"}]`)
		}
		c.next()
		c.expect(shutDownFrames("a", "Client presence rate limit exceeded")...)
	})
	t.Run("presence per second", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{PresencePerSecond: 10}})
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{}`)
		past(r.presence, 20)
		c.send(`["1","2","realtime:a","presence",{"event":"track","payload":{}}]`)
		c.expect(shutDownFrames("a", "Too many presence messages per second")...)
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()

	t.Run("closes a silent socket", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{IdleTimeout: 10 * time.Millisecond, sweepInterval: time.Millisecond})
		r.dial(t, "2.0.0").expectClose(1000)
	})
	t.Run("closes a socket without channels", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{IdleTimeout: 24 * time.Hour})
		member, guest := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		member.mustJoin("realtime:a", `{}`)
		guest.expectNothing()
		r.sweep(time.Now().Add(11 * time.Minute))
		guest.expectClose(1000)
		member.expectNothing()
	})
}

func TestBadClients(t *testing.T) {
	t.Parallel()

	t.Run("garbage is dropped and the socket stays", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		c := r.dial(t, "2.0.0")
		for _, garbage := range []string{"", "hello", "{}", "[]", `[1,2,3,4,5]`, `[null,null,null,null,null]`, strings.Repeat("[", 20_000)} {
			c.send("%s", garbage)
			c.sendBinary([]byte(garbage))
		}
		c.expectNothing()
	})
	t.Run("a frame above the limit closes the socket with 1009", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{MaxFrameBytes: 1000})
		c := r.dial(t, "2.0.0")
		c.sendBinary(make([]byte, 1001))
		c.expectClose(1009)
	})
	t.Run("a ping is answered", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		c := &pingClient{pongs: make(chan string, 1)}
		conn := r.upgrade(t, c, "2.0.0", keys.Publishable)
		var reading sync.WaitGroup
		reading.Go(conn.ReadLoop)
		require.NoError(t, conn.WritePing([]byte("hi")))
		select {
		case pong := <-c.pongs:
			assert.Equal(t, "hi", pong)
		case <-time.After(patience):
			assert.Fail(t, "no pong")
		}
		_ = conn.NetConn().Close()
		reading.Wait()
	})
	t.Run("one that does not read is cut off and the others go on", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{MaxQueuedBytes: 1 << 20})
		sender, listener, stuck := r.dial(t, "2.0.0"), r.dial(t, "2.0.0"), r.dialStuck(t)
		joinRef := sender.mustJoin("realtime:a", `{"broadcast":{"ack":true}}`)
		listener.mustJoin("realtime:a", `{}`)
		large := `"` + strings.Repeat("x", 100_000) + `"`
		for i := 0; len(r.list()) > 2; i++ { // the kernel takes some megabytes before anything piles up here
			require.Less(t, i, 1000, "the stuck client is still there")
			sender.sendBinary(userPush(joinRef, "2", "realtime:a", "e", 1, large))
			sender.next()
			listener.next()
		}
		_ = stuck.Close()
		listener.expectNothing()
	})
	t.Run("a crash ends one socket", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{sweepInterval: time.Hour}) // the sweeper must not find what the test breaks
		c, other := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{}`)
		for _, socket := range r.list() {
			if broken := socket.find("realtime:a"); broken != nil {
				broken.identity.Store(nil)
			}
		}
		c.send(`["1","2","realtime:a","access_token",{"access_token":"x"}]`)
		c.expectClose(1011)
		other.expectNothing()
	})
}

type pingClient struct {
	gws.BuiltinEventHandler
	pongs chan string
}

func (c *pingClient) OnPong(_ *gws.Conn, payload []byte) { c.pongs <- string(payload) }

// dialStuck joins realtime:a and never reads.
func (r *rig) dialStuck(t *testing.T) net.Conn {
	t.Helper()
	conn := r.upgrade(t, &gws.BuiltinEventHandler{}, "2.0.0", keys.Publishable)
	t.Cleanup(func() { _ = conn.NetConn().Close() })
	require.NoError(t, conn.WriteString(`["1","1","realtime:a","phx_join",{}]`))
	require.Eventually(t, func() bool { return r.hub.find(roomKey{topic: "realtime:a"}) != nil }, patience, time.Millisecond)
	return conn.NetConn()
}

func TestClose(t *testing.T) {
	t.Parallel()

	t.Run("closes sockets with 1001 and turns new ones away", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{}`)
		require.NoError(t, r.Close(t.Context()))
		c.expectClose(1001)
		r.dial(t, "2.0.0").expectClose(1001)
		require.Zero(t, r.users.Load())
	})
	t.Run("does not wait out the delay of a refusal", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{RefusalDelay: time.Hour})
		c := r.dial(t, "2.0.0")
		c.send(`["1","1","realtime:","phx_join",{}]`)
		require.NoError(t, r.Close(t.Context()))
	})
	t.Run("does not wait for clients that answer no close frame", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		r.dialStuck(t)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, r.Close(ctx))
	})
	t.Run("cuts connections when its time is over", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		r.dialStuck(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, r.Close(ctx), context.Canceled)
	})
	t.Run("ends well while everything happens at once", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{sweepInterval: time.Millisecond})
		var clients [8]*client
		for i := range clients {
			clients[i] = r.dial(t, "2.0.0")
		}
		var begun, running sync.WaitGroup
		begun.Add(len(clients))
		for i, c := range clients {
			running.Go(func() { churn(c, fmt.Sprintf("realtime:%d", i%3), begun.Done) })
		}
		begun.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		require.NoError(t, r.Close(ctx))
		running.Wait()
	})
}

// churn joins, tracks, sends and leaves until the connection ends. It calls begun in the middle of it.
func churn(c *client, topic string, begun func()) {
	for round := 0; ; round++ {
		if round == 20 {
			begun()
		}
		for _, frame := range []string{
			`["1","1","%s","phx_join",{"config":{"presence":{"enabled":true}}}]`,
			`["1","2","%s","presence",{"event":"track","payload":{}}]`,
			`["1","3","%s","broadcast",{"event":"e"}]`,
			`["1","4","%s","phx_leave",{}]`,
		} {
			if c.conn.WriteMessage(gws.OpcodeText, fmt.Appendf(nil, frame, topic)) != nil {
				return
			}
			for len(c.frames) > 0 {
				<-c.frames
			}
		}
	}
}
