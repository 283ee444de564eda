package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// removeAttempts: the worker may be at the same rows, and one of the two is then asked to come again.
	removeAttempts = 3
	removePause    = 500 * time.Millisecond
)

// Everything is the pattern of the addresses of all runs.
const Everything = addressPrefix + "%" + addressDomain

// What the end of the project does not take along has no foreign keys. The order matters: the end of the project writes events.
const (
	findAccounts = `
		select coalesce(array_agg(id::text), '{}'), coalesce(min(created_at), now()) from auth.users where email like $1`
	findProjects = `select coalesce(array_agg(id::text), '{}') from public.projects where user_id = any ($1::uuid[])`
	findTopics   = `
		select coalesce(array_agg('conversation:' || id), '{}') from public.conversations where project_id = any ($1::uuid[])`
	removeProjects = `delete from public.projects where id = any ($1::uuid[])`
	// The key of the outbox begins with the transaction: what is older than the run is not read.
	removeEvents    = `delete from handoff.outbox where project_id = any ($1::uuid[]) and xid >= $2::text::xid8`
	removeDecisions = `delete from handoff.assignment_decisions where project_id = any ($1::uuid[]) and decided_at >= $2`
	removeLetters   = `delete from handoff.broadcast_dead_letters where project_id = any ($1::uuid[])`
	removeSent      = `delete from realtime.messages where topic = any ($1::text[]) and inserted_at >= $2::timestamptz at time zone 'utc'`
	removeAccounts  = `delete from auth.users where id = any ($1::uuid[]) and email like $2`
)

// Removed is what Remove did.
type Removed struct {
	// Accounts is how many there were.
	Accounts int
	// Kept says what is left on purpose and why; empty for nothing.
	Kept string
}

// Remove removes the accounts with an address like pattern, their projects and everything that is in them. It asks nobody: a
// measurement that is under way loses its project.
func Remove(ctx context.Context, pool *pgxpool.Pool, pattern string) (Removed, error) {
	return remove(ctx, pool, pattern, "0")
}

// remove is Remove for who knows that nothing of it is from a transaction before firstXID.
func remove(ctx context.Context, pool *pgxpool.Pool, pattern, firstXID string) (removed Removed, err error) {
	for attempt := 1; ; attempt++ {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			removed, err = removeIn(ctx, tx, pattern, firstXID)
			return err
		})
		if err == nil || attempt == removeAttempts || !pauseBetween(ctx) {
			return removed, err
		}
	}
}

// pauseBetween says whether ctx still lasts.
func pauseBetween(ctx context.Context) bool {
	timer := time.NewTimer(removePause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func removeIn(ctx context.Context, tx pgx.Tx, pattern, firstXID string) (removed Removed, err error) {
	found, err := find(ctx, tx, pattern)
	if err != nil || len(found.accounts) == 0 {
		return removed, err
	}
	for _, one := range []struct {
		statement string
		values    []any
	}{
		{removeProjects, []any{found.projects}},
		// Planned with its values: a plan for any transaction would read the whole table.
		{removeEvents, []any{pgx.QueryExecModeSimpleProtocol, found.projects, firstXID}},
		{removeDecisions, []any{found.projects, found.since}},
		{removeLetters, []any{found.projects}},
		{removeAccounts, []any{found.accounts, pattern}},
	} {
		if _, err := tx.Exec(ctx, one.statement, one.values...); err != nil {
			return removed, fmt.Errorf("%s: %w", one.statement, err)
		}
	}
	removed.Accounts = len(found.accounts)
	err = pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
		_, err := inner.Exec(ctx, removeSent, found.topics, found.since)
		return err
	})
	if err != nil {
		removed.Kept = fmt.Sprintf("Realtime's copies of what realtime.send() sent; it removes them itself after three days (%v)", err)
	}
	return removed, nil
}

// traces are what the accounts of a pattern own.
type traces struct {
	accounts []string
	projects []string
	topics   []string
	// since is when the first account was made: nothing of it is older.
	since time.Time
}

func find(ctx context.Context, tx pgx.Tx, pattern string) (found traces, err error) {
	if err := tx.QueryRow(ctx, findAccounts, pattern).Scan(&found.accounts, &found.since); err != nil {
		return found, fmt.Errorf("find the account: %w", err)
	}
	if err := tx.QueryRow(ctx, findProjects, found.accounts).Scan(&found.projects); err != nil {
		return found, fmt.Errorf("find the project: %w", err)
	}
	if err := tx.QueryRow(ctx, findTopics, found.projects).Scan(&found.topics); err != nil {
		return found, fmt.Errorf("find the topics: %w", err)
	}
	return found, nil
}
