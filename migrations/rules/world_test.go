package rules_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// world is one project with its people, in a database of its own.
type world struct {
	db      *localtest.Database
	root    *pgxpool.Pool // as postgres: sees and does everything the owner of the tables may
	api     *pgxpool.Pool // as authenticator: takes the role of whoever acts
	project string
	owner   actor
	sarah   actor // agent
	mike    actor // agent
	ann     actor // visitor
	bob     actor // another visitor
	robot   actor // the AI backend with the service role
}

// actor is somebody who calls through the API.
type actor struct {
	w    *world
	id   string
	role string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	w := &world{db: db, root: db.Pool(t, "postgres"), api: db.Pool(t, "authenticator")}
	w.settle(t)
	return w
}

// settle makes the project and its people.
func (w *world) settle(t *testing.T) {
	t.Helper()
	w.project = uuid.NewString()
	w.owner = w.person(t, "owner@example.com", "Olivia")
	w.sarah = w.person(t, "sarah@example.com", "Sarah")
	w.mike = w.person(t, "mike@example.com", "Mike")
	w.ann = w.person(t, "", "")
	w.bob = w.person(t, "", "")
	w.robot = actor{w: w, role: "service_role"}
	w.exec(t, `insert into public.projects (id, user_id, name) values ($1, $2, 'Acme')`, w.project, w.owner.id)
	w.exec(t, `insert into public.handoff_settings (project_id, enabled, show_human_button) values ($1, true, true)`, w.project)
	for _, agent := range []actor{w.sarah, w.mike} {
		w.exec(t, `insert into public.project_members (project_id, user_id, email, status, invited_by, accepted_at)
			select $1, id, email, 'active', $3, now() from auth.users where id = $2`, w.project, agent.id, w.owner.id)
	}
}

func (w *world) person(t *testing.T, email, name string) actor {
	t.Helper()
	id := uuid.NewString()
	w.exec(t, `insert into auth.users (id, aud, role, email, is_anonymous, raw_user_meta_data)
		values ($1, 'authenticated', 'authenticated', nullif($2, ''), $2 = '', jsonb_strip_nulls(jsonb_build_object('name', nullif($3, ''))))`,
		id, email, name)
	return actor{w: w, id: id, role: "authenticated"}
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.root.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// read scans one value as the owner of the tables.
func read[T any](t *testing.T, w *world, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, w.root.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}

// do runs fn in one transaction as the actor, as PostgREST would.
func (a actor) do(ctx context.Context, fn func(tx pgx.Tx) error) error {
	identity := map[string]any{"role": a.role}
	if a.id != "" {
		identity["sub"] = a.id
	}
	claims, err := json.Marshal(identity)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, a.w.api, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, a.role, string(claims))
		if err != nil {
			return err
		}
		return fn(tx)
	})
}

// rpc calls a function that returns jsonb and decodes the answer.
func (a actor) rpc(ctx context.Context, call string, args ...any) (map[string]any, error) {
	var answer map[string]any
	err := a.do(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select public."+call, args...).Scan(&answer)
	})
	return answer, err
}

func (a actor) must(t *testing.T, call string, args ...any) map[string]any {
	t.Helper()
	answer, err := a.rpc(t.Context(), call, args...)
	require.NoError(t, err, call)
	return answer
}

// refused asserts the SQLSTATE and the stable code of a refusal.
func refused(t *testing.T, err error, sqlState, code string) {
	t.Helper()
	var refusal *pgconn.PgError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, sqlState, refusal.Code, refusal.Message)
	if code != "" {
		require.Equal(t, code, refusal.Detail, refusal.Message)
	}
}

func (w *world) conversation(t *testing.T, visitor actor) string {
	t.Helper()
	return visitor.must(t, "start_conversation($1, $2)", w.project, "visitor-"+visitor.id)["id"].(string)
}

// waiting is a conversation of the visitor in the queue.
func (w *world) waiting(t *testing.T, visitor actor) string {
	t.Helper()
	id := w.conversation(t, visitor)
	require.Equal(t, "waiting", visitor.must(t, "request_handoff($1, 'button_click')", id)["status"])
	return id
}

// assign gives a waiting conversation to the agent as the worker does.
func (w *world) assign(t *testing.T, conversation string, agent actor) {
	t.Helper()
	w.exec(t, `update public.conversations set status = 'agent_active', assigned_agent_id = $2 where id = $1`, conversation, agent.id)
}

func (w *world) status(t *testing.T, conversation string) string {
	t.Helper()
	return read[string](t, w, `select status from public.conversations where id = $1`, conversation)
}

// kinds lists the events of a conversation's topic in order.
func (w *world) kinds(t *testing.T, conversation string) []string {
	t.Helper()
	return read[[]string](t, w,
		`select coalesce(array_agg(kind order by seq), '{}') from handoff.outbox where conversation_id = $1 and seq > 0`, conversation)
}
