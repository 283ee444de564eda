package phoenix_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for a signal before it fails.
const patience = 10 * time.Second

// wireFrame is a frame as the server sees it.
type wireFrame struct {
	joinRef, ref, topic, event string
	payload                    json.RawMessage
}

// server speaks the frames that were captured from Realtime 2.122.0. Its hooks may be changed while it runs.
type server struct {
	gws.BuiltinEventHandler

	http *httptest.Server
	// done waits for the read loops, which the HTTP server does not know of once they are upgraded.
	done sync.WaitGroup

	mu sync.Mutex
	// refuse answers upgrades with this status instead, when it is not zero.
	refuse int
	// join gives the reason to refuse a join, "" to accept it, or silence to give no answer.
	join func(topic string) string
	// push gives the answer to a push, or nil for none.
	push func(topic string) any
	mute bool // no answers to heartbeats

	dials    []url.Values
	sockets  map[*gws.Conn]map[string]string // topic -> join_ref
	frames   []wireFrame
	arrived  chan struct{} // closed and replaced with each frame
	mostOpen int
}

const silence = "silence"

var accepted = map[string]any{"status": "ok", "response": map[string]any{}}

func newServer(t testing.TB) *server {
	t.Helper()
	made := &server{
		join:    func(string) string { return "" },
		push:    func(string) any { return accepted },
		sockets: make(map[*gws.Conn]map[string]string),
		arrived: make(chan struct{}),
	}
	made.http = httptest.NewServer(http.HandlerFunc(made.serve))
	t.Cleanup(func() {
		made.http.Close()
		made.drop()
		made.done.Wait()
	})
	return made
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	// From the upgrade on, closing the HTTP server waits no more for this handler.
	s.done.Add(1)
	defer s.done.Done()
	s.mu.Lock()
	s.dials = append(s.dials, r.URL.Query())
	refuse := s.refuse
	s.mu.Unlock()
	if r.URL.Path != "/realtime/v1/websocket" {
		http.NotFound(w, r)
		return
	}
	if refuse != 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(refuse)
		// The reason comes in a packet of its own and a little later, as it may from afar.
		_ = http.NewResponseController(w).Flush()
		<-time.After(10 * time.Millisecond)
		_, _ = w.Write([]byte(`{"error":"The token provided is not a valid JWT"}`))
		return
	}
	socket, err := gws.NewUpgrader(s, nil).Upgrade(w, r)
	if err != nil {
		return
	}
	s.done.Go(socket.ReadLoop)
}

func (s *server) OnOpen(socket *gws.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[socket] = make(map[string]string)
}

func (s *server) OnClose(socket *gws.Conn, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, socket)
}

func (s *server) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	incoming := readFrame(message.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, incoming)
	close(s.arrived)
	s.arrived = make(chan struct{})
	s.answer(socket, incoming)
}

func (s *server) answer(socket *gws.Conn, incoming wireFrame) {
	joined := s.sockets[socket]
	switch incoming.event {
	case "heartbeat":
		if !s.mute {
			write(socket, incoming, "phx_reply", accepted)
		}
	case "phx_join":
		s.answerJoin(socket, incoming)
	case "phx_leave":
		delete(joined, incoming.topic)
		write(socket, incoming, "phx_reply", accepted)
		write(socket, wireFrame{joinRef: incoming.joinRef, ref: incoming.joinRef, topic: incoming.topic}, "phx_close", map[string]any{})
	case "broadcast":
		answer := s.push(strings.TrimPrefix(incoming.topic, "realtime:"))
		if joined[incoming.topic] == "" {
			answer = refusal("unmatched topic")
		}
		if answer != nil {
			write(socket, incoming, "phx_reply", answer)
		}
	}
}

func (s *server) answerJoin(socket *gws.Conn, incoming wireFrame) {
	joined := s.sockets[socket]
	older := joined[incoming.topic]
	switch reason := s.join(strings.TrimPrefix(incoming.topic, "realtime:")); reason {
	case "":
		joined[incoming.topic] = incoming.joinRef
		s.mostOpen = max(s.mostOpen, len(joined))
		write(socket, incoming, "phx_reply", map[string]any{"status": "ok", "response": map[string]any{"postgres_changes": []any{}}})
		if older != "" {
			write(socket, wireFrame{joinRef: older, ref: older, topic: incoming.topic}, "phx_close", map[string]any{})
		}
	case silence:
	default:
		write(socket, incoming, "phx_reply", refusal(reason))
	}
}

// change alters the hooks.
func (s *server) change(alter func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	alter(s)
}

// drop cuts every connection without a good-bye.
func (s *server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket := range s.sockets {
		_ = socket.NetConn().Close()
	}
}

// dropJoined cuts the connection on which the topic is joined.
func (s *server) dropJoined(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket, joined := range s.sockets {
		if joined["realtime:"+topic] != "" {
			_ = socket.NetConn().Close()
		}
	}
}

// tell sends a frame of the server's own about the topic "room".
func (s *server) tell(event string, payload any) {
	const topic = "realtime:room"
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket, joined := range s.sockets {
		joinRef := joined[topic]
		write(socket, wireFrame{joinRef: joinRef, ref: joinRef, topic: topic}, event, payload)
		if event == "phx_close" || event == "phx_error" {
			delete(joined, topic)
		}
	}
}

// reply answers a push that was left without an answer.
func (s *server) reply(to wireFrame, answer any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket := range s.sockets {
		write(socket, to, "phx_reply", answer)
	}
}

// await returns the frames of an event on a topic once there are that many.
func (s *server) await(t *testing.T, topic, event string, count int) []wireFrame {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		found, arrived := s.matching(topic, event), s.arrived
		s.mu.Unlock()
		if len(found) >= count {
			return found
		}
		select {
		case <-arrived:
		case <-deadline:
			require.FailNow(t, "frames did not come", "%d of %d %s on %s", len(found), count, event, topic)
		}
	}
}

func (s *server) count(topic, event string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.matching(topic, event))
}

func (s *server) matching(topic, event string) []wireFrame {
	return slices.DeleteFunc(slices.Clone(s.frames), func(f wireFrame) bool {
		return f.event != event || f.topic != "realtime:"+topic && f.topic != topic
	})
}

func (s *server) awaitDials(t *testing.T, count int) []url.Values {
	t.Helper()
	var dials []url.Values
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		s.mu.Lock()
		defer s.mu.Unlock()
		dials = slices.Clone(s.dials)
		assert.GreaterOrEqual(c, len(dials), count)
	}, patience, time.Millisecond)
	return dials
}

// newSilentListener accepts connections at the TCP level only: nobody ever answers on them.
func newSilentListener(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func refusal(reason string) map[string]any {
	return map[string]any{"status": "error", "response": map[string]any{"reason": reason}}
}

func write(socket *gws.Conn, about wireFrame, event string, payload any) {
	text, err := json.Marshal([]any{nullable(about.joinRef), nullable(about.ref), about.topic, event, payload})
	if err != nil {
		panic(err)
	}
	_ = socket.WriteMessage(gws.OpcodeText, text)
}

func nullable(ref string) any {
	if ref == "" {
		return nil
	}
	return ref
}

func readFrame(data []byte) wireFrame {
	var joinRef, ref *string
	var read wireFrame
	parts := []any{&joinRef, &ref, &read.topic, &read.event, &read.payload}
	if err := json.Unmarshal(data, &parts); err != nil {
		panic(err)
	}
	if joinRef != nil {
		read.joinRef = *joinRef
	}
	if ref != nil {
		read.ref = *ref
	}
	return read
}
