// Package realtime is the vocabulary of the engine: what happened (Event), where in the write-ahead log it
// happened (Position), and what Supabase Realtime is told about it (Topic, Message).
//
// It does no I/O and imports nothing but the standard library. Every other package may import it; it imports none
// of them. The wire names come from F001 section 5.9: docs/events.md is their reference.
package realtime
