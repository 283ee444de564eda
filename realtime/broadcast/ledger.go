package broadcast

import (
	"time"

	"github.com/supportbase/handoff/realtime"
)

// openTransaction is a delivered transaction with messages that are not settled.
type openTransaction struct {
	position    realtime.Position
	committedAt time.Time
	deliveredAt time.Time
	remaining   int
}

// ledger knows which transactions are open and so how far the stream may confirm. Messages settle in any order,
// transactions are confirmed in theirs. Not safe for concurrent use: Bridge.mu guards it.
type ledger struct {
	open      []*openTransaction
	confirmed realtime.Position
}

// begin opens a transaction of that many messages. One without messages is done as soon as all before it are, so
// it only moves the end of the youngest open one: a stream of empty transactions takes no memory. Then begin gives nil.
func (l *ledger) begin(transaction realtime.Transaction, messages int) *openTransaction {
	if messages == 0 {
		l.pass(transaction.Position)
		return nil
	}
	opened := &openTransaction{
		position:    transaction.Position,
		committedAt: transaction.CommittedAt,
		deliveredAt: time.Now(),
		remaining:   messages,
	}
	l.open = append(l.open, opened)
	return opened
}

func (l *ledger) pass(position realtime.Position) {
	if len(l.open) == 0 {
		l.confirmed = max(l.confirmed, position)
		return
	}
	youngest := l.open[len(l.open)-1]
	youngest.position = max(youngest.position, position)
}

// settle counts one message of the transaction as done and says whether the confirmed position moved.
func (l *ledger) settle(transaction *openTransaction) bool {
	before := l.confirmed
	transaction.remaining--
	for len(l.open) > 0 && l.open[0].remaining == 0 {
		l.confirmed = max(l.confirmed, l.open[0].position)
		l.open[0] = nil // the array lives on behind the slice; do not keep the transaction alive with it
		l.open = l.open[1:]
	}
	return l.confirmed != before
}

// oldest is when the oldest open transaction was committed; zero when none is open.
func (l *ledger) oldest() time.Time {
	if len(l.open) == 0 {
		return time.Time{}
	}
	return l.open[0].committedAt
}
