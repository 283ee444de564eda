package phoenix

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/lxzan/gws"
)

// link is one WebSocket from upgrade to close. Two goroutines serve it, a reader and a writer; close ends both.
type link struct {
	gws.BuiltinEventHandler

	socket       *gws.Conn
	wire         *wire
	writeTimeout time.Duration
	receive      func(*link, []byte)
	tasks        sync.WaitGroup
	// lost is closed when the connection is gone; cause says why and is set before that.
	lost  chan struct{}
	cause error

	mu sync.Mutex
	// queue is not bounded here: its frames are pushes of calls that wait for an answer, and joins and leaves, which
	// MaxChannels bounds.
	queue []outgoing
	wake  chan struct{}
}

// outgoing is a text frame in three pieces, so that a message's payload need not be copied. The last two may be nil.
type outgoing struct{ head, payload, tail []byte }

// openLink connects and starts the two goroutines. receive gets each text frame, on the reader's goroutine.
func openLink(ctx context.Context, endpoint *url.URL, writeTimeout time.Duration, receive func(*link, []byte)) (*link, error) {
	opened := &link{
		writeTimeout: writeTimeout,
		receive:      receive,
		lost:         make(chan struct{}),
		wake:         make(chan struct{}, 1),
	}
	socket, wire, err := dial(ctx, endpoint, opened)
	if err != nil {
		return nil, err
	}
	opened.socket, opened.wire = socket, wire
	return opened, nil
}

// serve starts the link's goroutines. Frames arrive from here on.
func (l *link) serve() {
	l.tasks.Go(l.socket.ReadLoop)
	l.tasks.Go(l.write)
}

// send queues a frame. Frames leave in the order of the calls. It never blocks and cannot fail: when the connection is
// lost, whoever waits for an answer learns it from there.
func (l *link) send(one frame) { l.enqueue(outgoing{head: one.encode()}) }

// sendBroadcast queues the frame of a push.
func (l *link) sendBroadcast(on *channel, one *push) {
	head := frame{joinRef: on.joinRef, ref: one.ref, topic: wireTopic(on.topic), event: eventBroadcast}
	buffer := make([]byte, 0, len(head.topic)+len(one.message.Name)+96)
	l.enqueue(outgoing{
		head: appendBroadcast(buffer, head, one.message.Name), payload: one.message.Payload, tail: broadcastTail,
	})
}

func (l *link) enqueue(added outgoing) {
	l.mu.Lock()
	l.queue = append(l.queue, added)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *link) write() {
	for {
		select {
		case <-l.wake:
		case <-l.lost:
			return
		}
		if err := l.writeQueued(); err != nil {
			// Without a socket the reader ends and reports.
			_ = l.wire.Close()
			return
		}
	}
}

// writeQueued sends what is queued in as few packets as it fits into.
func (l *link) writeQueued() error {
	l.mu.Lock()
	queued := l.queue
	l.queue = nil
	l.mu.Unlock()
	if err := l.socket.SetWriteDeadline(time.Now().Add(l.writeTimeout)); err != nil {
		return err
	}
	l.wire.cork()
	for _, next := range queued {
		if err := l.socket.Writev(gws.OpcodeText, next.head, next.payload, next.tail); err != nil {
			return err
		}
	}
	return l.wire.uncork()
}

// close says good-bye with a reason and waits for the goroutines.
func (l *link) close(reason string) {
	// A peer that is gone must not hold the good-bye up for longer than a write may take.
	_ = l.socket.NetConn().SetWriteDeadline(time.Now().Add(l.writeTimeout))
	_ = l.socket.WriteClose(1000, []byte(reason))
	l.tasks.Wait()
}

// OnMessage is called by the reader.
func (l *link) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	// Binary frames are broadcasts of other clients: see the package comment.
	if message.Opcode == gws.OpcodeText {
		l.receive(l, message.Bytes())
	}
}

// OnClose is called by the reader, once, as its last act.
func (l *link) OnClose(_ *gws.Conn, err error) {
	l.cause = errors.New("connection closed")
	if err != nil && err.Error() != "" {
		l.cause = err
	}
	close(l.lost)
}
