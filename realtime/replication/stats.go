package replication

import (
	"sync/atomic"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// Stats is a look at a stream, for metrics. Counts are since New.
type Stats struct {
	State State
	// Events and Transactions were taken by deliver. A large transaction, and what is read from the table, counts as
	// one for each part.
	Events, Transactions uint64
	// Bytes is what was read: log, or payloads of the table.
	Bytes uint64
	// Resent is how many of Events were read from the table because a slot had been lost, and Losses how often that was.
	Resent, Losses uint64
	// ServerEnd is how far the server's log reaches, as of its last message, and Confirmed what was confirmed of it. Both
	// are zero without a stream.
	ServerEnd, Confirmed realtime.Position
	// LastCommit is when the last delivered transaction was committed, by the database's clock; when polling, when its
	// first event was written.
	LastCommit time.Time
}

// LagBytes is how much log the database keeps for this stream.
func (s Stats) LagBytes() uint64 {
	return uint64(max(s.ServerEnd, s.Confirmed) - s.Confirmed)
}

// Stats gives the numbers of this moment.
func (s *Stream) Stats() Stats {
	c := &s.counters
	stats := Stats{
		State: s.State(), Events: c.events.Load(), Transactions: c.transactions.Load(), Bytes: c.bytes.Load(),
		Resent: c.resent.Load(), Losses: c.losses.Load(),
		ServerEnd: realtime.Position(c.serverEnd.Load()), Confirmed: realtime.Position(c.confirmed.Load()),
	}
	if micros := c.lastCommit.Load(); micros != 0 {
		stats.LastCommit = time.UnixMicro(micros).UTC()
	}
	return stats
}

// counters are the numbers behind Stats.
type counters struct {
	events, transactions, bytes atomic.Uint64
	resent, losses              atomic.Uint64
	serverEnd, confirmed        atomic.Uint64
	lastCommit                  atomic.Int64 // microseconds of Unix time
}

func (c *counters) delivered(next parcel) {
	c.events.Add(uint64(len(next.Events)))
	c.transactions.Add(1)
	if !next.CommittedAt.IsZero() {
		c.lastCommit.Store(next.CommittedAt.UnixMicro())
	}
}
