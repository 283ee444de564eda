package replication

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// probeInterval is how often a server that is not being read from is looked at.
	probeInterval = 10 * time.Second
	// probeTimeout is short because no status update is sent meanwhile.
	probeTimeout = 2 * time.Second
)

// probe finds out whether a server is shutting down by trying to connect to it: then it answers "cannot connect now".
// A walsender waits for its client even then, so a client that does not read would hold up the shutdown for ever.
type probe struct {
	config   *pgx.ConnConfig
	interval time.Duration
	last     time.Time
	// refused ends the probing: Supabase bans an address that sends wrong passwords again and again.
	refused bool
}

// stopping asks at most once in an interval. Any other answer than a shutdown, and none at all, means no: the
// replication connection speaks for itself.
func (p *probe) stopping(ctx context.Context) bool {
	if p.refused || time.Since(p.last) < p.interval {
		return false
	}
	p.last = time.Now()
	probeCtx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := connectSQL(probeCtx, p.config)
	if err == nil {
		closeSQL(ctx, conn)
		return false
	}
	p.refused = errors.Is(err, ErrWrongPassword)
	return sqlState(err) == stateCannotConnectNow
}
