package channels

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// poolTimeout bounds the wait for a connection. A client gives its join up after as long.
	poolTimeout = 10 * time.Second
	// probeTimeout bounds one question to the policies.
	probeTimeout = 5 * time.Second
)

// Why a probe has no answer. A refusal is an answer, not an error.
var (
	// errPolicy: a policy raised an error.
	errPolicy = errors.New("policy on realtime.messages failed")
	// errPartition: realtime.messages has no partition for today.
	errPartition = errors.New("no partition of realtime.messages")
	// errCanceled: the statement ran into a timeout or was cancelled.
	errCanceled = errors.New("probe was cancelled")
	// errPool: no connection became free in time.
	errPool = errors.New("no free database connection")
	// errDatabase: the database could not be asked.
	errDatabase = errors.New("database unavailable")
)

// extension is the kind of message that a policy is asked about.
type extension string

const (
	broadcastExtension extension = "broadcast"
	presenceExtension  extension = "presence"
)

// authorizer asks the policies on realtime.messages who may do what, the way Realtime does: it tries, and rolls back.
// Its pool must log in as a role that may become any other and write to the table: supabase_admin.
type authorizer struct {
	pool *pgxpool.Pool
}

// subject is on whose behalf and about which topic a policy is asked.
type subject struct {
	*identity
	topic string // without "realtime:"
	// headers is the JSON for request.headers.
	headers string
}

const (
	messageProbe = `insert into realtime.messages (id, topic, extension)
		select probe.id, $3, probe.extension from unnest($1::uuid[], $2::text[]) as probe (id, extension)`
	messageVisible = `select extension from realtime.messages where id = any($1::uuid[])`
	messageInsert  = `insert into realtime.messages (topic, extension) values ($1, $2)`
	// subjectAssume must come after what only the administrator may do: it takes the role of the subject, until the
	// end of the transaction.
	subjectAssume = `select set_config('role', $1, true), set_config('realtime.topic', $2, true),
		set_config('request.jwt.claims', $3, true), set_config('request.jwt.claim.sub', $4, true),
		set_config('request.jwt.claim.role', $1, true), set_config('request.headers', $5, true)`
)

// mayRead returns which of the extensions the subject may receive on its topic: rows of each kind are written and the
// subject sees some of them or does not. Policies that look at the row's event or payload see nulls.
func (a *authorizer) mayRead(ctx context.Context, who subject, kinds ...extension) (map[extension]bool, error) {
	readable := make(map[extension]bool, len(kinds))
	err := a.probe(ctx, func(batch *pgx.Batch) {
		ids := make([]uuid.UUID, len(kinds))
		for i := range ids {
			ids[i] = uuid.New()
		}
		batch.Queue(messageProbe, ids, kinds, who.topic)
		who.assume(batch)
		batch.Queue(messageVisible, ids).Query(func(rows pgx.Rows) error {
			visible, err := pgx.CollectRows(rows, pgx.RowTo[extension])
			for _, kind := range visible {
				readable[kind] = true
			}
			return err
		})
	})
	if isDenied(err) {
		return nil, nil //nolint:nilnil // a nil map says that nothing is readable
	}
	if err != nil {
		return nil, fmt.Errorf("probe read of topic %s: %w", who.topic, err)
	}
	return readable, nil
}

// mayWrite reports whether the subject may send messages of the kind on its topic: it tries to write one. Realtime
// keeps a savepoint before the attempt; here nothing else is in the transaction, which is rolled back anyway.
func (a *authorizer) mayWrite(ctx context.Context, who subject, kind extension) (bool, error) {
	err := a.probe(ctx, func(batch *pgx.Batch) {
		who.assume(batch)
		batch.Queue(messageInsert, who.topic, kind)
	})
	if isDenied(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("probe write to topic %s: %w", who.topic, err)
	}
	return true, nil
}

// assume queues what makes the rest of the batch run on behalf of the subject.
func (who subject) assume(batch *pgx.Batch) {
	batch.Queue(subjectAssume, who.role, who.topic, who.claims, who.identity.subject, who.headers)
}

// probe runs the statements that fill queues and takes back whatever they did.
func (a *authorizer) probe(ctx context.Context, fill func(*pgx.Batch)) error {
	conn, err := a.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return interpret(err)
	}
	batch := &pgx.Batch{}
	fill(batch)
	err = tx.SendBatch(ctx, batch).Close()
	if rollbackErr := tx.Rollback(ctx); err == nil {
		err = rollbackErr
	}
	return interpret(err)
}

// acquire waits for a connection. Many clients that join at once, after a restart say, wait for each other here.
func (a *authorizer) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, poolTimeout)
	defer cancel()
	conn, err := a.pool.Acquire(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: %w", errPool, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDatabase, err)
	}
	return conn, nil
}

// SQLSTATEs that mean something to a probe.
const (
	stateInsufficientPrivilege = "42501"
	stateInvalidParameter      = "22023" // the role does not exist
	stateCheckViolation        = "23514" // no partition takes the row
	stateQueryCanceled         = "57014"
)

// interpret gives errors of Postgres one of the names above and keeps them as the cause.
func interpret(err error) error {
	if err == nil {
		return nil
	}
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return fmt.Errorf("%w: %w", errDatabase, err)
	}
	switch failed.Code {
	case stateCheckViolation:
		return fmt.Errorf("%w: %w", errPartition, err)
	case stateQueryCanceled:
		return fmt.Errorf("%w: %w", errCanceled, err)
	default:
		return fmt.Errorf("%w: %w", errPolicy, err)
	}
}

// isDenied holds for the errors by which Postgres says no.
func isDenied(err error) bool {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return false
	}
	return failed.Code == stateInsufficientPrivilege || failed.Code == stateInvalidParameter
}
