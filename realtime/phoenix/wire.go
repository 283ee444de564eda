package phoenix

import (
	"net"
	"sync"
)

// corkBytes is how much is gathered before it is written all the same.
const corkBytes = 64 << 10

// wire is the network connection below the WebSocket. It gathers frames that are written together into one packet, and it
// outlives the library's hasty Close of a refused upgrade, so that the reason can still be read.
type wire struct {
	net.Conn

	mu       sync.Mutex
	corked   bool
	gathered []byte
	released bool
}

// cork begins to gather what is written.
func (w *wire) cork() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = true
}

// uncork writes what was gathered.
func (w *wire) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = false
	return w.flush()
}

// Write gathers while corked. Two goroutines write: the link's writer, and its reader, which answers pings.
func (w *wire) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.corked {
		return w.Conn.Write(data)
	}
	w.gathered = append(w.gathered, data...)
	if len(w.gathered) < corkBytes {
		return len(data), nil
	}
	return len(data), w.flush()
}

func (w *wire) flush() error {
	if len(w.gathered) == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.gathered)
	w.gathered = w.gathered[:0]
	if cap(w.gathered) > 2*corkBytes { // a large message is no reason to keep its room
		w.gathered = nil
	}
	return err
}

// release lets Close close: the upgrade is done.
func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
}

// Close closes the connection once it has been released.
func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.released {
		return nil
	}
	return w.Conn.Close()
}
