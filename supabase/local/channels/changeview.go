package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// changeData is a change as clients see it.
type changeData struct {
	Columns   []changeColumn             `json:"columns"`
	Timestamp string                     `json:"commit_timestamp"`
	Errors    []string                   `json:"errors"`
	Old       map[string]json.RawMessage `json:"old_record,omitempty"`
	Record    map[string]json.RawMessage `json:"record,omitempty"`
	Schema    string                     `json:"schema"`
	Table     string                     `json:"table"`
	Type      string                     `json:"type"`
}

type changeColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// changeView is what one identity may see of a change.
type changeView struct {
	data changeData
	// passed are, for each listener, the ids of its subscriptions that the change satisfies.
	passed [][]uint32
}

// tableColumn is a column as a role sees it, and two facts about its table.
type tableColumn struct {
	Name, Type      string
	Selectable, Key bool
	RLS             bool
}

const (
	// tableDescribe is asked anew for each change: policies and grants may have changed since the last.
	tableDescribe = `
		select a.attname, t.typname, has_column_privilege($2, a.attrelid, a.attnum, 'select') as selectable,
			coalesce(a.attnum = any(i.indkey), false) as key, c.relrowsecurity as rls
		from pg_attribute as a
		join pg_type as t on t.oid = a.atttypid
		join pg_class as c on c.oid = a.attrelid
		left join pg_index as i on i.indrelid = a.attrelid and i.indisprimary
		where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
		order by a.attnum`
	// transactionRuns looks for the lock that a transaction holds on itself until it is visible to all.
	transactionRuns = `
		select exists (
			select from pg_locks
			where locktype = 'transactionid' and granted and mode = 'ExclusiveLock' and transactionid::text = $1)`
	tablePublished = `
		select exists (
			select from pg_publication_tables
			where pubname = $1 and schemaname = $2 and (tablename = $3 or $3 = '*'))`
)

// endPollInterval is how often awaitEnd looks. There is hardly ever a second look.
const endPollInterval = time.Millisecond

// checkSubscription wants the table to be published and the filters to make sense to it. Its errors are for the client.
func (a *authorizer) checkSubscription(ctx context.Context, s subscription) error {
	return a.withConn(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var published bool
		err := conn.QueryRow(ctx, tablePublished, changesPublication, s.schema, s.table).Scan(&published)
		if err != nil {
			return s.refusal("The database cannot be asked")
		}
		if !published {
			return s.refusal("Please check Realtime is enabled for the given connect parameters")
		}
		if len(s.filters) == 0 {
			return nil
		}
		query := valueQuery{table: pgx.Identifier{s.schema, s.table}.Sanitize(), args: []any{"{}", "{}"}}
		query.add(s, newRow, nil)
		if query.run(ctx, conn) != nil {
			return s.refusal("The filter does not fit the table")
		}
		return nil
	})
}

// withConn lends a connection for the time of one probe.
func (a *authorizer) withConn(ctx context.Context, use func(context.Context, *pgx.Conn) error) error {
	conn, err := a.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return use(ctx, conn.Conn())
}

// view asks the database what an identity may see of a change and which listeners' filters it passes. The row is looked
// for when it is asked, not as it was at the commit: one that is gone by then is not told, as at Supabase.
func (a *authorizer) view(ctx context.Context, c change, who *identity, listeners []listener) (view changeView, err error) {
	view.data = changeData{
		Columns: []changeColumn{}, Timestamp: c.committed.UTC().Format("2006-01-02T15:04:05.000Z"),
		Schema: c.relation.Namespace, Table: c.relation.RelationName, Type: c.action,
	}
	var columns []tableColumn
	var query valueQuery
	err = a.withConn(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		found, _ := conn.Query(ctx, tableDescribe, c.relation.RelationID, who.role) // CollectRows returns the error
		if columns, err = pgx.CollectRows(found, pgx.RowToStructByPos[tableColumn]); err != nil {
			return fmt.Errorf("describe table: %w", err)
		}
		query = newValueQuery(c, listeners)
		return query.run(ctx, conn)
	})
	if err != nil {
		return view, err
	}
	visible, refused, err := a.sees(ctx, c, who, columns)
	if err != nil || !visible {
		view.passed = make([][]uint32, len(listeners))
		return view, err
	}
	view.passed = query.passed(listeners)
	if refused != "" {
		view.data.Errors = []string{refused}
		return view, nil
	}
	view.data.fill(c, columns, query)
	return view, nil
}

// sees reports whether the identity may be told of the change. refused is what it is told instead of the row. Of a row
// that is gone nobody can ask the policies: whoever subscribed is told its key.
func (a *authorizer) sees(ctx context.Context, c change, who *identity, columns []tableColumn) (visible bool, refused string, err error) {
	var keys []string
	rls, readable := false, false
	for _, column := range columns {
		rls = rls || column.RLS
		readable = readable || column.Selectable
		if column.Key {
			keys = append(keys, column.Name)
		}
	}
	switch {
	case !readable:
		return true, changeUnauthorized, nil
	case c.action == actionDelete || !rls:
		return true, "", nil
	case keys == nil:
		return true, changeWithoutKey, nil
	}
	if err := a.awaitEnd(ctx, c.xid); err != nil {
		return false, "", err
	}
	err = a.probe(ctx, func(batch *pgx.Batch) {
		subject{identity: who, headers: "{}"}.assume(batch)
		batch.Queue(rowVisible(c.table(), keys), mustMarshal(c.record)).QueryRow(func(row pgx.Row) error { return row.Scan(&visible) })
	})
	if isDenied(err) {
		return true, changeUnauthorized, nil
	}
	return visible, "", err
}

// awaitEnd waits until others can see what the transaction did. Its commit is streamed as soon as it is written, which
// is a moment before it takes effect; a policy that was asked in between would not find the row.
func (a *authorizer) awaitEnd(ctx context.Context, xid uint32) error {
	return a.withConn(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		for {
			var running bool
			if err := conn.QueryRow(ctx, transactionRuns, strconv.FormatUint(uint64(xid), 10)).Scan(&running); err != nil {
				return fmt.Errorf("wait for transaction %d: %w", xid, err)
			}
			if !running {
				return nil
			}
			pause(ctx, endPollInterval)
		}
	})
}

// rowVisible asks, as the subscriber, for the row with the key of the record that is its parameter.
func rowVisible(table string, keys []string) string {
	conditions := make([]string, len(keys))
	for i, key := range keys {
		name := pgx.Identifier{key}.Sanitize()
		conditions[i] = "x." + name + " = k." + name
	}
	return "select exists (select from " + table + " as x, jsonb_populate_record(null::" + table + ", $1::jsonb) as k where " +
		strings.Join(conditions, " and ") + ")"
}

// fill puts in what the identity may read. Under RLS the old row is its key only.
func (d *changeData) fill(c change, columns []tableColumn, query valueQuery) {
	for _, column := range columns {
		if !column.Selectable {
			continue
		}
		d.Columns = append(d.Columns, changeColumn{column.Name, column.Type})
		if _, known := c.record[column.Name]; known {
			d.set(&d.Record, column.Name, query.record)
		}
		if _, known := c.old[column.Name]; known && (column.Key || !column.RLS) {
			d.set(&d.Old, column.Name, query.old)
		}
	}
	if size(d.Record)+size(d.Old) > maxRecordBytes {
		d.Errors = []string{changeTooLarge}
		shorten(d.Record)
		shorten(d.Old)
	}
}

func (d *changeData) set(to *map[string]json.RawMessage, name string, from map[string]json.RawMessage) {
	if *to == nil {
		*to = make(map[string]json.RawMessage)
	}
	(*to)[name] = from[name]
}

func size(row map[string]json.RawMessage) (bytes int) {
	for name, value := range row {
		bytes += len(name) + len(value)
	}
	return bytes
}

func shorten(row map[string]json.RawMessage) {
	for name, value := range row {
		if len(value) > maxFieldBytes {
			delete(row, name)
		}
	}
}
