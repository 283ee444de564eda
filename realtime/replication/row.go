package replication

import (
	"bytes"
	"strconv"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// column names a field of the outbox that the decoder reads. Columns it does not know (bucket, and what later
// versions add) are passed over.
type column uint8

const (
	columnOther column = iota
	columnID
	columnXID
	columnProjectID
	columnConversationID
	columnKind
	columnSeq
	columnPayload
	columnCreatedAt
)

var columnNames = map[string]column{
	"id":              columnID,
	"xid":             columnXID,
	"project_id":      columnProjectID,
	"conversation_id": columnConversationID,
	"kind":            columnKind,
	"seq":             columnSeq,
	"payload":         columnPayload,
	"created_at":      columnCreatedAt,
}

// relation is what Postgres said about the outbox: which column comes at which place of a row. Places are resolved by
// name because rows arrive in the table's order, which differs between installations and after alter table.
type relation struct {
	// foreign is the table's name if it is not the outbox.
	foreign tableName
	columns []column
	names   []string
}

// readRelation reads what follows a Relation's id: schema, table, replica identity (1), number of columns (2), and for
// each: flags (1), name, type (4), type modifier (4). Postgres also describes the partition that a row went into, beside
// the outbox whose row it sends it as; so another table is noted here, and refused when a row of it comes.
func readRelation(w *wire, want tableName) (*relation, error) {
	name := tableName{schema: w.text(), table: w.text()}
	w.byte()
	count := int(w.uint16())
	described := &relation{}
	for range count {
		w.byte()
		column := w.text()
		w.uint32()
		w.uint32()
		if w.short {
			return described, nil // decode reports it
		}
		described.names = append(described.names, column)
		described.columns = append(described.columns, columnNames[column])
	}
	if w.short {
		return described, nil
	}
	if name != want {
		return &relation{foreign: name}, nil
	}
	if err := described.complete(); err != nil {
		return nil, err
	}
	return described, nil
}

// complete reports the first column of the outbox that the description lacks.
func (r *relation) complete() error {
	seen := make(map[column]bool, len(r.columns))
	for _, each := range r.columns {
		seen[each] = true
	}
	for name, each := range columnNames {
		if !seen[each] {
			return undecodable("the outbox has no column %s", name)
		}
	}
	return nil
}

// row reads: number of columns (2), and for each its form (1) and, unless null, length (4) and text.
func (d *decoder) row(w *wire, from *relation, event *realtime.Event) error {
	count := int(w.uint16())
	if w.short {
		return nil // decode reports it
	}
	if count != len(from.columns) {
		return undecodable("a row has %d columns; the table was described with %d", count, len(from.columns))
	}
	for place, each := range from.columns {
		form := w.byte()
		var value []byte
		if form == 't' {
			value = w.take(int(w.uint32()))
		}
		if w.short {
			return nil // decode reports it
		}
		if form != 't' && form != 'n' {
			return undecodable("column %s arrives in form %q", from.names[place], form)
		}
		if err := d.set(event, each, value, form == 'n'); err != nil {
			return undecodable("column %s: %w", from.names[place], err)
		}
	}
	return nil
}

// set puts one column's text into its field, copying what it keeps. Only conversation_id may be null.
func (d *decoder) set(event *realtime.Event, which column, value []byte, null bool) (err error) {
	if null {
		if which == columnOther || which == columnConversationID {
			return nil
		}
		return errNull
	}
	switch which {
	case columnOther:
	case columnID:
		event.ID, err = strconv.ParseInt(string(value), 10, 64)
	case columnXID:
		event.XID, err = strconv.ParseUint(string(value), 10, 64)
	case columnProjectID:
		event.ProjectID = string(value)
	case columnConversationID:
		event.ConversationID = string(value)
	case columnKind:
		event.Kind = d.kind(value)
	case columnSeq:
		event.Seq, err = strconv.ParseInt(string(value), 10, 64)
	case columnPayload:
		event.Payload = bytes.Clone(value)
	case columnCreatedAt:
		event.CreatedAt, err = parseTimestamp(value)
	}
	return err
}

func (d *decoder) kind(value []byte) realtime.Kind {
	if known, ok := d.kinds[string(value)]; ok {
		return known
	}
	return realtime.Kind(value)
}

// timestampLayout is timestamptz under DateStyle ISO and time zone UTC, which connect.go asks for. A fraction of a
// second is read although the layout names none.
const timestampLayout = "2006-01-02 15:04:05Z07"

func parseTimestamp(value []byte) (time.Time, error) {
	parsed, err := time.Parse(timestampLayout, string(value))
	return parsed.UTC(), err
}
