package migrations_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/migrations"
)

// claims are what the Supabase CLI itself is made to show.
var claims = []struct {
	text string
	// everywhere: Postgres could answer differently in another version, so it is shown on each.
	everywhere bool
	show       func(*testing.T, cluster)
}{
	{"gives the same database as migrate up", true, pushEqualsUp},
	{"pushes a file in one transaction with its row, and migrate up goes on from there", true, pushHalfWay},
	{"pushes an upgrade as new files, after the project's own", false, pushUpgrades},
	{"takes the files where migrate up was first", false, pushAfterUp},
	{"changes nothing where a name is taken", false, pushRefused},
	{"takes turns with migrate up", false, pushBesideUp},
}

func TestSupabasePush(t *testing.T) {
	t.Parallel()
	for i, on := range clusters(t) {
		for _, claim := range claims {
			if i > 0 && !claim.everywhere {
				continue
			}
			t.Run(on.name+": "+claim.text, func(t *testing.T) {
				t.Parallel()
				claim.show(t, on)
			})
		}
	}
}

func pushEqualsUp(t *testing.T, on cluster) {
	t.Helper()
	dir := ejectDir(t)
	eject(t, dir, stamp)
	pushed := on.newURL(t)
	mustPush(t, dir, pushed)
	conn := connectTo(t, pushed)
	assertAllApplied(t, conn)

	migratedConn := connectTo(t, on.newURL(t))
	_, err := migrations.Up(t.Context(), migratedConn)
	require.NoError(t, err)
	schema := schemaOf(t, migratedConn)
	assertSameSchema(t, schema, schemaOf(t, conn), "what was pushed is not what migrate up makes")
	assertSchemaFile(t, schema)
	assert.Contains(t, mustPush(t, dir, pushed), "up to date")
}

// assertAllApplied asserts that Status and Up find nothing to do.
func assertAllApplied(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	standings, err := migrations.Status(t.Context(), conn)
	require.NoError(t, err)
	for _, one := range standings {
		assert.Equal(t, migrations.StateApplied, one.State, one.Name)
	}
	applied, err := migrations.Up(t.Context(), conn)
	require.NoError(t, err)
	assert.Empty(t, applied)
}

func pushUpgrades(t *testing.T, on cluster) {
	t.Helper()
	dir, url := ejectDir(t), on.newURL(t)
	writeText(t, filepath.Join(dir, "20261121120000_mine.sql"), "create table public.orders (id bigint primary key);\n")
	eject(t, dir, stamp)
	makeOlder(t, dir, "40_outbox")
	mustPush(t, dir, url)
	conn := connectTo(t, url)
	standings, err := migrations.Status(t.Context(), conn)
	require.NoError(t, err)
	for _, one := range standings {
		assert.Equal(t, one.Name == "40_outbox", one.State == migrations.StateChanged, one.Name)
	}

	fresh := written(eject(t, dir, stamp.AddDate(0, 0, 1)))
	require.Len(t, fresh, 1)
	output := mustPush(t, dir, url) // without --include-all: the new file has the last version
	assert.Contains(t, output, fresh[0])
	assertAllApplied(t, conn)
	assert.Equal(t, len(migrations.Files())+2, scan[int](t, conn, `select count(*) from supabase_migrations.schema_migrations`))
}

func pushAfterUp(t *testing.T, on cluster) {
	t.Helper()
	dir, url := ejectDir(t), on.newURL(t)
	conn := connectTo(t, url)
	_, err := migrations.Up(t.Context(), conn)
	require.NoError(t, err)
	before := schemaOf(t, conn)
	eject(t, dir, stamp)
	mustPush(t, dir, url)
	assertSameSchema(t, before, schemaOf(t, conn), "the push changed something")
	assertAllApplied(t, conn)
}

func pushRefused(t *testing.T, on cluster) {
	t.Helper()
	dir, url := ejectDir(t), on.newURL(t)
	eject(t, dir, stamp)
	conn := connectTo(t, url)
	_, err := conn.Exec(t.Context(), `create table public.messages (id int)`)
	require.NoError(t, err)

	output, err := push(t, dir, url)
	require.Error(t, err)
	assert.Contains(t, output, "already exist in schema public and are not ours: messages")
	assert.False(t, scan[bool](t, conn, `select to_regnamespace('handoff') is not null`))
	assert.Zero(t, scan[int](t, conn, `select count(*) from supabase_migrations.schema_migrations`))
}

// turn is the advisory lock that migrations of one database take.
const turn = 0x68616e646f6666

// pushBesideUp holds the turn until both wait for it.
func pushBesideUp(t *testing.T, on cluster) {
	t.Helper()
	dir, url := ejectDir(t), on.newURL(t)
	eject(t, dir, stamp)
	holder, conn := connectTo(t, url), connectTo(t, url)
	_, err := holder.Exec(t.Context(), `select pg_advisory_lock($1)`, turn)
	require.NoError(t, err)
	var group errgroup.Group
	group.Go(func() error {
		output, err := push(t, dir, url)
		assert.NoError(t, err, output)
		return nil
	})
	group.Go(func() error {
		_, err := migrations.Up(t.Context(), conn)
		return err
	})
	assert.True(t, awaitWaiting(t, holder, 2), "both wait for their turn")
	assert.True(t, scan[bool](t, holder, `select pg_advisory_unlock($1)`, turn))
	require.NoError(t, group.Wait())
	assertAllApplied(t, conn)
	assertSchemaFile(t, schemaOf(t, conn))
}

// awaitWaiting looks again and again until so many sessions wait for an advisory lock of this database.
func awaitWaiting(t *testing.T, conn *pgx.Conn, sessions int) bool {
	t.Helper()
	const waiting = `
		select count(*) from pg_locks as lock join pg_database as database on database.oid = lock.database
		 where database.datname = current_database() and lock.locktype = 'advisory' and not lock.granted`
	deadline := time.After(pushTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for scan[int](t, conn, waiting) < sessions {
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
	return true
}

func pushHalfWay(t *testing.T, on cluster) {
	t.Helper()
	dir, url := ejectDir(t), on.newURL(t)
	eject(t, dir, stamp)
	broken := mustGlob(t, dir, "*_handoff_40_outbox.sql")[0]
	text := readText(t, broken)
	writeText(t, broken, text+"select 1 / 0;\n") // after the row of our own ledger
	output, err := push(t, dir, url)
	require.Error(t, err)
	assert.Contains(t, output, "division by zero")

	conn := connectTo(t, url)
	standings, err := migrations.Status(t.Context(), conn)
	require.NoError(t, err)
	pending := 0
	for _, one := range standings {
		want := migrations.StateApplied
		if one.Name >= "40_outbox" {
			want = migrations.StatePending
			pending++
		}
		assert.Equal(t, want, one.State, "%s: a file is one transaction with its row", one.Name)
	}
	applied, err := migrations.Up(t.Context(), conn)
	require.NoError(t, err)
	assert.Len(t, applied, pending)

	writeText(t, broken, text)
	mustPush(t, dir, url)
	assertSchemaFile(t, schemaOf(t, conn))
}

func scan[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}
