package replication

import (
	"bytes"
	"encoding/binary"
	"time"
)

// wire reads one message from front to back and never past its end. The first read that finds too little sets short
// and every read after it gives zero values, so callers read all fields and look at short once.
type wire struct {
	rest  []byte
	short bool
}

// take gives the next n bytes; they belong to the message and are only good until the next one is received.
func (w *wire) take(n int) []byte {
	if w.short || n < 0 || n > len(w.rest) {
		w.short = true
		w.rest = nil
		return nil
	}
	taken := w.rest[:n]
	w.rest = w.rest[n:]
	return taken
}

func (w *wire) byte() byte {
	taken := w.take(1)
	if w.short {
		return 0
	}
	return taken[0]
}

func (w *wire) uint16() uint16 {
	taken := w.take(2)
	if w.short {
		return 0
	}
	return binary.BigEndian.Uint16(taken)
}

func (w *wire) uint32() uint32 {
	taken := w.take(4)
	if w.short {
		return 0
	}
	return binary.BigEndian.Uint32(taken)
}

func (w *wire) uint64() uint64 {
	taken := w.take(8)
	if w.short {
		return 0
	}
	return binary.BigEndian.Uint64(taken)
}

// text reads a string that a zero byte ends.
func (w *wire) text() string {
	end := bytes.IndexByte(w.rest, 0)
	if end < 0 {
		w.short = true
		w.rest = nil
		return ""
	}
	taken := w.take(end + 1)
	return string(taken[:end])
}

// year2000 is where Postgres counts microseconds from, in microseconds of Unix time.
const year2000 = 946_684_800_000_000

// time reads a server clock.
func (w *wire) time() time.Time {
	micros := int64(w.uint64()) //nolint:gosec // the wire carries a signed number in eight bytes
	return time.UnixMicro(year2000 + micros).UTC()
}
