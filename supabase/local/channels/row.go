package channels

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"
)

// row is a message that was written to realtime.messages.
type row struct {
	id, topic, event string // topic is without "realtime:"
	private          bool
	// raw says that payload is binary_payload; else it is JSON.
	raw     bool
	payload []byte
}

// user is the row as an application's message. meta is what clients learn of where it comes from.
func (r row) user(meta []byte) *userMessage {
	return &userMessage{event: r.event, raw: r.raw, payload: r.payload, meta: meta}
}

// rowDecoder turns a stream of pgoutput into rows. The partitions of realtime.messages are relations of their own, each
// announced before its first row.
type rowDecoder struct {
	relations map[uint32]*pglogrepl.RelationMessage
}

// errUnknownRelation: a row came before its relation, or its relation has fewer columns.
var errUnknownRelation = errors.New("a row of a relation that was not announced")

// decode returns nil for a message that delivers nothing. Only inserts deliver: partitions are dropped, and nobody
// else should change rows. An error means that the stream cannot be understood any further.
func (d *rowDecoder) decode(message pglogrepl.Message) (*row, error) {
	switch message := message.(type) {
	case *pglogrepl.RelationMessage:
		d.relations[message.RelationID] = message
		return nil, nil //nolint:nilnil // nothing to deliver
	case *pglogrepl.InsertMessage:
		fields, err := d.fields(message)
		if err != nil {
			return nil, err
		}
		return rowOf(fields)
	default:
		return nil, nil //nolint:nilnil // nothing to deliver
	}
}

// fields returns the columns that are not null, by name, in Postgres's text form.
func (d *rowDecoder) fields(insert *pglogrepl.InsertMessage) (map[string]string, error) {
	relation := d.relations[insert.RelationID]
	if relation == nil || insert.Tuple == nil || len(insert.Tuple.Columns) > len(relation.Columns) {
		return nil, fmt.Errorf("relation %d: %w", insert.RelationID, errUnknownRelation)
	}
	fields := make(map[string]string, len(relation.Columns))
	for i, column := range insert.Tuple.Columns {
		if column.DataType == pglogrepl.TupleDataTypeText {
			fields[relation.Columns[i].Name] = string(column.Data)
		}
	}
	return fields, nil
}

// rowOf returns nil for a row that is no broadcast, or lacks what a broadcast needs: Realtime passes those over.
func rowOf(fields map[string]string) (*row, error) {
	private, known := fields["private"]
	event, named := fields["event"]
	if fields["extension"] != string(broadcastExtension) || !known || !named {
		return nil, nil //nolint:nilnil // nothing to deliver
	}
	r := &row{id: fields["id"], topic: fields["topic"], event: event, private: private == "t"}
	if payload, found := fields["payload"]; found {
		r.payload = []byte(payload)
		return r, nil
	}
	binary, found := fields["binary_payload"]
	if !found {
		return nil, nil //nolint:nilnil // nothing to deliver
	}
	var err error
	if r.payload, err = hex.DecodeString(strings.TrimPrefix(binary, `\x`)); err != nil {
		return nil, fmt.Errorf("decode binary_payload of message %s: %w", r.id, err)
	}
	r.raw = true
	return r, nil
}
