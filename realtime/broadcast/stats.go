package broadcast

import "time"

// Stats is a look at a bridge, for metrics.
type Stats struct {
	// Pending messages are not settled; PendingBytes are the payloads held for them.
	Pending      int
	PendingBytes int
	// FailingTopics are topics whose last attempt failed.
	FailingTopics int
	// Transactions counts what was delivered to the bridge, Received the messages made of it.
	Transactions uint64
	Received     uint64
	// Published, Parked, Retried and Coalesced count messages since Start. Retried counts failed attempts.
	Published uint64
	Parked    uint64
	Retried   uint64
	Coalesced uint64
	// OldestCommit is when the oldest transaction that is not confirmed was committed, by the database's clock; zero
	// when there is none. The distance to now is the lag that users see.
	OldestCommit time.Time
	// ToDelivery is the time from the commit, by the database's clock, to the delivery of the transaction to the bridge, by
	// the bridge's clock. ToAcknowledgement is from there to the acknowledgement of each message, attempts and rests
	// included.
	ToDelivery        Latency
	ToAcknowledgement Latency
}

// Stats gives the numbers of this moment.
func (b *Bridge) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{
		Pending:       b.counts.pending,
		PendingBytes:  b.counts.pendingBytes,
		FailingTopics: b.counts.failing,
		Transactions:  b.counts.transactions,
		Received:      b.counts.received,
		Published:     b.counts.published,
		Parked:        b.counts.parked,
		Retried:       b.counts.retried,
		Coalesced:     b.counts.coalesced,
		OldestCommit:  b.ledger.oldest(),

		ToDelivery:        b.counts.toDelivery,
		ToAcknowledgement: b.counts.toAcknowledgement,
	}
}
