package replication

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/supportbase/handoff/realtime"
)

const (
	connectTimeout = 10 * time.Second
	closeTimeout   = 2 * time.Second
)

const urlRemedy = "It looks like postgres://user:password@host:5432/database; " +
	"special characters in the password must be percent-encoded"

// parseURL reads the connection string. Its error says nothing of the text: a malformed one may show its password.
func parseURL(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil || url == "" {
		return nil, &SetupError{Kind: ErrBadURL, Remedy: urlRemedy}
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // no prepared statements: nothing to keep on a pooler
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "handoff"
	}
	return config, nil
}

// address says where a connection goes, without the password.
func address(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s:%d, user %s, database %s", config.Host, config.Port, config.User, config.Database)
}

// connectSQL opens the ordinary connection over which the database is surveyed and prepared.
func connectSQL(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(connectCtx, config.Copy())
	if err != nil {
		return nil, connectError(err, address(config))
	}
	return conn, nil
}

func closeSQL(ctx context.Context, conn *pgx.Conn) {
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(closeCtx) // nothing is lost with a connection that holds no transaction
	awaitCleanup(closeCtx, conn.PgConn())
}

// origin identifies the log that a connection reads: positions of different origins do not compare.
type origin struct {
	systemID string
	timeline int32
}

// replicationConn is a connection that may stream, and what it said about its server.
type replicationConn struct {
	*pgconn.PgConn
	origin origin
	// end is where the server's log ended when the connection was made.
	end realtime.Position
	// senderTimeout is the silence after which the server hangs up; zero: never.
	senderTimeout time.Duration
}

// connectReplication opens the connection that streams and asks which log it reads. Credentials have been accepted on
// the ordinary connection before, so a refusal here is about replication itself.
func connectReplication(ctx context.Context, config *pgx.ConnConfig) (*replicationConn, error) {
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := pgconn.ConnectConfig(connectCtx, replicationConfig(config))
	if err != nil {
		return nil, refusedConnection(err, config)
	}
	conn := &replicationConn{PgConn: raw}
	if err := conn.introduce(connectCtx, config); err != nil {
		closeReplication(ctx, raw)
		return nil, err
	}
	return conn, nil
}

// introduce asks the server who it is. A server that does not know IDENTIFY_SYSTEM is a pooler that dropped the
// replication parameter and connected as an ordinary client.
func (c *replicationConn) introduce(ctx context.Context, config *pgx.ConnConfig) error {
	identity, err := pglogrepl.IdentifySystem(ctx, c.PgConn)
	switch {
	case err != nil && sqlState(err) != "":
		return &SetupError{Kind: ErrReplicationRefused, Detail: address(config), Cause: bareCause(err), Remedy: replicationRemedy}
	case err != nil:
		return connectError(err, address(config))
	}
	c.origin = origin{systemID: identity.SystemID, timeline: identity.Timeline}
	c.end = realtime.Position(identity.XLogPos)
	c.senderTimeout, err = readSenderTimeout(ctx, c.PgConn)
	return err
}

// readSenderTimeout asks on the streaming connection itself, because the setting may differ between connections.
func readSenderTimeout(ctx context.Context, conn *pgconn.PgConn) (time.Duration, error) {
	results, err := conn.Exec(ctx, "select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'").ReadAll()
	if err != nil {
		return 0, queryError("read wal_sender_timeout", err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return 0, undecodable("wal_sender_timeout has %d answers; want one", len(results))
	}
	millis, err := strconv.Atoi(string(results[0].Rows[0][0]))
	if err != nil {
		return 0, queryError("read wal_sender_timeout", err)
	}
	return time.Duration(millis) * time.Millisecond, nil
}

func closeReplication(ctx context.Context, conn *pgconn.PgConn) {
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(closeCtx) // what had to be said was said by the last status update
	awaitCleanup(closeCtx, conn)
}

// awaitCleanup waits for the goroutine with which pgconn tidies up a connection that broke. It may try to reach a dead
// server for 15 s, which is too long to hold up the next attempt.
func awaitCleanup(ctx context.Context, conn *pgconn.PgConn) {
	select {
	case <-conn.CleanupDone():
	case <-ctx.Done():
	}
}

// replicationConfig asks for a replication connection whose text forms are the ones row.go reads, whatever the
// role or the database set.
func replicationConfig(config *pgx.ConnConfig) *pgconn.Config {
	replication := config.Config.Copy()
	replication.DialFunc = inBunches(replication.DialFunc)
	params := replication.RuntimeParams
	params["replication"] = "database"
	params["datestyle"] = "ISO"
	params["timezone"] = "UTC"
	params["client_encoding"] = "UTF8"
	return replication
}

const replicationRemedy = "Use the direct connection (on Supabase db.<project>.supabase.co:5432, which needs IPv6 or the IPv4 add-on; " +
	"no pooler carries replication) and a role with the REPLICATION attribute (on Supabase: postgres)"

func refusedConnection(err error, config *pgx.ConnConfig) error {
	switch sqlState(err) {
	case "", stateInvalidPassword, stateNoSuchDatabase:
		return connectError(err, address(config))
	case stateTooManyConnections, stateAdminShutdown, stateCannotConnectNow:
		return &SetupError{
			Kind: ErrUnreachable, Detail: address(config), Cause: bareCause(err),
			Remedy: "If this lasts, look at max_wal_senders",
		}
	default:
		return &SetupError{Kind: ErrReplicationRefused, Detail: address(config), Cause: bareCause(err), Remedy: replicationRemedy}
	}
}
