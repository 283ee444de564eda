package replication

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// linkSettings make an ordinary connection fit for reading the outbox (row.go reads these text forms) and for holding a lock
// for days: the server notices within a minute when this machine has vanished, and does not end the connection because
// it rests. They are set by a statement because poolers drop what a connection asks for when it starts.
const linkSettings = `
set datestyle = 'ISO';
set timezone = 'UTC';
set client_encoding = 'UTF8';
set idle_session_timeout = 0;
set statement_timeout = 0;
set tcp_keepalives_idle = 30;
set tcp_keepalives_interval = 10;
set tcp_keepalives_count = 3`

// link is an ordinary connection that is made when it is needed and made again when it broke. It belongs to one goroutine
// at a time.
type link struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
	// notified is set by every notification that arrives, also while something else is asked.
	notified bool
}

// get gives the connection, making it first when there is none.
func (l *link) get(ctx context.Context) (*pgx.Conn, error) {
	if l.conn != nil && !l.conn.IsClosed() {
		return l.conn, nil
	}
	l.drop(ctx)
	config := l.config.Copy()
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) { l.notified = true }
	conn, err := connectSQL(ctx, config)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if _, err := conn.PgConn().Exec(queryCtx, linkSettings).ReadAll(); err != nil {
		l.drop(ctx)
		return nil, queryError("prepare the connection", err)
	}
	return conn, nil
}

// drop closes the connection if there is one. What it held, locks and listening, ends with it.
func (l *link) drop(ctx context.Context) {
	if l.conn != nil {
		closeSQL(ctx, l.conn)
		l.conn = nil
	}
}

// leaderLock is taken by whoever leads. For a stream it only tells others, because the slot is its lease: a stream does not
// wait for it. A process that polls does.
const leaderLock = `select pg_try_advisory_lock(hashtextextended('handoff leader of ' || $1, 0))`

func tryLeaderLock(ctx context.Context, conn *pgx.Conn, slot string) (held bool, err error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := conn.QueryRow(queryCtx, leaderLock, slot).Scan(&held); err != nil {
		return false, queryError("take the leader's lock of slot "+slot, err)
	}
	return held, nil
}

// setNotify switches the trigger that wakes a polling process. done is false while the table is too busy for it.
func setNotify(ctx context.Context, conn *pgx.Conn, wanted bool) (done bool, err error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := conn.QueryRow(queryCtx, "select handoff.set_notify($1)", wanted).Scan(&done); err != nil {
		return false, queryError("switch the notifications of the outbox", err)
	}
	return done, nil
}
