package migrations_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestUp(t *testing.T) {
	t.Parallel()

	t.Run("applies every file once, then none", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, localtest.New(t))
		applied, err := migrations.Up(t.Context(), conn)
		require.NoError(t, err)
		assert.Len(t, applied, len(migrations.Files()))

		again, err := migrations.Up(t.Context(), conn)
		require.NoError(t, err)
		assert.Empty(t, again)
	})

	t.Run("applies a changed file over the old one", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, localtest.New(t, localtest.WithSetup("migrations", migrated)))
		_, err := conn.Exec(t.Context(), `update handoff.schema_migrations set checksum = 'older'`)
		require.NoError(t, err)

		applied, err := migrations.Up(t.Context(), conn)
		require.NoError(t, err)
		assert.Len(t, applied, len(migrations.Files()), "every file can be run again")
	})

	t.Run("takes turns when two run at once", func(t *testing.T) {
		t.Parallel()
		db := localtest.New(t)
		counts := make([]int, 4)
		var group errgroup.Group
		for i := range counts {
			conn := connect(t, db)
			group.Go(func() error {
				applied, err := migrations.Up(t.Context(), conn)
				counts[i] = len(applied)
				return err
			})
		}
		require.NoError(t, group.Wait())
		total := 0
		for _, count := range counts {
			total += count
		}
		assert.Equal(t, len(migrations.Files()), total, "each file was applied by exactly one of them")
	})

	t.Run("refuses a database where a name is taken, and changes nothing", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, localtest.New(t))
		_, err := conn.Exec(t.Context(), `create table public.messages (id int)`)
		require.NoError(t, err)

		_, err = migrations.Up(t.Context(), conn)
		var refusal *migrations.Error
		require.ErrorAs(t, err, &refusal)
		assert.Contains(t, refusal.Message, "messages")
		assert.Contains(t, refusal.Hint, "Nothing was changed")
		var installed bool
		require.NoError(t, conn.QueryRow(t.Context(), `select to_regnamespace('handoff') is not null`).Scan(&installed))
		assert.False(t, installed)
	})

	t.Run("uses the team's own projects table", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, localtest.New(t))
		_, err := conn.Exec(t.Context(), `
			create table public.projects (id uuid primary key, user_id uuid not null references auth.users (id), plan text)`)
		require.NoError(t, err)
		_, err = migrations.Up(t.Context(), conn)
		require.NoError(t, err)
		var policies int
		require.NoError(t, conn.QueryRow(t.Context(),
			`select count(*) from pg_policy where polrelid = 'public.projects'::regclass`).Scan(&policies))
		assert.Zero(t, policies, "a table that is not ours gets no policies from us")
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	conn := connect(t, localtest.New(t))

	before, err := migrations.Status(t.Context(), conn)
	require.NoError(t, err)
	for _, one := range before {
		assert.Equal(t, migrations.StatePending, one.State, one.Name)
	}

	_, err = migrations.Up(t.Context(), conn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `update handoff.schema_migrations set checksum = 'older' where name = '40_outbox'`)
	require.NoError(t, err)
	after, err := migrations.Status(t.Context(), conn)
	require.NoError(t, err)
	for _, one := range after {
		want := migrations.StateApplied
		if one.Name == "40_outbox" {
			want = migrations.StateChanged
		}
		assert.Equal(t, want, one.State, one.Name)
		assert.False(t, one.AppliedAt.IsZero(), one.Name)
	}
}
