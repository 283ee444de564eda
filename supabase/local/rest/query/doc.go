// Package query reads the query language of PostgREST: select, filters, and/or trees, order, limit and offset, columns
// and on_conflict, each at the root and at the levels of embedded tables.
//
// It is pure: it knows no table and writes no SQL. It accepts names that do not exist; the database or the schema cache
// refuses them later. Whatever it accepts is bounded: nesting stops at maxDepth. Refusals are of type *Error, which
// carries the code, message and details that PostgREST answers with.
package query
