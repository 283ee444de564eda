package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/supportbase/handoff/realtime"
)

const (
	// pageRows is how many rows of the outbox are in memory at once when it is read as a table.
	pageRows = 500
	// tableTimeout bounds one page. The first one is bounded so, too: it waits until the server has found and sorted all rows.
	tableTimeout = 2 * time.Minute
)

// tableColumns are what columnNames knows.
const tableColumns = "id, xid, project_id, conversation_id, kind, seq, payload, created_at"

// tableRead reads part of the outbox, in pages, in the order of the ids. Ids of one conversation are given under its row
// lock, and ids of a project's own news under a lock too, so this order is the order of writing in each; the order of xids
// is not: a transaction with an older xid may write in a conversation after one with a younger xid.
//
// The rows wait in a cursor that outlives its transaction: the server sorts them once, into a file of its own, and
// holds no snapshot while they are delivered, which may take as long as Realtime is away. Reading pages by a growing
// id instead would need an index on the id alone, which each writer would have to pay for.
type tableRead struct {
	conn *pgconn.PgConn
	// shows is the snapshot of the read: everything in it that was to be read is read.
	shows snapshot
	// first is the page that came with the snapshot, until it was given.
	first []realtime.Event
	ended bool
}

// everything is the condition for a resend from a snapshot: what the snapshot does not show. After a restore from a dump
// that leaves out what was written since, because those xids are low again.
func everything(from, now snapshot) string {
	if !from.beyond(now) {
		return from.unseen()
	}
	return "(" + from.unseen() + " or xid < pg_snapshot_xmax(pg_current_snapshot()))"
}

// since is the condition for what a later snapshot shows beyond an earlier one. Rows of the future, left by a restore
// from a dump, are not read again and again.
func since(from snapshot) string {
	return from.unseen() + " and xid < pg_snapshot_xmax(pg_current_snapshot())"
}

// tableQuery opens the cursor and fetches the first page in one round trip. It closes what an earlier read has left.
const tableQuery = `
begin isolation level repeatable read read only;
close all;
select pg_current_snapshot()::text;
declare outbox_read no scroll cursor with hold for
  select ` + tableColumns + ` from %s where %s order by id;
commit;
fetch forward %d from outbox_read`

// readTable starts to read the rows that a condition names, as of now.
func readTable(ctx context.Context, conn *pgconn.PgConn, table tableName, condition string) (*tableRead, error) {
	results, err := execTable(ctx, conn, fmt.Sprintf(tableQuery, table.quoted(), condition, pageRows))
	if err != nil {
		return nil, queryError("read the outbox", err)
	}
	const snapshotAt, rowsAt = 2, 5
	if len(results) <= rowsAt || len(results[snapshotAt].Rows) != 1 {
		return nil, undecodable("the outbox was read with %d answers", len(results))
	}
	shows, err := parseSnapshot(string(results[snapshotAt].Rows[0][0]))
	if err != nil {
		return nil, undecodable("%w", err)
	}
	first, err := decodeRows(results[rowsAt])
	return &tableRead{conn: conn, shows: shows, first: first}, err
}

// page gives the next events; none at the end.
func (r *tableRead) page(ctx context.Context) ([]realtime.Event, error) {
	if r.ended {
		return nil, nil
	}
	events := r.first
	r.first = nil
	if events == nil {
		results, err := execTable(ctx, r.conn, fmt.Sprintf("fetch forward %d from outbox_read", pageRows))
		if err != nil {
			return nil, queryError("read on in the outbox", err)
		}
		if events, err = decodeRows(results[0]); err != nil {
			return nil, err
		}
	}
	r.ended = len(events) < pageRows
	return events, nil
}

// each reads to the end and calls take with transactions of bounded size. It gives the number of events.
func (r *tableRead) each(ctx context.Context, take func(realtime.Transaction) error) (int, error) {
	for total := 0; ; {
		events, err := r.page(ctx)
		if err != nil || len(events) == 0 {
			return total, err
		}
		total += len(events)
		for _, part := range split(events) {
			if err := take(part); err != nil {
				return total, err
			}
		}
	}
}

// close lets the server forget the rows.
func (r *tableRead) close(ctx context.Context) error {
	_, err := execTable(ctx, r.conn, "close all")
	return err
}

func execTable(ctx context.Context, conn *pgconn.PgConn, statements string) ([]*pgconn.Result, error) {
	queryCtx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	return conn.Exec(queryCtx, statements).ReadAll()
}

// decodeRows reads rows in the same text form as the stream's. It never gives nil without an error.
func decodeRows(result *pgconn.Result) ([]realtime.Event, error) {
	d := newDecoder(tableName{})
	events := make([]realtime.Event, len(result.Rows))
	for i, row := range result.Rows {
		for place, value := range row {
			name := result.FieldDescriptions[place].Name
			if err := d.set(&events[i], columnNames[name], value, value == nil); err != nil {
				return nil, undecodable("column %s: %w", name, err)
			}
		}
	}
	return events, nil
}

// split cuts events into transactions that are not larger than the parts of a streamed one.
func split(events []realtime.Event) []realtime.Transaction {
	var parts []realtime.Transaction
	var size partSize
	begin := 0
	for i := range events {
		size.add(&events[i])
		if size.full() || i == len(events)-1 {
			parts = append(parts, realtime.Transaction{CommittedAt: events[begin].CreatedAt, Events: events[begin : i+1 : i+1]})
			begin, size = i+1, partSize{}
		}
	}
	return parts
}

// The bounds of a part: a large transaction, and what is read from the table, is delivered in parts, so that a few of
// them are all that memory has to hold.
const (
	partEvents = 1000
	partBytes  = 256 << 10
)

type partSize struct{ events, bytes int }

func (p *partSize) add(event *realtime.Event) {
	p.events++
	p.bytes += len(event.Payload)
}

func (p *partSize) full() bool {
	return p.events >= partEvents || p.bytes >= partBytes
}
