// Package catalog is the schema cache of the stand-in's PostgREST: tables, columns, foreign keys and functions of the
// exposed schema, and the settings of roles.
//
// A Snapshot is immutable; requests plan against one and never see half a reload. Cache holds the present one, loads it
// on first use, and replaces it when asked: after NOTIFY pgrst (Listen) or after a miss, the latter at most every
// MissInterval. Row level security and grants play no part here: they act when the statement runs.
//
// Known limits: relationships through views and computed relationships are not found.
package catalog
