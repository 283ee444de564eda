package migrations

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// State says how a migration stands in a database.
type State string

// The states of a migration.
const (
	StateApplied State = "applied"
	StatePending State = "pending"
	// StateChanged: another version of the file was applied; Up applies this one over it.
	StateChanged State = "changed"
)

// Standing is one migration and how it stands.
type Standing struct {
	Name      string
	State     State
	AppliedAt time.Time // zero while pending
}

type ledgerRow struct {
	Name      string
	Checksum  string
	AppliedAt time.Time
}

// Status compares the embedded migrations with the database. It changes nothing.
func Status(ctx context.Context, conn *pgx.Conn) ([]Standing, error) {
	ledger, err := readLedger(ctx, conn)
	if err != nil {
		return nil, err
	}
	standings := make([]Standing, 0, len(ledger))
	for _, file := range Files() {
		standings = append(standings, standingOf(file, ledger))
	}
	return standings, nil
}

func standingOf(file File, ledger map[string]ledgerRow) Standing {
	row, known := ledger[file.Name]
	switch {
	case !known:
		return Standing{Name: file.Name, State: StatePending}
	case row.Checksum != file.Checksum:
		return Standing{Name: file.Name, State: StateChanged, AppliedAt: row.AppliedAt}
	default:
		return Standing{Name: file.Name, State: StateApplied, AppliedAt: row.AppliedAt}
	}
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func readLedger(ctx context.Context, db querier) (map[string]ledgerRow, error) {
	var exists bool
	if err := db.QueryRow(ctx, `select to_regclass('handoff.schema_migrations') is not null`).Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for the migration ledger: %w", err)
	}
	if !exists {
		return map[string]ledgerRow{}, nil
	}
	rows, err := db.Query(ctx, `select name, checksum, applied_at from handoff.schema_migrations`)
	if err != nil {
		return nil, fmt.Errorf("read the migration ledger: %w", err)
	}
	applied, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ledgerRow])
	if err != nil {
		return nil, fmt.Errorf("read the migration ledger: %w", err)
	}
	ledger := make(map[string]ledgerRow, len(applied))
	for _, row := range applied {
		ledger[row.Name] = row
	}
	return ledger, nil
}
