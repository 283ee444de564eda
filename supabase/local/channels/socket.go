package channels

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// socket is one client's WebSocket. Its reader goroutine owns everything that follows from the client's frames; other
// goroutines queue frames for it, and may take channels away from it.
type socket struct {
	server   *Server
	conn     *gws.Conn
	encoding serializer
	identity *identity
	headers  string // JSON of the x- headers of the request
	queue    queue

	ctx    context.Context //nolint:containedctx // gws calls back without one; this lives exactly as long as the socket
	cancel context.CancelFunc

	// heard is when the last frame came, emptied when the last channel went (zero while there are channels), both in
	// nanoseconds since 1970.
	heard, emptied atomic.Int64

	mu       sync.Mutex
	channels map[string]*channel // by topic
}

func newSocket(
	ctx context.Context, cancel context.CancelFunc, server *Server, conn *gws.Conn, encoding serializer, who *identity,
) *socket {
	s := &socket{
		server: server, conn: conn, encoding: encoding, identity: who, ctx: ctx, cancel: cancel,
		channels: make(map[string]*channel, 1),
		queue: queue{
			conn:      conn.NetConn(),
			maxFrames: server.options.MaxQueuedFrames,
			maxBytes:  server.options.MaxQueuedBytes,
			writers:   &server.running,
		},
	}
	now := time.Now().UnixNano()
	s.heard.Store(now)
	s.emptied.Store(now)
	conn.Session().Store(sessionKey, s)
	return s
}

// run reads until the connection ends, and cleans up.
func (s *socket) run() {
	defer s.server.release(s)
	defer s.cancel()
	s.conn.ReadLoop()
	s.queue.close()
	for _, c := range s.list() {
		c.part()
	}
}

// sessionKey is where gws keeps the socket of a connection.
const sessionKey = "socket"

// receiver is gws's way to call a socket.
type receiver struct{ gws.BuiltinEventHandler }

// OnPing answers through the queue, as everything that is not gws's own close frame.
func (receiver) OnPing(conn *gws.Conn, payload []byte) {
	if s, ok := socketOf(conn); ok {
		s.heard.Store(time.Now().UnixNano())
		s.queue.push(pongFrame(payload))
	}
}

// OnMessage handles one frame. The next is not read before it returns.
func (receiver) OnMessage(conn *gws.Conn, frame *gws.Message) {
	defer func() { _ = frame.Close() }() // gives the buffer back
	if s, ok := socketOf(conn); ok {
		defer s.survive()
		s.receive(s.ctx, frame.Opcode == gws.OpcodeBinary, frame.Bytes())
	}
}

func socketOf(conn *gws.Conn) (*socket, bool) {
	value, _ := conn.Session().Load(sessionKey)
	s, ok := value.(*socket)
	return s, ok
}

// survive keeps a fault in the handling of one client's frame from ending everybody's server.
func (s *socket) survive() {
	if fault := recover(); fault != nil {
		s.server.options.Logger.ErrorContext(s.ctx, "realtime socket crashed", "fault", fault, "stack", string(debug.Stack()))
		s.queue.finish(closeInternal)
	}
}

// receive decodes a frame and hands it to its channel.
func (s *socket) receive(ctx context.Context, binary bool, data []byte) {
	s.heard.Store(time.Now().UnixNano())
	if ctx.Err() != nil {
		return // the server is closing and only waits for the client's close frame
	}
	p, err := s.encoding.decode(binary, data)
	if err != nil {
		s.server.options.Logger.DebugContext(ctx, "frame dropped", "err", err)
		return
	}
	switch {
	case p.topic == "phoenix" && p.event == eventHeartbeat:
		s.reply(noRef, p.ref, p.topic, replyOK)
	case p.event == eventJoin:
		s.join(ctx, p)
	default:
		s.dispatch(ctx, p)
	}
}

func (s *socket) dispatch(ctx context.Context, p push) {
	if c := s.find(p.topic); c != nil {
		c.receive(ctx, p)
		return
	}
	if p.event == eventLeave {
		s.reply(p.joinRef, p.ref, p.topic, replyOK)
		return
	}
	s.replyUnmatched(p)
}

// Payloads of phx_reply.
var (
	replyOK        = []byte(`{"status":"ok","response":{}}`)
	replyError     = []byte(`{"status":"error","response":{}}`)
	replyUnmatched = []byte(`{"status":"error","response":{"reason":"unmatched topic"}}`)
	replyTooLarge  = []byte(`{"status":"error","response":"payload_size_exceeded"}`)
)

// replyReason is an error reply that says why.
func replyReason(reason string) []byte {
	return append(appendQuoted([]byte(`{"status":"error","response":{"reason":`), reason), `}}`...)
}

func (s *socket) reply(joinRef, messageRef ref, topic string, payload []byte) {
	s.write(joinRef, messageRef, topic, eventReply, payload)
}

func (s *socket) replyUnmatched(p push) {
	s.reply(noRef, p.ref, p.topic, replyUnmatched)
}

func (s *socket) write(joinRef, messageRef ref, topic, event string, payload []byte) {
	s.queue.push(s.encoding.text(joinRef, messageRef, topic, event, payload))
}

// find returns nil when the topic is not joined.
func (s *socket) find(topic string) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[topic]
}

func (s *socket) list() []*channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*channel, 0, len(s.channels))
	for _, c := range s.channels {
		list = append(list, c)
	}
	return list
}

// withExpiredTokens are the channels whose tokens have expired; it takes no memory when there are none, for it is asked each second.
func (s *socket) withExpiredTokens(now time.Time) (gone []*channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if !now.Before(c.identity.Load().expiresAt) {
			gone = append(gone, c)
		}
	}
	return gone
}

// attach lists a joined channel.
func (s *socket) attach(c *channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.channels) == 0 {
		s.server.users.Add(1)
		s.emptied.Store(0)
	}
	s.channels[c.topic] = c
}

// detach takes a channel off the list and reports whether it was on it: whoever gets true ends the channel.
func (s *socket) detach(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[c.topic] != c {
		return false
	}
	delete(s.channels, c.topic)
	if len(s.channels) == 0 {
		s.server.users.Add(-1)
		s.emptied.Store(time.Now().UnixNano())
	}
	return true
}

// counted reports whether the socket is one of the server's users, and with how many channels.
func (s *socket) counted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.channels)
}

// sweep ends channels whose tokens have expired, and the socket when its client has fallen silent or joins nothing.
func (s *socket) sweep(now time.Time) {
	for _, c := range s.withExpiredTokens(now) {
		c.shutDown(expired(c.identity.Load().expiresAt).message)
	}
	idle := now.UnixNano()-s.heard.Load() > int64(s.server.options.IdleTimeout)
	emptied := s.emptied.Load()
	empty := emptied != 0 && now.UnixNano()-emptied > int64(s.server.options.EmptyTimeout)
	if idle || empty {
		s.queue.finish(closeNormal)
	}
}
