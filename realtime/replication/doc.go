// Package replication follows the write-ahead log: it hands every committed transaction of handoff.outbox to one
// function, in commit order, and tells Postgres how far the work has been done.
//
// # Parts
//
// A Stream (stream.go) connects, waits and connects again. One attempt is: survey the database over an ordinary
// connection (survey.go), make what is missing (prepare.go, slot.go), wait while another process holds the slot
// (standby.go), then stream over a replication connection (session.go). The goroutine of Run owns that connection:
// it reads, and it writes the status updates (status.go). A recorder (recorder.go) keeps the checkpoint (checkpoint.go) over
// the ordinary connection: first it sends again what a lost slot did not carry, read from the table (table.go), then it
// notes now and then how far the work is. A courier (courier.go) calls deliver from a second goroutine, so that a
// deliver that blocks never keeps the connection from being kept alive; while it blocks nothing is read, and the
// database holds what is not read. The decoder (decoder.go) turns pgoutput messages into transactions, large ones into
// parts.
//
// Where streaming is not possible (source.go says when), a poller (poll.go) reads the table instead, woken by
// notifications, with the same checkpoint, and looks each minute whether it can stream.
//
// # States
//
//	starting             Run has not reached a database yet
//	waiting_for_database the last attempt failed; another one follows
//	standby              another process leads; this one takes over when it goes
//	slot_lost            the slot was lost, which is noted; a new one is being made
//	resending            what the lost slot did not carry is read from the table and delivered
//	streaming            transactions arrive
//	polling              transactions arrive, read from the table
//	stopped              Run has returned
//
// # Guarantees
//
// Each committed transaction of the outbox is delivered at least once, also when slots are lost. From a stream
// transactions come in commit order, with their events in the order they were written; from the table, events come in
// the order of their ids, which is the order of writing in each conversation. A transaction that was rolled back is never
// seen. Only the end of a transaction has a Position; parts of a large one, and what comes from the table, have none and
// confirm nothing. Within one Run a streamed transaction is delivered once, also over reconnects, unless the
// connection broke in the middle of a large one or the slot was lost; another process, or the same one started again,
// sees those again that were delivered but not confirmed. The position confirmed to Postgres never passes what the caller
// confirmed, and never goes back. What cannot be decoded ends the stream with an error: nothing is skipped.
//
// # What is not guaranteed
//
// Order between conversations is not kept when events are sent again or polled. Events older than the outbox's retention
// cannot be sent again; Options.OnSlotLost tells the caller to look for itself. Leading is not mutual exclusion: a
// process cut off from the network may believe for a while that it leads after another one took over, and one that can
// stream does not wait for one that polls; then events are sent twice. A leader that ends or is killed frees the slot at
// once; one whose machine vanished keeps it for the server's wal_sender_timeout (60 s unless set), or, when
// polling, for about a minute.
//
// # Shutdown of the database
//
// A walsender that is told to stop waits until its client has confirmed everything, and so would the database with it,
// for as long as Realtime is out of reach. A stream with unconfirmed work therefore leaves when it notices the
// shutdown, by the walsender's questions (pingCount) or, while it does not read, by the probe, and comes back when the
// database does.
package replication
