package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// valueQuery has the database turn the text forms of a change into JSON values, and compare them as filters want. Types
// never have to be named: values are read into rows of the table.
type valueQuery struct {
	table      string
	conditions []string
	args       []any // record and old row, then the values of filters

	record, old map[string]json.RawMessage
	results     []bool // one for each condition
}

// Aliases of the two rows. A column of such a name would hide the row.
const (
	newRow = "realtime_new_row"
	oldRow = "realtime_old_row"
)

func newValueQuery(c change, listeners []listener) valueQuery {
	q := valueQuery{table: c.table(), args: []any{objectArg(c.record), objectArg(c.old)}}
	alias := newRow
	if c.action == actionDelete {
		alias = oldRow
	}
	for _, l := range listeners {
		for _, s := range l.filtered {
			q.add(s, alias, c.row())
		}
	}
	return q
}

// objectArg keeps a row that is not there from becoming null, which jsonb_populate_record would take for a row of its own.
func objectArg(row map[string]json.RawMessage) string {
	if row == nil {
		return "{}"
	}
	return string(mustMarshal(row))
}

// add makes a condition of a subscription's filters. Of an old row only the key may be known; a filter on anything else
// does not hold. A nil row knows every column.
func (q *valueQuery) add(s subscription, alias string, row map[string]json.RawMessage) {
	terms := make([]string, 0, len(s.filters))
	for _, f := range s.filters {
		if _, known := row[f.column]; !known && row != nil {
			terms = append(terms, "false")
			continue
		}
		terms = append(terms, q.compare(f, alias))
	}
	if len(terms) == 0 {
		terms = []string{"true"}
	}
	q.conditions = append(q.conditions, "coalesce("+strings.Join(terms, " and ")+", false)")
}

// compare is a filter in SQL: one of its values must fit.
func (q *valueQuery) compare(f filter, alias string) string {
	column := pgx.Identifier{f.column}.Sanitize()
	terms := make([]string, len(f.values))
	for i, value := range f.values {
		q.args = append(q.args, string(mustMarshal(map[string]string{f.column: value})))
		terms[i] = fmt.Sprintf("%s.%s %s (jsonb_populate_record(null::%s, $%d::jsonb)).%s",
			alias, column, f.operator, q.table, len(q.args), column)
	}
	return "(" + strings.Join(terms, " or ") + ")"
}

func (q *valueQuery) String() string {
	return fmt.Sprintf(`select to_jsonb(%[3]s), to_jsonb(%[4]s), array[%[2]s]::boolean[]
		from jsonb_populate_record(null::%[1]s, $1::jsonb) as %[3]s, jsonb_populate_record(null::%[1]s, $2::jsonb) as %[4]s`,
		q.table, strings.Join(q.conditions, ", "), newRow, oldRow)
}

func (q *valueQuery) run(ctx context.Context, conn *pgx.Conn) error {
	var record, old []byte
	// The table's name is in the text: preparing statements would keep one for each table and set of filters.
	row := conn.QueryRow(ctx, q.String(), append([]any{pgx.QueryExecModeExec}, q.args...)...)
	if err := row.Scan(&record, &old, &q.results); err != nil {
		return fmt.Errorf("evaluate change: %w", err)
	}
	q.record, q.old = asObject(record), asObject(old)
	return nil
}

// passed returns, for each listener, the ids of the subscriptions whose condition holds.
func (q *valueQuery) passed(listeners []listener) [][]uint32 {
	passed := make([][]uint32, len(listeners))
	next := 0
	for i, l := range listeners {
		for _, s := range l.filtered {
			if q.results[next] {
				passed[i] = append(passed[i], s.id)
			}
			next++
		}
	}
	return passed
}
