package replication

import (
	"fmt"

	"github.com/supportbase/handoff/realtime"
)

// The message types of pgoutput that a publication of inserts can produce.
const (
	messageBegin    = 'B'
	messageCommit   = 'C'
	messageOrigin   = 'O'
	messageRelation = 'R'
	messageType     = 'Y'
	messageInsert   = 'I'
)

// decoder turns the messages of one replication session into transactions. It belongs to one goroutine and to one
// session: Postgres describes each table anew on each connection.
//
// It reads pgoutput protocol version 1 in text form itself instead of through pglogrepl.Parse, which panics on a
// message that ends early and copies each column byte by byte.
type decoder struct {
	table     tableName
	relations map[uint32]*relation
	kinds     map[string]realtime.Kind

	// begun says that a Begin has been read and its Commit has not.
	begun bool
	// commitAt is where the Commit of the transaction that has begun stands in the log.
	commitAt realtime.Position
	// tx is what has been read of it and not been given yet, parted whether something was given.
	tx     realtime.Transaction
	size   partSize
	parted bool
}

func newDecoder(table tableName) *decoder {
	return &decoder{table: table, relations: make(map[uint32]*relation), kinds: knownKinds()}
}

// knownKinds lets an event's kind be looked up without allocating its text again for each row.
func knownKinds() map[string]realtime.Kind {
	kinds := make(map[string]realtime.Kind)
	for _, kind := range realtime.Kinds() {
		kinds[string(kind)] = kind
	}
	return kinds
}

// decode reads one message. It gives a transaction when the message was its Commit and it wrote to the outbox, a part of
// one when it is large, else nil. A part has no Position, except for the last one, which may have no events: parts
// can be given before the Commit is read because the server sends nothing of a transaction that has not committed.
// The message's bytes are not kept. An error is an ErrUndecodable and the decoder must not be used after it.
func (d *decoder) decode(message []byte) (*realtime.Transaction, error) {
	w := &wire{rest: message}
	kind := w.byte()
	if w.short {
		return nil, undecodable("a message is empty")
	}
	tx, err := d.dispatch(kind, w)
	if err != nil {
		return nil, err
	}
	if w.short {
		return nil, undecodable("message %q ends early", kind)
	}
	if len(w.rest) > 0 {
		return nil, undecodable("message %q has %d bytes too many", kind, len(w.rest))
	}
	return tx, nil
}

func (d *decoder) dispatch(kind byte, w *wire) (*realtime.Transaction, error) {
	switch kind {
	case messageBegin:
		return nil, d.begin(w)
	case messageCommit:
		return d.commit(w)
	case messageRelation:
		return nil, d.relation(w)
	case messageInsert:
		return d.insert(w)
	case messageOrigin, messageType:
		// Both describe where a row came from or what type a column has; neither carries an event.
		w.take(len(w.rest))
		return nil, nil // nothing happened and nothing went wrong
	default:
		return nil, undecodable("message %q is not expected from a publication of inserts", kind)
	}
}

// begin reads: position of the commit (8), time of the commit (8), short transaction id (4).
func (d *decoder) begin(w *wire) error {
	if d.begun {
		return undecodable("a transaction begins inside another")
	}
	d.commitAt = realtime.Position(w.uint64())
	committedAt := w.time()
	w.uint32()
	d.begun, d.parted, d.size = true, false, partSize{}
	d.tx = realtime.Transaction{CommittedAt: committedAt}
	return nil
}

// commit reads: flags (1), position of the commit (8), position after it (8), time of the commit (8).
func (d *decoder) commit(w *wire) (*realtime.Transaction, error) {
	if !d.begun {
		return nil, undecodable("a commit without a begin")
	}
	w.byte()
	w.uint64()
	d.tx.Position = realtime.Position(w.uint64())
	w.time()
	d.begun = false
	if (len(d.tx.Events) == 0 && !d.parted) || w.short {
		return nil, nil // a transaction that left no event is not reported
	}
	tx := d.tx
	d.tx = realtime.Transaction{}
	return &tx, nil
}

func (d *decoder) relation(w *wire) error {
	id := w.uint32()
	described, err := readRelation(w, d.table)
	if err != nil {
		return err
	}
	d.relations[id] = described
	return nil
}

// insert reads: id of the table (4), 'N', the new row.
func (d *decoder) insert(w *wire) (*realtime.Transaction, error) {
	if !d.begun {
		return nil, undecodable("an insert outside a transaction")
	}
	id, marker := w.uint32(), w.byte()
	into, known := d.relations[id]
	switch {
	case w.short:
		return nil, nil // decode reports it
	case !known:
		return nil, undecodable("an insert into table %d, which was not described", id)
	case into.foreign != tableName{}:
		// Passing it over would lose events, for example when a publication names partitions instead of their parent.
		return nil, undecodable("a row of table %s; the publication may send only %s", into.foreign, d.table)
	case marker != 'N':
		return nil, undecodable("an insert carries row form %q", marker)
	}
	var event realtime.Event
	if err := d.row(w, into, &event); err != nil {
		return nil, err
	}
	d.tx.Events = append(d.tx.Events, event)
	d.size.add(&event)
	if d.size.full() && !w.short {
		return d.part(), nil
	}
	return nil, nil // the transaction goes on
}

// part gives what has been read of a transaction that goes on.
func (d *decoder) part() *realtime.Transaction {
	part := d.tx
	d.tx = realtime.Transaction{CommittedAt: part.CommittedAt}
	d.size, d.parted = partSize{}, true
	return &part
}

func undecodable(format string, values ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUndecodable}, values...)...)
}
