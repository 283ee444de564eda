package main

import (
	"context"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

// migrated is the setup of a database that has all migrations.
func migrated(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = migrations.Up(ctx, conn)
	return err
}

// TestRunKeepsTime shows that the worker does by the clock what is due, and looks after the chats of an agent who left.
// Realtime is away meanwhile: the clock does not need it.
func TestRunKeepsTime(t *testing.T) {
	t.Parallel()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	pool := db.Pool(t, "postgres")
	exec := func(sql string) {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	exec(`insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'owner@example.com')`)
	exec(`insert into public.projects (user_id) select id from auth.users`)
	exec(`insert into public.agent_availability (user_id, project_id, status) select user_id, id, 'online' from public.projects`)
	exec(`insert into public.conversations (project_id, visitor_id, created_at, last_message_at)
		select id, 'forgotten', now() - interval '25 hours', now() - interval '25 hours' from public.projects`)

	p := launch(t, project(db.URL("postgres")), "run", "--log-level", "debug", "--source", "stream")
	p.await(t, "tick=time_out handled=1")

	exec(`insert into public.conversations (project_id, visitor_id) select id, 'v' from public.projects`)
	exec(`update public.conversations set status = 'waiting' where visitor_id = 'v'`)
	p.await(t, `msg="conversations assigned"`)
	exec(`update public.agent_availability set status = 'offline'`)
	p.await(t, "tick=agents_gone handled=1")
	exec(`insert into public.presence_sessions (project_id, connection_id, role, client_id, floor_seconds, remain_seconds)
		select id, gen_random_uuid(), 'bot', 'gpt', 90, 0 from public.projects`)
	exec(`insert into handoff.presence_leases
		select lease.* from public.presence_sessions as session
		 cross join lateral handoff.restored_lease(session, now() - interval '1 hour') as lease`)
	exec(`update handoff.presence_marker set serving_since = now() - interval '1 day'`)
	p.await(t, "tick=presence_sweep handled=1")
	p.signal(syscall.SIGTERM)
	assert.Zero(t, p.exitCode(t), p.output.String())
	var lost int
	require.NoError(t, pool.QueryRow(t.Context(), `select count(*) from public.presence_sessions where leave_reason = 'lost'`).Scan(&lost))
	assert.Equal(t, 1, lost)

	var forgotten, unanswered string
	require.NoError(t, pool.QueryRow(t.Context(), `
		select max(status) filter (where visitor_id = 'forgotten'), max(status) filter (where visitor_id = 'v')
		  from public.conversations`).Scan(&forgotten, &unanswered))
	assert.Equal(t, "closed", forgotten)
	assert.Equal(t, "waiting", unanswered)
}
