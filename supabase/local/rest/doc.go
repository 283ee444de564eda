// Package rest is the stand-in's PostgREST: it answers what supabase-js sends to /rest/v1 as PostgREST 14 on hosted
// Supabase does. It serves development and tests on the loopback address and nothing else.
//
// A request becomes a plan against the schema cache (read.go, mutation.go, call.go), and the plan one transaction
// (transaction.go): set-up and statement go out in one round trip under the role of the token, and the answer is made
// before the commit, so that a refusal rolls back. Row level security and grants decide what a request may do; this
// package decides nothing.
//
// Values are bound, names are quoted, casts come from a narrow alphabet: see builder.
//
// Answered: tables and views with select (aliases, casts, JSON paths, embedded tables in all directions, spread of
// to-one), every filter operator, and/or trees, order, limit, offset, Range, counts, single objects, stripped nulls;
// insert, upsert, update, delete with all return preferences; functions with overloads, GET, filters on sets.
//
// Not answered, each refused with PostgREST's error for what is switched off or not there: aggregates (off on hosted
// Supabase too), plans, CSV and GeoJSON, the OpenAPI root, PUT, other schemas than public, spread of to-many,
// Prefer: timezone. Relationships through views are not found. A statement that fails with 40001 is answered at once;
// PostgREST 14 would repeat it without end.
package rest
