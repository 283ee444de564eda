package replication

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

// checkpoint is this slot's row of handoff.worker_checkpoint, and the snapshot in which it was read.
type checkpoint struct {
	horizon  snapshot
	slotSeen bool
	// resendFrom is what was delivered when a slot was lost; nil unless what came after must be sent again.
	resendFrom *snapshot
	// losses tells this resend from one that is noted while it is done.
	losses int64
	now    snapshot
}

// resend says from where the outbox must be sent again; nil: from nowhere.
func (c checkpoint) resend() *snapshot {
	if c.resendFrom == nil && c.horizon.beyond(c.now) {
		return &c.horizon
	}
	return c.resendFrom
}

// checkpointLoad makes the row when it is missing. $2 is the horizon it then has.
const checkpointLoad = `
with made as (
  insert into handoff.worker_checkpoint as made (slot, horizon, slot_seen)
  values ($1, coalesce($2::text::pg_snapshot, pg_current_snapshot()), $3)
  on conflict (slot) do nothing
  returning *
)
select found.horizon::text, found.slot_seen, found.resend_from::text, found.losses, pg_current_snapshot()::text
  from (select * from made union all select * from handoff.worker_checkpoint as kept where kept.slot = $1) as found`

// loadCheckpoint reads the row. missing is the horizon it gets when there is none, nil being now: with a slot, of which
// nobody knows how far it got, that must be nothing; without one this is a first start, and what was written before is
// not sent.
func loadCheckpoint(ctx context.Context, conn *pgx.Conn, slot string, missing *snapshot) (checkpoint, error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var horizon, now string
	var resendFrom, fallback *string
	if missing != nil {
		text := missing.String()
		fallback = &text
	}
	var c checkpoint
	err := conn.QueryRow(queryCtx, checkpointLoad, slot, fallback, missing != nil).
		Scan(&horizon, &c.slotSeen, &resendFrom, &c.losses, &now)
	if err != nil {
		return checkpoint{}, checkpointError("read", slot, err)
	}
	err = c.parse(horizon, now, resendFrom)
	return c, err
}

func (c *checkpoint) parse(horizon, now string, resendFrom *string) (err error) {
	if c.horizon, err = parseSnapshot(horizon); err != nil {
		return fmt.Errorf("horizon: %w", err)
	}
	if c.now, err = parseSnapshot(now); err != nil {
		return fmt.Errorf("present: %w", err)
	}
	if resendFrom == nil {
		return nil
	}
	from, err := parseSnapshot(*resendFrom)
	if err != nil {
		return fmt.Errorf("start of the resend: %w", err)
	}
	c.resendFrom = &from
	return nil
}

// checkpointNoteLoss keeps the horizon of the first loss: until that resend is done the horizon does not move, so
// a second loss is covered by it.
const checkpointNoteLoss = `
update handoff.worker_checkpoint as kept
   set resend_from = coalesce(kept.resend_from, kept.horizon), losses = kept.losses + 1, updated_at = now()
 where kept.slot = $1
returning kept.losses`

// noteLoss notes durably that the outbox is to be sent again, before a new slot is made: whoever leads then finds it.
func noteLoss(ctx context.Context, conn *pgx.Conn, slot string) (losses int64, err error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := conn.QueryRow(queryCtx, checkpointNoteLoss, slot).Scan(&losses); err != nil {
		return 0, checkpointError("note a resend in", slot, err)
	}
	return losses, nil
}

// checkpointSlotSeen is written once; a row that says so already is left alone.
const checkpointSlotSeen = `
update handoff.worker_checkpoint as kept set slot_seen = true, updated_at = now()
 where kept.slot = $1 and not kept.slot_seen`

func noteSlotSeen(ctx context.Context, conn *pgx.Conn, slot string) error {
	return writeCheckpoint(ctx, conn, slot, checkpointSlotSeen, slot)
}

// checkpointAdvance never goes back: a leader that was cut off and comes to itself writes nothing older.
const checkpointAdvance = `
update handoff.worker_checkpoint as kept
   set horizon = $2::text::pg_snapshot, confirmed = $3::text::pg_lsn, updated_at = now()
 where kept.slot = $1 and kept.resend_from is null
   and pg_snapshot_xmin(kept.horizon) <= pg_snapshot_xmin($2::text::pg_snapshot)
   and pg_snapshot_xmax(kept.horizon) <= pg_snapshot_xmax($2::text::pg_snapshot)`

// advance notes that everything visible in a snapshot is delivered and acknowledged. confirmed is zero without a stream.
func advance(ctx context.Context, conn *pgx.Conn, slot string, horizon snapshot, confirmed realtime.Position) error {
	return writeCheckpoint(ctx, conn, slot, checkpointAdvance, slot, horizon.String(), positionText(confirmed))
}

// checkpointResent may take the horizon back, in one case: the server counts lower than before (snapshot.beyond). It does
// nothing when another loss was noted after the resend began.
const checkpointResent = `
update handoff.worker_checkpoint as kept
   set horizon = $2::text::pg_snapshot, resend_from = null, updated_at = now()
 where kept.slot = $1 and kept.losses = $3`

// endResend notes that everything visible in a snapshot was sent again and acknowledged.
func endResend(ctx context.Context, conn *pgx.Conn, slot string, horizon snapshot, losses int64) error {
	return writeCheckpoint(ctx, conn, slot, checkpointResent, slot, horizon.String(), losses)
}

func writeCheckpoint(ctx context.Context, conn *pgx.Conn, slot, statement string, values ...any) error {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if _, err := conn.Exec(queryCtx, statement, values...); err != nil {
		return checkpointError("write", slot, err)
	}
	return nil
}

func positionText(position realtime.Position) *string {
	if position == 0 {
		return nil
	}
	text := position.String()
	return &text
}

// checkpointError says that the migrations are older than this program if the table is not there.
func checkpointError(what, slot string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s the checkpoint of slot %s: %w", what, slot, errRace)
	}
	if sqlState(err) == stateUndefinedTable {
		return &SetupError{Kind: ErrNoTable, Detail: "no handoff.worker_checkpoint", Cause: bareCause(err), Remedy: migrateRemedy}
	}
	return fmt.Errorf("%s the checkpoint of slot %s: %w", what, slot, err)
}

// checkpointMark takes a snapshot and the end of the log. Order matters: a statement's snapshot is taken before anything
// of it is computed, so the position is the later of the two. A transaction stops being "running" only after its commit
// record has been put into the log; so every transaction that the snapshot shows as ended committed below that
// position. The flush position would not do: of commits that do not wait for the disk it may be short.
const checkpointMark = `select pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text`

// takeMark gives a snapshot and a position such that, once the position is confirmed, the snapshot is delivered.
func takeMark(ctx context.Context, conn *pgx.Conn) (snapshot, realtime.Position, error) {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var shows, end string
	if err := conn.QueryRow(queryCtx, checkpointMark).Scan(&shows, &end); err != nil {
		return snapshot{}, 0, queryError("take a snapshot at the end of the log", err)
	}
	taken, err := parseSnapshot(shows)
	if err != nil {
		return snapshot{}, 0, err
	}
	position, err := realtime.ParsePosition(end)
	return taken, position, err
}
