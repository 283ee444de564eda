// Package replication follows the write-ahead log: it hands every committed transaction of handoff.outbox to one
// function, in commit order, and tells Postgres how far the work has been done.
//
// # Parts
//
// A Stream (stream.go) connects, waits and connects again. One attempt is: survey the database over an ordinary
// connection (survey.go), make what is missing (prepare.go, slot.go), wait while another process holds the slot
// (standby.go), then stream over a replication connection (session.go). The goroutine of Run owns that connection:
// it reads, and it writes the status updates (status.go). A courier (courier.go) calls deliver from a second goroutine, so that a
// deliver that blocks never keeps the connection from being kept alive; while it blocks nothing is read, and the
// database holds what is not read. The decoder (decoder.go) turns pgoutput messages into transactions.
//
// # States
//
//	starting             Run has not reached a database yet
//	waiting_for_database the last attempt failed; another one follows
//	standby              another process streams from the slot; this one takes over when it frees
//	streaming            transactions arrive
//	stopped              Run has returned
//
// # Guarantees
//
// Each committed transaction of the outbox is delivered at least once as long as the slot lives, in commit order,
// with its events in the order they were written. A transaction that was rolled back is never seen. Within one Run a
// transaction is delivered once, also over reconnects; another process, or the same one started again, sees those
// again that were delivered but not confirmed. The position confirmed to Postgres never passes what the caller
// confirmed, and never goes back. What cannot be decoded ends the stream with an error: nothing is skipped.
//
// # What is not guaranteed
//
// A slot can be lost: Supabase drops slots at platform upgrades and on pause, and Postgres invalidates one that
// holds more log than max_slot_wal_keep_size. The stream then makes a new one, after Options.OnSlotLost was
// told; what was written in between is in the table, not in the stream. Streaming is not mutual exclusion either: a
// process cut off from the network may believe for a while that it leads after another one took over. A leader that
// ends or is killed frees the slot at once; one whose machine vanished keeps it for the server's wal_sender_timeout
// (60 s unless set).
//
// # Shutdown of the database
//
// A walsender that is told to stop waits until its client has confirmed everything, and so would the database with it,
// for as long as Realtime is out of reach. A stream with unconfirmed work therefore leaves when it notices the
// shutdown, by the walsender's questions (pingCount) or, while it does not read, by the probe, and comes back when the
// database does.
package replication
