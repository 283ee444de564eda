package channels

import (
	"net"
	"sync"
	"time"
)

const (
	// writeTimeout is how long a client may take to drain what one write gives it.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long a client may take to answer the server's close frame.
	closeTimeout = time.Second
	// keptCapacity is how many queued frames an idle queue keeps room for.
	keptCapacity = 16
)

// queue holds the frames that a socket has not written yet. A goroutine writes them, several in one system call, and
// ends when the queue is empty: ten thousand idle sockets have no writers. Pushing never blocks; a client that lets
// the queue fill up is cut off, because it would sooner or later cost the others their memory.
type queue struct {
	conn      net.Conn
	maxFrames int
	maxBytes  int
	// writers is told of each writing goroutine; its owner waits for it after close.
	writers *sync.WaitGroup

	mu      sync.Mutex
	pending net.Buffers
	spare   net.Buffers
	bytes   int
	writing bool
	// closed refuses frames; ending says that the last pending frame is a close frame.
	closed, ending bool
}

// push queues a frame. It returns false when the frame was not taken: the queue is closed, or was full and is closed
// now, along with the connection.
func (q *queue) push(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if len(q.pending) >= q.maxFrames || q.bytes+len(f) > q.maxBytes {
		q.abandon()
		return false
	}
	q.append(f)
	return true
}

// finish queues a close frame and refuses what comes after it.
func (q *queue) finish(code uint16) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.append(closeFrame(code))
	q.closed, q.ending = true, true
}

// close drops what is pending and closes the connection.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abandon()
}

// append queues a frame and sees that somebody writes it. The caller holds mu.
func (q *queue) append(f frame) {
	q.pending = append(q.pending, f)
	q.bytes += len(f)
	if !q.writing {
		q.writing = true
		q.writers.Add(1)
		go q.write()
	}
}

// abandon is close for callers that hold mu.
func (q *queue) abandon() {
	q.closed, q.ending = true, false
	q.pending, q.spare, q.bytes = nil, nil, 0
	_ = q.conn.Close() // the reader notices; an error says that it is closed already
}

// write writes until nothing is pending.
func (q *queue) write() {
	defer q.writers.Done()
	for batch := q.next(nil); batch != nil; batch = q.next(batch) {
		// WriteTo consumes the slice that it is called on; batch must stay whole to be used again.
		rest := batch
		_ = q.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := rest.WriteTo(q.conn); err != nil {
			q.close()
		}
	}
}

// next gives back a written batch and takes what has been queued meanwhile. With nothing there it returns nil and the
// writer is gone.
func (q *queue) next(written net.Buffers) net.Buffers {
	q.mu.Lock()
	defer q.mu.Unlock()
	if written != nil && cap(written) <= keptCapacity {
		clear(written)
		q.spare = written[:0]
	}
	if len(q.pending) == 0 {
		q.writing = false
		q.rest()
		return nil
	}
	batch := q.pending
	q.pending, q.spare, q.bytes = q.spare, nil, 0
	return batch
}

// rest leaves the connection to the reader, which may have a control frame of its own to write. After a close frame
// the client gets a moment to answer it: closing at once could cost it the frames that are still on their way.
func (q *queue) rest() {
	_ = q.conn.SetWriteDeadline(time.Time{})
	if q.ending {
		_ = q.conn.SetReadDeadline(time.Now().Add(closeTimeout))
	}
}
