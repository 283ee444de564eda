package replication

import "github.com/supportbase/handoff/realtime"

// progress decides what is confirmed to Postgres. It belongs to the session's goroutine.
type progress struct {
	// received is how far the log has been read: every transaction that ends at or before it has been decoded.
	received realtime.Position
	// flushed is what was last confirmed.
	flushed realtime.Position
}

// read notes that the server has sent everything up to a position.
func (p *progress) read(upTo realtime.Position) {
	p.received = max(p.received, upTo)
}

// next gives the position to confirm now. done is what the caller finished; idle says that nothing of what was read is
// unfinished, and then all that was read counts as done, so that log written by other tables is not held.
//
// It never goes back, and never passes what this session has read: a position from before the database was replaced
// would make Postgres skip what it has not sent.
func (p *progress) next(done realtime.Position, idle bool) realtime.Position {
	if idle {
		done = p.received
	}
	p.flushed = max(p.flushed, min(done, p.received))
	return p.flushed
}

// outstanding reports whether something was read that is not confirmed.
func (p *progress) outstanding() bool {
	return p.flushed < p.received
}
