// Package config is every setting of the program, in one struct, from four sources: flags, then environment variables,
// then the file handoff.yaml, then defaults; the first that says something wins.
//
// The names that Supabase's own tools use are accepted as they are (SUPABASE_URL, DATABASE_URL, ...); docs/env.md lists
// all of them. Load reports every problem at once, by setting, and no text of this package ever holds a secret.
package config
