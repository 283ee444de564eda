package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

const patience = 10 * time.Second

func execute(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestSchemaCache(t *testing.T) {
	t.Parallel()

	t.Run("a notification reloads it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.handler.Start(t.Context()))
		t.Cleanup(b.handler.Stop)
		owner := b.postgres(t)
		execute(t, owner, `create function public.twin_of(a int) returns int language sql as 'select a'`)
		execute(t, owner, `notify pgrst, 'reload schema'`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			snapshot, err := b.handler.Snapshot(t.Context())
			require.NoError(c, err)
			assert.NotEmpty(c, snapshot.Functions("twin_of"))
		}, patience, 5*time.Millisecond)
	})
	t.Run("a lost connection is replaced, and what was missed is caught up on", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.handler.Start(t.Context()))
		t.Cleanup(b.handler.Stop)
		owner := b.db.Pool(t, "supabase_admin")
		execute(t, owner, `create table public.later (id int)`)
		execute(t, owner, `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen pgrst' and datname = current_database()`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			snapshot, err := b.handler.Snapshot(t.Context())
			require.NoError(c, err)
			assert.NotNil(c, snapshot.Table("later"))
		}, patience, 5*time.Millisecond)
	})
	t.Run("a miss reloads it, at most every second", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		assertRefused(t, b.get(t, "/later"), http.StatusNotFound, "PGRST205")
		loaded := time.Now()
		execute(t, b.postgres(t), `create table public.later (id int); grant select on public.later to authenticated`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.Equal(c, http.StatusOK, b.get(t, "/later").status)
		}, patience, 50*time.Millisecond)
		assert.GreaterOrEqual(t, time.Since(loaded), catalog.MissInterval-200*time.Millisecond)
	})
	t.Run("a database that is not there is said to be the reason", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.pool.Close()
		assertRefused(t, b.get(t, "/authors"), http.StatusServiceUnavailable, "PGRST002")
	})
}

func TestStartStop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		require.NoError(t, b.handler.Start(t.Context()))
		b.handler.Stop()
	}
}
