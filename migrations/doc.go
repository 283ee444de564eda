// Package migrations holds the SQL of the engine and puts it into a database.
//
// The files under sql are the desired state, one area a file, applied in the order of their names. Each can be run again
// without harm ("create ... if not exists", "create or replace"), so Up applies what is new and what changed, by checksum.
// Each file is one transaction that also writes its row of the ledger (handoff.schema_migrations); an advisory lock
// makes concurrent runs take turns; a short lock_timeout keeps a migration from blocking the application behind it.
package migrations
