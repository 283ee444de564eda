package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// mode is how the proxy treats connections.
type mode int32

const (
	passing   mode = iota
	down           // connections are closed at once
	tooMany        // every request is answered 429
	broken         // every request is answered 500
	garbage        // every connection is answered with random bytes
	slow           // every piece of data is late
	cutting        // connections end in the middle of a frame
	swallowed      // connections are accepted and nothing ever comes back
)

const (
	proxyDialTimeout = 5 * time.Second
	headTimeout      = 5 * time.Second
	relayBuffer      = 4 << 10
	garbageBytes     = 512
	// slowest is the longest delay of one piece of data in mode slow.
	slowest = 200 * time.Millisecond
	// cutWithin is the most bytes that pass one way in mode cutting.
	cutWithin = 6 << 10
)

var errCut = errors.New("cut by the proxy")

// proxy stands between the worker and the stand-in's gateway and does what networks and overloaded services do.
type proxy struct {
	target   string
	listener net.Listener
	mode     atomic.Int32
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// startProxy listens on a free port of the loopback address. Call close.
func startProxy(ctx context.Context, target string) (*proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	p := &proxy{target: target, listener: listener, conns: map[net.Conn]struct{}{}}
	ctx = context.WithoutCancel(ctx)
	p.running.Go(func() { p.accept(ctx) })
	return p, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// set changes how connections are treated. Modes that answer in the gateway's place end what is open, so that clients
// come back and meet the answer; the others take hold of open connections too.
func (p *proxy) set(next mode) {
	p.mode.Store(int32(next))
	switch next {
	case down, tooMany, broken:
		p.endAll()
	case passing, garbage, slow, cutting, swallowed:
	}
}

func (p *proxy) current() mode { return mode(p.mode.Load()) }

func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.endAll()
	p.running.Wait()
	return err
}

func (p *proxy) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		_ = conn.Close() // whoever reads from it notices
	}
}

// keep remembers a connection, so that it can be ended; false: the proxy is closing.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *proxy) forget(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *proxy) accept(ctx context.Context) {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		if p.keep(conn) {
			p.running.Go(func() {
				defer p.forget(conn)
				p.serve(ctx, conn)
			})
		}
	}
}

func (p *proxy) serve(ctx context.Context, conn net.Conn) {
	switch p.current() {
	case down:
	case tooMany:
		answer(conn, http.StatusTooManyRequests)
	case broken:
		answer(conn, http.StatusInternalServerError)
	case garbage:
		_, _ = conn.Write(noise())
	case swallowed:
		_, _ = io.Copy(io.Discard, conn) // until the client gives up, or the mode ends the connection
	case passing, slow, cutting:
		p.connect(ctx, conn)
	}
}

// answer reads one request's head and refuses it.
func answer(conn net.Conn, status int) {
	_ = conn.SetDeadline(time.Now().Add(headTimeout)) // a connection without deadlines is only slower to end
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_ = request.Body.Close()
	body := fmt.Sprintf(`{"message":%q}`, http.StatusText(status))
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

func noise() []byte {
	bytes := make([]byte, garbageBytes)
	for i := range bytes {
		bytes[i] = byte(rand.Uint32()) //nolint:gosec // noise needs no secrecy
	}
	return bytes
}

func (p *proxy) connect(ctx context.Context, client net.Conn) {
	dialer := net.Dialer{Timeout: proxyDialTimeout}
	server, err := dialer.DialContext(ctx, "tcp", p.target)
	if err != nil || !p.keep(server) {
		return // the client sees its connection end, as from a gateway that has gone
	}
	defer p.forget(server)
	var back sync.WaitGroup
	back.Go(func() {
		p.relay(client, server)
		_ = client.Close()
	})
	p.relay(server, client)
	_ = server.Close()
	back.Wait()
}

// relay passes data on until either side ends or the mode cuts it.
func (p *proxy) relay(to io.Writer, from io.Reader) {
	buffer := make([]byte, relayBuffer)
	left := -1
	for {
		n, err := from.Read(buffer)
		if n > 0 && err == nil {
			err = p.pass(to, buffer[:n], &left)
		}
		if err != nil {
			return
		}
	}
}

// pass writes one piece of data in the way of the mode. left is how many more bytes pass before a cut.
func (p *proxy) pass(to io.Writer, data []byte, left *int) error {
	switch p.current() {
	case slow:
		if err := waitRandom(slowest); err != nil {
			return err
		}
	case garbage:
		_, _ = to.Write(noise())
		return errCut
	case swallowed:
		return nil
	case cutting:
		if *left < 0 {
			*left = 1 + rand.IntN(cutWithin) //nolint:gosec // chance needs no secrecy
		}
		if len(data) >= *left {
			_, _ = to.Write(data[:*left])
			return errCut
		}
		*left -= len(data)
	case passing, down, tooMany, broken:
		*left = -1
	}
	_, err := to.Write(data)
	return err
}

// waitRandom is not bound to a context: it is short, and a connection that is ended meanwhile fails at the next write.
func waitRandom(most time.Duration) error {
	timer := time.NewTimer(rand.N(most)) //nolint:gosec // chance needs no secrecy
	defer timer.Stop()
	<-timer.C
	return nil
}
