package supabase_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func migrated(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = migrations.Up(ctx, conn)
	return err
}

// team is a project in a database of its own.
type team struct {
	db      *localtest.Database
	pool    *pgxpool.Pool
	project string
}

func newTeam(t *testing.T) team {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	pool, err := supabase.OpenPool(t.Context(), db.URL("postgres"), 16)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w := team{db: db, pool: pool, project: uuid.NewString()}
	w.exec(t, `insert into public.projects (id, user_id) values ($1, $2)`, w.project, w.user(t))
	return w
}

func (w team) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func (w team) number(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var number int
	require.NoError(t, w.pool.QueryRow(t.Context(), sql, args...).Scan(&number))
	return number
}

func (w team) user(t *testing.T) string {
	t.Helper()
	id := uuid.NewString()
	w.exec(t, `insert into auth.users (id, email) values ($1, $2)`, id, id+"@example.com")
	return id
}

// agent is an online agent with so many slots.
func (w team) agent(t *testing.T, slots int) string {
	t.Helper()
	id := w.user(t)
	w.exec(t, `insert into public.agent_availability (user_id, project_id, status, max_concurrent_chats) values ($1, $2, 'online', $3)`,
		id, w.project, slots)
	return id
}

// wait puts so many conversations into the queue, the first oldest.
func (w team) wait(t *testing.T, count int) {
	t.Helper()
	w.exec(t, `insert into public.conversations (project_id, visitor_id)
		select $1, 'visitor ' || n from generate_series(1, $2) as n`, w.project, count)
	w.exec(t, `update public.conversations set status = 'waiting' where status = 'ai_active'`)
	w.exec(t, `update public.conversations set queue_entered_at = now() - interval '1 hour' + substr(visitor_id, 9)::int * interval '1 second'
		where status = 'waiting'`)
}
