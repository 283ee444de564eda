package main

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestTracePresence(t *testing.T) {
	t.Parallel()

	t.Run("follows a connection from entering to its end", func(t *testing.T) {
		t.Parallel()
		db := localtest.New(t, localtest.WithSetup("migrations", migrated))
		pool := db.Pool(t, "postgres")
		exec := func(sql string, args ...any) {
			_, err := pool.Exec(t.Context(), sql, args...)
			require.NoError(t, err)
		}
		exec(`insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'owner@example.com')`)
		exec(`insert into public.projects (user_id) select id from auth.users`)
		connection := uuid.NewString()

		p := launch(t, project(db.URL("postgres")), "trace-presence", connection, "--for", "30s")
		p.await(t, `"lease": null`)
		// The trace is on once its row is there: the command writes it after the first line.
		require.Eventually(t, func() bool {
			var tracing bool
			err := pool.QueryRow(t.Context(), `select exists (select 1 from handoff.presence_tracing)`).Scan(&tracing)
			return err == nil && tracing
		}, runTimeout, waitStep)
		exec(`select handoff.presence_enter(id, $1, null, null, null, null, null, null, null, null, 'gpt') from public.projects`, connection)
		p.await(t, " enter ")
		exec(`select handoff.presence_heartbeat($1, 'thinking', 30, 0, 4)`, connection)
		p.await(t, `"beat": 4`)
		exec(`select handoff.presence_leave($1, 'left', null, null)`, connection)
		p.await(t, `"reason": "left"`)
	})

	t.Run("is refused without the id of a connection", func(t *testing.T) {
		t.Parallel()
		p := launch(t, nil, "trace-presence", "sarah")
		assert.Equal(t, exitUsage, p.exitCode(t))
	})
}
