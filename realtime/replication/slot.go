package replication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

const (
	// plugin is the decoder inside Postgres; it ships with it, also on Supabase.
	plugin = "pgoutput"

	// slotCreateTimeout is long because a new slot waits for every transaction that is running when it is made.
	slotCreateTimeout = 5 * time.Minute
)

// slot is a row of pg_replication_slots.
type slot struct {
	plugin    string
	database  string
	active    bool
	walStatus string
	// confirmed is where the server would start to send again.
	confirmed realtime.Position
}

const slotQuery = `
select coalesce(plugin, '')::text, coalesce(database, '')::text, active, coalesce(wal_status, ''),
       coalesce(confirmed_flush_lsn, '0/0')::text
from pg_catalog.pg_replication_slots
where slot_name = $1`

// findSlot looks the slot up; nil means that there is none.
func findSlot(ctx context.Context, conn *pgx.Conn, name string) (*slot, error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var found slot
	var confirmed string
	err := conn.QueryRow(queryCtx, slotQuery, name).
		Scan(&found.plugin, &found.database, &found.active, &found.walStatus, &confirmed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil // absence is an answer here
	}
	if err != nil {
		return nil, queryError("look up replication slot "+name, err)
	}
	found.confirmed, err = realtime.ParsePosition(confirmed)
	if err != nil {
		return nil, fmt.Errorf("replication slot %s: %w", name, err)
	}
	return &found, nil
}

// foreign reports a slot that has our name but is not ours to use.
func (s *slot) foreign(name, database string) error {
	if s.plugin == plugin && s.database == database {
		return nil
	}
	return &SetupError{
		Kind:   ErrSlot,
		Detail: fmt.Sprintf("%s exists for plugin %q in database %q; want %q in %q", name, s.plugin, s.database, plugin, database),
		Remedy: "Choose another slot name, or drop that slot if nothing uses it",
	}
}

// lost reports whether the server has removed log that the slot still needed. Such a slot can never stream again.
func (s *slot) lost() bool {
	return !s.active && (s.walStatus == "lost" || s.walStatus == "")
}

// createSlot makes a persistent slot that starts at the present end of the log.
func createSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	createCtx, cancel := context.WithTimeout(ctx, slotCreateTimeout)
	defer cancel()
	_, err := conn.Exec(createCtx, "select pg_catalog.pg_create_logical_replication_slot($1, $2)", name, plugin)
	switch sqlState(err) {
	case stateDuplicateObject:
		return fmt.Errorf("replication slot %s: %w", name, errRace)
	case stateLimitExceeded:
		return noFreeSlot(err)
	}
	if err != nil {
		return queryError("create replication slot "+name, err)
	}
	return nil
}

func noFreeSlot(cause error) error {
	return &SetupError{
		Kind: ErrNoFreeSlot, Detail: "all replication slots of the server are in use", Cause: cause,
		Remedy: "Drop one that nothing uses (select slot_name, active from pg_replication_slots) or raise max_replication_slots",
	}
}

// dropSlot removes a slot that nothing streams from. One that is gone already is no error.
func dropSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	_, err := conn.Exec(queryCtx, "select pg_catalog.pg_drop_replication_slot($1)", name)
	switch sqlState(err) {
	case stateUndefinedObject:
		return nil
	case stateObjectInUse:
		return fmt.Errorf("drop replication slot %s: %w", name, errSlotBusy)
	}
	if err != nil {
		return queryError("drop replication slot "+name, err)
	}
	return nil
}

// The reasons that Options.OnSlotLost hears.
const (
	reasonEarlier     = "an earlier process noted the loss and did not live to make it good"
	reasonMissing     = "the slot is missing: the database was upgraded, paused, restored or cleaned up"
	reasonInvalidated = "the server removed log that the slot still needed"
	reasonPublication = "the publication was missing and is newer than the slot"
)

// makeSlot creates the slot where there is none, after noting what must be sent again. At a first start that is what
// commits until the slot exists.
func (r *runner) makeSlot(ctx context.Context, conn *pgx.Conn) error {
	if err := r.noteLoss(ctx, conn, nil, reasonMissing); err != nil {
		return err
	}
	r.options.Logger.InfoContext(ctx, "creating the replication slot; it waits for transactions that are running now",
		slog.String("slot", r.options.Slot))
	return createSlot(ctx, conn, r.options.Slot)
}

// replaceSlot notes the loss, drops what is left of the slot and makes a new one.
func (r *runner) replaceSlot(ctx context.Context, conn *pgx.Conn, found *slot) error {
	reason := reasonPublication
	if found.lost() {
		reason = reasonInvalidated
	}
	if err := r.noteLoss(ctx, conn, &nothing, reason); err != nil {
		return err
	}
	if err := dropSlot(ctx, conn, r.options.Slot); err != nil {
		return err
	}
	return createSlot(ctx, conn, r.options.Slot)
}

// noteLoss notes the loss durably before anything is made anew: after a crash in between, the next process would find a
// sound slot and know of no gap. missing is the horizon of a slot without a checkpoint.
func (r *runner) noteLoss(ctx context.Context, conn *pgx.Conn, missing *snapshot, reason string) error {
	kept, err := loadCheckpoint(ctx, conn, r.options.Slot, missing)
	if err != nil {
		return err
	}
	if _, err := noteLoss(ctx, conn, r.options.Slot); err != nil {
		return err
	}
	if !kept.slotSeen {
		return nil
	}
	r.lossReason = reason
	r.counters.losses.Add(1)
	r.setState(ctx, StateSlotLost)
	r.options.Logger.WarnContext(ctx, "replication slot was lost, its events will be sent again from the table",
		slog.String("slot", r.options.Slot), slog.String("reason", reason))
	return nil
}
