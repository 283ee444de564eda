package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

const (
	elsewhereHeaderTimeout = 5 * time.Second
	socketPath             = "/realtime/v1/websocket"
	broadcastPath          = "/realtime/v1/api/broadcast/"
)

// Elsewhere takes the place of a Realtime that runs on machines of its own, as the hosted one does: it accepts every join and
// every message, over sockets and HTTP, asks no database, and tells nobody. With it a benchmark of something else does not
// measure how Realtime and its subscribers share the processors.
type Elsewhere struct {
	gws.BuiltinEventHandler

	// URL is what a worker takes for its project's address.
	URL string

	http    *http.Server
	reading sync.WaitGroup
	mu      sync.Mutex
	sockets map[*gws.Conn]struct{}
}

// StartElsewhere listens on a free port until Stop is called.
func StartElsewhere(ctx context.Context) (*Elsewhere, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	e := &Elsewhere{URL: "http://" + listener.Addr().String(), sockets: make(map[*gws.Conn]struct{})}
	e.http = &http.Server{Handler: e, ReadHeaderTimeout: elsewhereHeaderTimeout}
	go func() { _ = e.http.Serve(listener) }() // returns when Stop closes it
	return e, nil
}

// Stop cuts all connections and returns when nothing of it runs any more.
func (e *Elsewhere) Stop() {
	_ = e.http.Close()
	e.mu.Lock()
	for socket := range e.sockets {
		_ = socket.NetConn().Close()
	}
	e.mu.Unlock()
	e.reading.Wait()
}

// ServeHTTP opens sockets and accepts broadcasts.
func (e *Elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == socketPath:
		socket, err := gws.NewUpgrader(e, nil).Upgrade(w, r)
		if err == nil {
			e.reading.Go(socket.ReadLoop)
		}
	case strings.HasPrefix(r.URL.Path, broadcastPath):
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

// OnOpen remembers the socket, so that Stop can cut it.
func (e *Elsewhere) OnOpen(socket *gws.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sockets[socket] = struct{}{}
}

// OnClose forgets the socket.
func (e *Elsewhere) OnClose(socket *gws.Conn, _ error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sockets, socket)
}

// OnMessage answers a frame of protocol 2.0.0, [join_ref, ref, topic, event, payload], with ok.
func (e *Elsewhere) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	var frame []json.RawMessage
	if json.Unmarshal(message.Bytes(), &frame) != nil || len(frame) != 5 {
		return
	}
	answer := fmt.Sprintf(`[%s,%s,%s,"phx_reply",{"status":"ok","response":{}}]`, frame[0], frame[1], frame[2])
	_ = socket.WriteString(answer) // a socket that is gone is dialled again
}
