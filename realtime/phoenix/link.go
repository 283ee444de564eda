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
	writeTimeout time.Duration
	receive      func(*link, []byte)
	tasks        sync.WaitGroup
	// lost is closed when the connection is gone; cause says why and is set before that.
	lost  chan struct{}
	cause error

	mu sync.Mutex
	// queue is not bounded here: its frames are pushes of Publish calls that wait for an answer, and joins and leaves, which
	// MaxChannels bounds.
	queue [][]byte
	wake  chan struct{}
}

// openLink connects and starts the two goroutines. receive gets each text frame, on the reader's goroutine.
func openLink(ctx context.Context, endpoint *url.URL, writeTimeout time.Duration, receive func(*link, []byte)) (*link, error) {
	opened := &link{
		writeTimeout: writeTimeout,
		receive:      receive,
		lost:         make(chan struct{}),
		wake:         make(chan struct{}, 1),
	}
	socket, err := dial(ctx, endpoint, opened)
	if err != nil {
		return nil, err
	}
	opened.socket = socket
	return opened, nil
}

// serve starts the link's goroutines. Frames arrive from here on.
func (l *link) serve() {
	l.tasks.Go(l.socket.ReadLoop)
	l.tasks.Go(l.write)
}

// send queues a frame. Frames leave in the order of the calls. It never blocks and cannot fail: when the connection is
// lost, whoever waits for an answer learns it from there.
func (l *link) send(outgoing frame) {
	l.mu.Lock()
	l.queue = append(l.queue, outgoing.encode())
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
			// The library has closed the socket, so the reader ends and reports.
			return
		}
	}
}

func (l *link) writeQueued() error {
	l.mu.Lock()
	queued := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, data := range queued {
		if err := l.socket.SetWriteDeadline(time.Now().Add(l.writeTimeout)); err != nil {
			return err
		}
		if err := l.socket.WriteMessage(gws.OpcodeText, data); err != nil {
			return err
		}
	}
	return nil
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
