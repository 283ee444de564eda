package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// advisoryLock serialises runs of Up on one database. Any constant does, as long as nobody else uses it.
	advisoryLock = 0x68616e646f6666 // "handoff"
	// turnTimeout bounds the wait for another run of Up.
	turnTimeout = 2 * time.Minute
	// lockTimeout bounds how long a statement waits for a table lock, and with it how long the application queues behind it.
	lockTimeout = 4 * time.Second
)

// Error is a migration that the database refused. Nothing of its file was kept.
type Error struct {
	File     string
	Message  string
	Hint     string
	SQLState string
}

// Error says which file failed, why, and the database's hint.
func (e *Error) Error() string {
	text := fmt.Sprintf("migration %s: %s (SQLSTATE %s)", e.File, e.Message, e.SQLState)
	if e.Hint != "" {
		text += ". " + e.Hint
	}
	return text
}

// Up applies every migration that is pending or changed and returns their names. Run it as the role that shall own the
// objects: "postgres" on Supabase. Files applied before an error stay; running Up again goes on from there.
func Up(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	var applied []string
	for _, file := range Files() {
		done, err := applyFile(ctx, conn, file)
		if err != nil {
			return applied, err
		}
		if done {
			applied = append(applied, file.Name)
		}
	}
	return applied, nil
}

// applyFile is one transaction: take turns, look whether somebody else has done it, run it, note it.
func applyFile(ctx context.Context, conn *pgx.Conn, file File) (done bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := takeTurn(ctx, tx); err != nil {
			return err
		}
		ledger, err := readLedger(ctx, tx)
		if err != nil {
			return err
		}
		if standingOf(file, ledger).State == StateApplied {
			return nil
		}
		done = true
		if err := runSQL(ctx, tx, file); err != nil {
			return err
		}
		return noteApplied(ctx, tx, file)
	})
	if err != nil {
		return false, err
	}
	return done, nil
}

func takeTurn(ctx context.Context, tx pgx.Tx) error {
	settings := fmt.Sprintf(`set local lock_timeout = %d; set local client_min_messages = warning`, turnTimeout.Milliseconds())
	if _, err := tx.Exec(ctx, settings); err != nil {
		return fmt.Errorf("prepare migration: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, advisoryLock); err != nil {
		return fmt.Errorf("wait for another migration of this database: %w", err)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`set local lock_timeout = %d`, lockTimeout.Milliseconds()))
	if err != nil {
		return fmt.Errorf("prepare migration: %w", err)
	}
	return nil
}

func runSQL(ctx context.Context, tx pgx.Tx, file File) error {
	// The simple protocol takes a whole file of statements.
	_, err := tx.Conn().PgConn().Exec(ctx, file.SQL).ReadAll()
	return explain(file, err)
}

func explain(file File, err error) error {
	if err == nil {
		return nil
	}
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("migration %s: %w", file.Name, err)
	}
	explained := &Error{File: file.Name, Message: refusal.Message, Hint: refusal.Hint, SQLState: refusal.Code}
	if refusal.Code == "55P03" { // lock_not_available
		explained.Hint = "A table stayed locked for " + lockTimeout.String() + ". Run it again when no long transaction is open."
	}
	if line := lineOf(file.SQL, int(refusal.Position)); line > 0 {
		explained.File = fmt.Sprintf("%s (line %d)", file.Name, line)
	}
	return explained
}

// lineOf turns a 1-based character position into a line number; 0 when there is no position.
func lineOf(sql string, position int) int {
	characters := []rune(sql)
	if position < 1 || position > len(characters) {
		return 0
	}
	return 1 + strings.Count(string(characters[:position-1]), "\n")
}

func noteApplied(ctx context.Context, tx pgx.Tx, file File) error {
	_, err := tx.Exec(ctx, `
		insert into handoff.schema_migrations as ledger (name, checksum) values ($1, $2)
		on conflict (name) do update set checksum = excluded.checksum, applied_at = now()`, file.Name, file.Checksum)
	if err != nil {
		return fmt.Errorf("note migration %s: %w", file.Name, err)
	}
	return nil
}
