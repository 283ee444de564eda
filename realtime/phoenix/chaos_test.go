package phoenix_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// mishap is what a proxy does to a piece of what it passes on.
type mishap int

const (
	nothing mishap = iota
	delay
	cut     // half of the piece arrives, then the connection is gone
	garble  // the piece is overwritten
	swallow // the connection stays, but nothing arrives any more
)

// proxy stands between a client and Realtime, for every connection anew.
type proxy struct {
	listener net.Listener
	target   string
	// toServer and toClient choose a mishap for each piece. What goes to the server is never garbled: a plain connection has
	// no means to notice that in a payload, and the real one is encrypted.
	toServer func() mishap
	toClient func() mishap
	tasks    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T, address string, toServer, toClient func() mishap) *proxy {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	made := &proxy{listener: listener, target: target.Host, toServer: toServer, toClient: toClient}
	made.tasks.Go(made.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		made.mu.Lock()
		for _, conn := range made.conns {
			_ = conn.Close()
		}
		made.mu.Unlock()
		made.tasks.Wait()
	})
	return made
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout("tcp", p.target, patience) //nolint:noctx // a test's own server
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.tasks.Go(func() { pass(server, client, p.toServer) })
		p.tasks.Go(func() { pass(client, server, p.toClient) })
	}
}

// pass copies until a mishap or an error ends it, and closes both ends then.
func pass(to, from net.Conn, choose func() mishap) {
	defer func() { _, _ = to.Close(), from.Close() }()
	piece := make([]byte, 2048)
	for {
		size, err := from.Read(piece)
		if err != nil {
			return
		}
		switch choose() {
		case nothing:
		case delay:
			<-time.After(2 * time.Millisecond)
		case cut:
			_, _ = to.Write(piece[:size/2])
			return
		case garble:
			for i := range size {
				piece[i] = 0xff
			}
		case swallow:
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(piece[:size]); err != nil {
			return
		}
	}
}

// chance chooses a mishap for about one piece in so many, and none when calm says so.
func chance(seed uint64, oneIn int, calm func() bool, mishaps ...mishap) func() mishap {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func() mishap {
		mu.Lock()
		defer mu.Unlock()
		if calm() || random.IntN(oneIn) > 0 {
			return nothing
		}
		return mishaps[random.IntN(len(mishaps))]
	}
}

func never() bool { return false }

// newChaosBridge sends through the transport, quick to try again.
func newChaosBridge(t *testing.T, transport broadcast.Transport) *broadcast.Bridge {
	t.Helper()
	bridge := broadcast.New(broadcast.Options{
		Transport: transport, DeadLetters: make(parkedLetters, 100), Logger: slog.New(slog.DiscardHandler),
		RetryMin: time.Millisecond, RetryMax: 20 * time.Millisecond, PoisonAttempts: 1_000_000, PublishTimeout: 3 * time.Second,
		Window: 5,
	})
	bridge.Start(t.Context())
	t.Cleanup(func() { _ = bridge.Stop(t.Context()) })
	return bridge
}

// chaosOptions make a client that finds out quickly.
func chaosOptions(address string) phoenix.Options {
	return phoenix.Options{
		URL: address, APIKey: keys.Secret, Logger: slog.New(slog.DiscardHandler), JoinsPerSecond: 10_000,
		MaxChannels: 2, MaxConnections: 2, AckTimeout: 300 * time.Millisecond, JoinTimeout: time.Second,
		DialTimeout: 300 * time.Millisecond, HeartbeatInterval: 100 * time.Millisecond, ReconnectMin: time.Millisecond, ReconnectMax: 5 * time.Millisecond,
	}
}

// deliverAll commits so many events to each conversation and gives the ears that must hear them.
func deliverAll(t *testing.T, bridge *broadcast.Bridge, address string, conversations, events int) []*ear {
	t.Helper()
	ears := make([]*ear, conversations)
	for i := range ears {
		ears[i] = subscribe(t, address, fmt.Sprintf("conversation:chaos-%d", i))
	}
	for id := range int64(conversations * events) {
		conversation := fmt.Sprintf("chaos-%d", id%int64(conversations))
		require.NoError(t, bridge.Deliver(t.Context(), resolved(realtime.Position(id+1), id+1, conversation, "agent")))
	}
	return ears
}

// hears asserts that first arrivals are all there, in order.
func hears(t *testing.T, listener *ear, first, step, count int) {
	t.Helper()
	var ids []int
	for len(ids) < count {
		id, err := strconv.Atoi(payloadField(t, listener.next(t), "id"))
		require.NoError(t, err)
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
			require.Equal(t, first+(len(ids)-1)*step, id, "heard so far: %v", ids)
		}
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()

	t.Run("connections that are cut, slow, garbled and deaf lose nothing and keep the order", func(t *testing.T) {
		t.Parallel()
		const conversations, events = 6, 60
		address := newStandIn(t)
		between := newProxy(t, address, chance(1, 20, never, delay, cut, cut, swallow), chance(2, 20, never, delay, cut, garble, swallow))
		client := phoenix.New(chaosOptions(between.url()))
		require.NoError(t, client.Start(t.Context()))
		t.Cleanup(client.Stop)
		bridge := newChaosBridge(t, client)
		for i, listener := range deliverAll(t, bridge, address, conversations, events) {
			hears(t, listener, i+1, conversations, events)
		}
		require.Eventually(t, func() bool { return bridge.Pending() == 0 }, patience, time.Millisecond)
		assert.Equal(t, realtime.Position(conversations*events), bridge.Confirmed())
		assert.Greater(t, client.Stats().Connects, uint64(3), "there was chaos")
		assert.Zero(t, bridge.Stats().Parked)
	})

	t.Run("without any socket the messages go over HTTP, and by socket again when there is one", func(t *testing.T) {
		t.Parallel()
		const conversations, events = 3, 20
		address := newStandIn(t)
		var mu sync.Mutex
		broken := true
		calm := func() bool {
			mu.Lock()
			defer mu.Unlock()
			return !broken
		}
		between := newProxy(t, address, chance(1, 1, calm, cut), chance(2, 1, calm, cut))
		overHTTP, err := supabase.NewHTTPBroadcast(address, keys.Secret)
		require.NoError(t, err)
		t.Cleanup(overHTTP.Close)
		var failover *broadcast.Failover
		options := chaosOptions(between.url())
		options.OnState = func(state phoenix.State) { failover.SetPrimaryUp(state == phoenix.StateConnected) }
		client := phoenix.New(options)
		failover = broadcast.NewFailover(broadcast.FailoverOptions{
			Primary: client, Secondary: overHTTP, Logger: slog.New(slog.DiscardHandler), Patience: 50 * time.Millisecond,
		})
		require.NoError(t, client.Start(t.Context()))
		t.Cleanup(client.Stop)
		bridge := newChaosBridge(t, failover)
		for i, listener := range deliverAll(t, bridge, address, conversations, events) {
			hears(t, listener, i+1, conversations, events)
		}
		require.Eventually(t, func() bool { return bridge.Pending() == 0 }, patience, time.Millisecond)
		assert.Equal(t, uint64(conversations*events), failover.Stats().Secondary)

		mu.Lock()
		broken = false
		mu.Unlock()
		require.Eventually(t, func() bool { return client.State() == phoenix.StateConnected }, patience, time.Millisecond)
		require.NoError(t, failover.Publish(t.Context(), message("conversation:chaos-0", `{"id":"last"}`)))
		assert.Equal(t, uint64(1), failover.Stats().Primary)
	})
}
