// Package storage answers the part of Supabase Storage's API that supabase-js uses for files: upload (body or form),
// update, download, signed addresses, lists and deletes. Files are in a folder, what is known of them is in the table
// storage.objects, and its row level security decides: each request does its insert, select, update or delete there as
// the role and with the claims of the caller, as Storage does.
//
// # What it leaves out
//
// Pictures are not transformed, uploads are not resumable, and there is no S3 API. Buckets are rows that SQL makes; there
// are no requests about them. Files are not moved or copied. Lists are sorted by name. The largest file of a bucket without
// a limit is 50 MiB, Supabase's default for a project.
package storage
