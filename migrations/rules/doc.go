// Package rules holds no code. Its tests are the proof of the rules in the database: each acts as a visitor, an agent, an
// admin, a stranger, the AI or the worker would, on a real Postgres, and looks at what came of it.
//
//	world_test.go            a project with its people; how an actor calls
//	access_*_test.go         who may do what with every table, function and topic (testdata/access)
//	lint_test.go             the conventions, read from the catalogue (testdata/lint)
//	model_*_test.go          random walks of concurrent actors against a model in Go
//	race_*_test.go           fifty at once; testdata/invariants.sql holds afterwards
//	docs_test.go             docs/api.md and docs/errors.md are complete
//	the others               one feature each
package rules
