package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime/replication"
)

const (
	megabyte = 1 << 20
	// smallKeepSize is what a worker that is down for an hour on a busy project leaves unread.
	smallKeepSize = 1024 * megabyte
	// muchLag is unread log that shows a worker which is stuck or far behind.
	muchLag = 256 * megabyte
	// fewLeft is how many slots or senders should stay free for a restart of Realtime.
	fewLeft = 1
)

func askWALLevel(ctx context.Context, p *patient) ([]Finding, error) {
	var level string
	if err := p.conn.QueryRow(ctx, `select current_setting('wal_level')`).Scan(&level); err != nil {
		return nil, err
	}
	if level != "logical" {
		return []Finding{warn("wal_level is "+level+": the worker polls instead of streaming",
			"Set wal_level = logical in the server's configuration and restart it; hosted Supabase has it.")}, nil
	}
	return fine("wal_level is logical"), nil
}

// askReplication tries what the worker does first. A database that cannot be streamed from is polled, so it is a warning
// unless the remedy is to mend something that is ours.
func askReplication(ctx context.Context, p *patient) ([]Finding, error) {
	err := replication.Check(ctx, replication.Options{
		URL: p.ReplicationURL, PollURL: p.DatabaseURL, Slot: p.Slot, Source: replication.SourceStream,
	})
	if err == nil {
		return fine("REPLICATION_URL carries logical replication, and the publication is as it should be"), nil
	}
	refused, ok := errors.AsType[*replication.SetupError](err)
	if !ok {
		return nil, err
	}
	text, remedy := refused.Kind.Error()+": "+refused.Detail, refused.Remedy
	if errors.Is(err, replication.ErrPublication) {
		return []Finding{broken(text, remedy).fixedBy(dropPublication)}, nil
	}
	if errors.Is(err, replication.ErrSlot) && !errors.Is(err, replication.ErrNoFreeSlot) || errors.Is(err, replication.ErrWrongPassword) {
		return []Finding{broken(text, remedy)}, nil
	}
	return []Finding{warn(text+"; the worker polls instead, which costs the database more and takes longer", remedy)}, nil
}

// dropPublication removes a publication of wrong content. The worker makes it anew; what it had not read is sent again.
func dropPublication(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `drop publication if exists `+pgx.Identifier{replication.DefaultPublication}.Sanitize())
	return err
}

func askFreeSlots(ctx context.Context, p *patient) ([]Finding, error) {
	var most, used int
	var ours bool
	err := p.conn.QueryRow(ctx, `
		select current_setting('max_replication_slots')::int, count(*), coalesce(bool_or(slot_name = $1), false)
		  from pg_catalog.pg_replication_slots`, p.Slot).Scan(&most, &used, &ours)
	if err != nil {
		return nil, err
	}
	return room("replication slots", "max_replication_slots", most-used, most, ours), nil
}

func askFreeSenders(ctx context.Context, p *patient) ([]Finding, error) {
	var most, used int
	var ours bool
	err := p.conn.QueryRow(ctx, `
		select current_setting('max_wal_senders')::int, (select count(*) from pg_catalog.pg_stat_replication),
		       exists (select 1 from pg_catalog.pg_replication_slots where slot_name = $1 and active)`, p.Slot).Scan(&most, &used, &ours)
	if err != nil {
		return nil, err
	}
	return room("WAL senders", "max_wal_senders", most-used, most, ours), nil
}

// room judges what is left of a resource of which the worker takes one, and Realtime up to two.
func room(what, setting string, left, most int, ours bool) []Finding {
	text := fmt.Sprintf("%d of %d %s are free", left, most, what)
	remedy := fmt.Sprintf("Drop slots that nothing uses (select slot_name, active from pg_replication_slots), or raise %s "+
		"(supabase postgres-config update).", setting)
	switch {
	case !ours && left < 1:
		return []Finding{warn(text+": the worker can only poll", remedy)}
	case left < fewLeft:
		return []Finding{warn(text+": a restart of Realtime may fail for want of one", remedy)}
	default:
		return fine(text)
	}
}

func askKeepSize(ctx context.Context, p *patient) ([]Finding, error) {
	var megabytes int64
	if err := p.conn.QueryRow(ctx, `select setting::bigint from pg_catalog.pg_settings where name = 'max_slot_wal_keep_size'`).Scan(&megabytes); err != nil {
		return nil, err
	}
	switch {
	case megabytes < 0:
		return []Finding{warn("max_slot_wal_keep_size is unlimited: a worker that is down lets the log fill the disk",
			"Set it to 4GB, as hosted Supabase does: a lost slot costs a resend, a full disk stops the database.")}, nil
	case megabytes*megabyte < smallKeepSize:
		return []Finding{warn(fmt.Sprintf("max_slot_wal_keep_size is %d MB: a short absence of the worker loses the slot", megabytes),
			"Set it to 1GB or more; losing the slot loses no event, but sends everything since the last checkpoint again.")}, nil
	default:
		return fine(fmt.Sprintf("up to %d MB of log are kept for a worker that is away", megabytes)), nil
	}
}

// slotRow is the worker's slot.
type slotRow struct {
	Active    bool
	WALStatus string
	Lag       int64
}

func askSlot(ctx context.Context, p *patient) ([]Finding, error) {
	rows, err := p.conn.Query(ctx, `
		select active, coalesce(wal_status, ''), coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint
		  from pg_catalog.pg_replication_slots where slot_name = $1`, p.Slot)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[slotRow])
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return fine("slot " + p.Slot + " does not exist yet; the worker makes it"), nil
	}
	return []Finding{p.judgeSlot(found[0])}, nil
}

func (p *patient) judgeSlot(slot slotRow) Finding {
	switch {
	case slot.WALStatus == "lost":
		return warn("slot "+p.Slot+" has lost log that it needed",
			"Start the worker: it makes a new one and sends again what was not delivered. Raise max_slot_wal_keep_size if this happens often.")
	case slot.WALStatus == "unreserved":
		return warn("slot "+p.Slot+" is about to lose log that it needs", "Start the worker, or see in its log why it does not keep up.")
	case slot.Lag > muchLag:
		return warn(fmt.Sprintf("slot %s is %d MB behind", p.Slot, slot.Lag/megabyte), "Start the worker, or see in its log why it does not keep up.")
	default:
		return Finding{Severity: OK, Text: fmt.Sprintf("slot %s is %d MB behind", p.Slot, slot.Lag/megabyte)}
	}
}
