// Package localtest gives each test a Postgres database that looks like a Supabase project.
//
// The first New of a test process starts one ephemeral server; Main stops it. Set HANDOFF_TEST_POSTGRES to a superuser's
// URL to use a running server instead, and HANDOFF_KEEP_DATABASES=1 to keep the databases of failed tests (their names
// are logged; with a server of our own they live as long as the process, so this is of use with a server of yours). Make
// the superuser of such a server another role than postgres: superusers are exempt from what hosted Supabase refuses.
//
// A database is a clone of a template that holds the stand-in's schema and what the options set up; a template is made
// once per process and set of options, so setup functions run once, not per test.
//
//	func TestMain(m *testing.M) { localtest.Main(m) }
//
//	func TestClaim(t *testing.T) {
//		t.Parallel()
//		db := localtest.New(t, localtest.WithSetup("migrations", migrations.Up))
//		pool := db.Pool(t, "postgres")
//		...
//	}
//
// A test that streams must end its replication connection before it returns; a slot that is still in use is taken
// from its reader when the database is dropped.
package localtest
