package replication

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Check connects once and reports the first thing that would keep Run from streaming, as a *SetupError whose text is
// a sentence and a remedy; nil means that a stream can be set up. It changes nothing, and it does not mind a slot that
// another process uses.
//
// With SourceAuto, a database that cannot be streamed from is fine if it can be polled; with SourcePoll only that is looked
// at.
func Check(ctx context.Context, options Options) error {
	options = options.withDefaults()
	if options.Source == SourcePoll {
		return checkPoll(ctx, options)
	}
	err := checkStream(ctx, options)
	apart := options.PollURL != options.URL && errors.Is(err, ErrUnreachable)
	if options.Source == SourceAuto && (cannotStream(err) || apart) && checkPoll(ctx, options) == nil {
		return nil
	}
	return err
}

// checkPoll looks whether the outbox and the checkpoint can be used as tables.
func checkPoll(ctx context.Context, options Options) error {
	config, err := parseURL(options.PollURL)
	if err != nil {
		return err
	}
	conn, err := connectSQL(ctx, config)
	if err != nil {
		return err
	}
	defer closeSQL(ctx, conn)
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	table := splitTable(options.Table)
	question := "select from " + table.quoted() + ", handoff.worker_checkpoint where false"
	if _, err := conn.Exec(queryCtx, question); err != nil {
		return pollObstacle(table, config, err)
	}
	return nil
}

// pollObstacle says what keeps a process from polling.
func pollObstacle(table tableName, config *pgx.ConnConfig, err error) error {
	switch sqlState(err) {
	case stateUndefinedTable, stateUndefinedSchema:
		return &SetupError{Kind: ErrNoTable, Detail: table.String() + " or handoff.worker_checkpoint", Cause: bareCause(err), Remedy: migrateRemedy}
	case stateInsufficientPrivilege:
		return &SetupError{
			Kind: ErrNoTable, Detail: address(config), Cause: bareCause(err),
			Remedy: "Connect as the role that ran the migrations (on Supabase: postgres)",
		}
	default:
		return queryError("look at the outbox", err)
	}
}

// checkStream looks at everything that a stream needs.
func checkStream(ctx context.Context, options Options) error {
	config, err := parseURL(options.URL)
	if err != nil {
		return err
	}
	conn, err := connectSQL(ctx, config)
	if err != nil {
		return err
	}
	defer closeSQL(ctx, conn)
	table := splitTable(options.Table)
	found, err := takeSurvey(ctx, conn, table, options.Publication)
	if err != nil {
		return err
	}
	if err := found.obstacle(table, options.Publication); err != nil {
		return err
	}
	present, err := findSlot(ctx, conn, options.Slot)
	switch {
	case err != nil:
		return err
	case present == nil && found.slots >= found.maxSlots:
		return noFreeSlot(nil)
	case present != nil && present.foreign(options.Slot, found.database) != nil:
		return present.foreign(options.Slot, found.database)
	}
	replication, err := connectReplication(ctx, config)
	if err != nil {
		return err
	}
	closeReplication(ctx, replication.PgConn)
	return nil
}
