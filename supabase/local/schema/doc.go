// Package schema makes a plain Postgres look like a hosted Supabase project: its roles, its auth, realtime and
// storage schemas, and the refusals that hosted Supabase gives to the role postgres.
//
// EnsureRoles is for a cluster, Bootstrap for a database; both may be repeated, and need a superuser connection. The
// SQL is in the folder sql, one file an area.
//
// # Where it differs from hosted Supabase
//
// Postgres_changes is not there, nor are the extensions that plain servers do not ship; storage has buckets and
// objects without multipart uploads. realtime.messages has a default partition. A schema stand_in holds what hosted Supabase does outside the database.
// The role postgres is a member of supabase_realtime_admin and supabase_storage_admin, because plain Postgres has no other
// way to let it create policies on realtime.messages and storage.objects; an event trigger refuses everything else that the membership would allow
// (see sql/guard.sql). GRANT and REVOKE on realtime.messages by postgres are refused here and are without effect, with
// a warning, on hosted. A trigger on auth.users can be created and replaced by postgres but not dropped by name: drop its
// function with cascade.
package schema
