package channels

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// What can happen to a row.
const (
	actionInsert = "INSERT"
	actionUpdate = "UPDATE"
	actionDelete = "DELETE"
)

// change is what a transaction did to one row of a published table.
type change struct {
	relation  *pglogrepl.RelationMessage
	action    string
	committed time.Time
	xid       uint32 // of the transaction
	// record is the row as it is now, old what is known of it before: with the usual replica identity its key. Both
	// hold the text forms of the values for jsonb_populate_record.
	record, old map[string]json.RawMessage
}

// table is the name of the change's table for SQL.
func (c change) table() string {
	return pgx.Identifier{c.relation.Namespace, c.relation.RelationName}.Sanitize()
}

// row is the one that filters look at.
func (c change) row() map[string]json.RawMessage {
	if c.action == actionDelete {
		return c.old
	}
	return c.record
}

// changeDecoder turns a stream of pgoutput into changes.
type changeDecoder struct {
	relations map[uint32]*pglogrepl.RelationMessage
	// committed and xid are those of the current transaction.
	committed time.Time
	xid       uint32
}

// decode returns nil for a message that is no change of a row. An error means that the stream cannot be understood any
// further.
func (d *changeDecoder) decode(message pglogrepl.Message) (*change, error) {
	switch message := message.(type) {
	case *pglogrepl.RelationMessage:
		d.relations[message.RelationID] = message
	case *pglogrepl.BeginMessage:
		d.committed, d.xid = message.CommitTime, message.Xid
	case *pglogrepl.InsertMessage:
		return d.change(message.RelationID, actionInsert, message.Tuple, nil, 0)
	case *pglogrepl.UpdateMessage:
		return d.change(message.RelationID, actionUpdate, message.NewTuple, message.OldTuple, message.OldTupleType)
	case *pglogrepl.DeleteMessage:
		return d.change(message.RelationID, actionDelete, nil, message.OldTuple, message.OldTupleType)
	}
	return nil, nil //nolint:nilnil // nothing to deliver
}

func (d *changeDecoder) change(relationID uint32, action string, now, before *pglogrepl.TupleData, beforeType uint8) (*change, error) {
	relation := d.relations[relationID]
	if relation == nil {
		return nil, fmt.Errorf("relation %d: %w", relationID, errUnknownRelation)
	}
	c := &change{relation: relation, action: action, committed: d.committed, xid: d.xid}
	var err error
	if c.record, err = values(relation, now, false); err != nil {
		return nil, err
	}
	if before == nil && action == actionUpdate { // the key has not changed
		c.old, err = values(relation, now, true)
		return c, err
	}
	c.old, err = values(relation, before, beforeType == pglogrepl.UpdateMessageTupleTypeKey)
	return c, err
}

// keyColumn is the flag of a column that is part of the replica identity.
const keyColumn = 1

// values returns what a tuple holds, or only the columns of the key. A value that was stored out of line and did not
// change is not in the tuple.
func values(relation *pglogrepl.RelationMessage, tuple *pglogrepl.TupleData, keyOnly bool) (map[string]json.RawMessage, error) {
	if tuple == nil {
		return nil, nil //nolint:nilnil // there is no such row
	}
	if len(tuple.Columns) > len(relation.Columns) {
		return nil, fmt.Errorf("relation %s: %w", relation.RelationName, errUnknownRelation)
	}
	object := make(map[string]json.RawMessage, len(tuple.Columns))
	for i, column := range tuple.Columns {
		described := relation.Columns[i]
		if keyOnly && described.Flags&keyColumn == 0 {
			continue
		}
		switch column.DataType {
		case pglogrepl.TupleDataTypeNull:
			object[described.Name] = json.RawMessage("null")
		case pglogrepl.TupleDataTypeText:
			object[described.Name] = jsonOf(described.DataType, column.Data)
		}
	}
	return object, nil
}

// jsonOf gives a value the form in which jsonb_populate_record takes it: the text form in quotes, JSON as it is.
func jsonOf(typeOID uint32, text []byte) json.RawMessage {
	if typeOID == pgtype.JSONOID || typeOID == pgtype.JSONBOID {
		return append(json.RawMessage(nil), text...)
	}
	return mustMarshal(string(text))
}
