// Package supabase is the worker's side of a Supabase project's database: the pool, the queries, and the translation of
// Postgres's errors. No other package of the worker knows a table name or an SQLSTATE.
package supabase
