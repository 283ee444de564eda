package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/worker/forecast"
)

func sized(statement string, size int) string {
	return strings.ReplaceAll(statement, "SIZE", strconv.Itoa(size))
}

// hot is a statement that is asked for again and again.
type hot struct {
	name string
	// as is the user who asks; empty: the worker.
	as   string
	sql  string
	args []any
	// rows bounds what it may read of tables that grow; 0 is rowsAtMost.
	rows int64
}

// rowsAtMost is what a hot statement may read of one table that grows: the live part of the busy project is 300 conversations,
// a page has some hundred rows, and some parts are read several times.
const rowsAtMost = 1500

func hotStatements() []hot {
	call := func(name, as, sql string, args ...any) hot { return hot{name: name, as: as, sql: sql, args: args} }
	return []hot{
		call("lock the queue's head", "", conversationLockTakeable, busyProject, 100),
		call("lock free agents", "", agentLockFree, busyProject),
		call("count the queue's head", "", queueCount, busyProject, 100),
		call("assign a batch", "", conversationAssign, []string{waitingChat}, []string{sarah}, []int32{1}, []string{"only_candidate"}, []string{"[]"}, "balanced", time.Now()),
		call("list projects that wait", "", projectListWaiting),
		call("refresh the board", "", `select handoff.refresh_project_state($1)`, busyProject),
		call("refresh positions", "", `select handoff.refresh_positions($1)`, busyProject),
		call("forecast: the queue", "", queueListWaiting, busyProject, forecast.MostChats),
		call("forecast: the agents", "", agentListChats, busyProject),
		call("forecast: handling times", "", handlingSample, busyProject, sampleSize),
		call("forecast: patience", "", patienceSample, busyProject, sampleSize),
		{name: "clock: warn", sql: `select handoff.warn_inactive(now(), 100)`, rows: 3000}, // it writes a hundred messages
		call("clock: close", "", `select handoff.close_inactive(now(), 100)`),
		call("clock: time out", "", `select handoff.time_out(now(), 100)`),
		call("clock: agents gone", "", `select handoff.tell_agents_gone(now(), 100)`),
		call("clock: offer requeue", "", `select handoff.offer_requeue(now(), 100)`),
		call("clock: edges", "", `select handoff.pass_edges(now(), 100)`),
		call("clock: closed", "", `select handoff.tell_closed(now(), 100)`),
		call("queue status", anna, `select public.queue_status($1)`, waitingChat),
		call("sync", anna, `select public.conversation_sync($1, 8)`, waitingChat),
		call("start again", anna, `select public.start_conversation($1, 'visitor 1')`, busyProject),
		call("a visitor writes", anna, `select public.send_message($1, 'hello')`, waitingChat),
		call("an agent writes", sarah, `select public.send_message($1, 'hello')`, activeChat),
		call("the transcript for the visitor", anna, `select * from public.messages where conversation_id = $1 and seq > 0 order by seq limit 100`, waitingChat),
		call("the transcript for an agent", sarah, `select * from public.messages where conversation_id = $1 and seq > 0 order by seq limit 100`, activeChat),
		call("inbox: all", sarah, `select public.inbox($1, 'all')`, busyProject),
		call("inbox: mine", sarah, `select public.inbox($1, 'mine')`, busyProject),
		call("inbox: queue", sarah, `select public.inbox($1, 'queue')`, busyProject),
		call("inbox: closed", sarah, `select public.inbox($1, 'closed')`, busyProject),
		call("inbox: an earlier page of closed", sarah, `select public.inbox($1, 'closed', 50, now() - interval '100 days')`, busyProject),
		call("one conversation", sarah, `select * from public.conversations where id = $1`, activeChat),
		call("its context", sarah, `select public.conversation_context($1)`, activeChat),
		// A day of the project: in a year of 100,000 conversations that is some hundred, each looked at by three counts.
		{name: "the team's day", as: sarah, sql: `select public.team_stats($1)`, args: []any{busyProject}, rows: 3000},
		call("the team", sarah, `select public.list_agents($1)`, busyProject),
		call("a customer's history", sarah, `select public.customer_history($1)`, "00000000-0000-4000-c000-000000000001"),
		call("a visit", anna, `select public.track_visit($1, 'visitor 1', 'https://shop.example/')`, busyProject),
		call("claim", sarah, `select public.claim_conversation($1)`, waitingChat),
		call("resolve", sarah, `select public.resolve_conversation($1)`, activeChat),
		call("why this agent", sarah, `select public.explain_assignment($1)`, activeChat),
		call("the AI writes", "service", `select public.post_ai_message($1, 'hello', 0.9)`, aiChat),
	}
}

// TestHotStatementsDoNotReadTheHistory lets each hot statement run in a database with a year behind it, and asks Postgres
// which rows it read, in every statement inside every function too: no table that grows is read from end to end, nor more of it
// through an index than the live part.
func TestHotStatementsDoNotReadTheHistory(t *testing.T) { //nolint:tparallel // its parts share one connection, whose counters they read
	t.Parallel()
	db, size := history(t)
	conn, err := pgx.Connect(t.Context(), db.URL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	for _, one := range hotStatements() {
		t.Run(one.name, func(t *testing.T) {
			reads, took := one.run(t, conn)
			t.Logf("%s, %d conversations: %s", took.Round(10*time.Microsecond), size, reads)
			for _, table := range reads {
				assert.Zero(t, table.Scanned, "%s is read from end to end", table.Name)
				assert.LessOrEqual(t, table.Found, max(one.rows, rowsAtMost), "%s", table.Name)
			}
		})
	}
	assertCountersCount(t, conn)
}

// reading is what a statement read of one table that grows.
type reading struct {
	Name           string
	Scanned, Found int64
}

func (r reading) String() string {
	return fmt.Sprintf("%s %d+%d", r.Name, r.Scanned, r.Found)
}

// readingList asks for the counters of this transaction: rows read from end to end, and entries found in indexes.
const readingList = `
	select name, scanned, found from (
	  select relation.oid::regclass::text as name, pg_stat_get_xact_tuples_returned(relation.oid) as scanned,
	         coalesce((select sum(pg_stat_get_xact_tuples_returned(entry.indexrelid)) from pg_index as entry where entry.indrelid = relation.oid), 0)::bigint as found
	    from pg_class as relation
	   where relation.relkind = 'r' and relation.reltuples > 1500
	     and relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
	) as counted order by name`

// run runs the statement in transactions that are rolled back, and reports the last: after five, Postgres may go over to a plan
// that knows no arguments.
func (h hot) run(t *testing.T, conn *pgx.Conn) (reads []reading, took time.Duration) {
	t.Helper()
	for range 7 {
		require.NoError(t, rolledBack(t.Context(), conn, func(tx pgx.Tx) error {
			before, err := counters(t.Context(), tx)
			if err != nil {
				return err
			}
			if err := h.become(t.Context(), tx); err != nil {
				return err
			}
			began := time.Now()
			if _, err := tx.Exec(t.Context(), h.sql, h.args...); err != nil {
				return err
			}
			took = time.Since(began)
			if _, err := tx.Exec(t.Context(), `reset role`); err != nil {
				return err
			}
			after, err := counters(t.Context(), tx)
			reads = since(before, after)
			return err
		}))
	}
	return reads, took
}

func rolledBack(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	err = do(tx)
	return errors.Join(err, tx.Rollback(ctx))
}

// counters are what this connection has read since Postgres last collected it: more than of this transaction.
func counters(ctx context.Context, tx pgx.Tx) ([]reading, error) {
	rows, err := tx.Query(ctx, readingList)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[reading])
}

func since(before, after []reading) []reading {
	var reads []reading
	for _, one := range after {
		for _, earlier := range before {
			if earlier.Name == one.Name {
				one.Scanned, one.Found = one.Scanned-earlier.Scanned, one.Found-earlier.Found
			}
		}
		if one.Scanned != 0 || one.Found != 0 {
			reads = append(reads, one)
		}
	}
	return reads
}

// become takes the role of who asks, as PostgREST does.
func (h hot) become(ctx context.Context, tx pgx.Tx) error {
	if h.as == "" {
		return nil
	}
	identity := map[string]string{"role": "authenticated", "sub": h.as}
	if h.as == "service" {
		identity = map[string]string{"role": "service_role"}
	}
	claims, err := json.Marshal(identity)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, identity["role"], string(claims))
	return err
}

// assertCountersCount makes sure that a statement which does read the history would be seen.
func assertCountersCount(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	scan := hot{sql: `select count(*) from public.messages where content = 'x'`}
	reads, _ := scan.run(t, conn)
	require.Len(t, reads, 1)
	assert.Positive(t, reads[0].Scanned)
	index := hot{sql: `select count(created_at) from public.conversations where project_id = $1 and status = 'closed'`, args: []any{busyProject}}
	reads, _ = index.run(t, conn)
	require.Len(t, reads, 1)
	assert.Greater(t, reads[0].Scanned+reads[0].Found, int64(rowsAtMost))
}
