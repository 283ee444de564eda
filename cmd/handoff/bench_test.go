package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/cmd/handoff/bench"
	"github.com/supportbase/handoff/supabase/local/keys"
)

var databaseLine = regexp.MustCompile(`Database +(\S+)`)

// benchSite is a running `handoff dev` as a project that is measured.
type benchSite struct {
	env    map[string]string
	pool   *pgxpool.Pool
	before map[string]int
}

func newBenchSite(t *testing.T, args ...string) benchSite {
	t.Helper()
	dev, address := startDev(t, dataDir(t), args...)
	database := databaseLine.FindStringSubmatch(dev.output.String())
	require.NotNil(t, database)
	pool, err := pgxpool.New(t.Context(), database[1])
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	site := benchSite{
		env:  map[string]string{"SUPABASE_URL": address, "SUPABASE_SECRET_KEY": keys.Secret, "DATABASE_URL": database[1]},
		pool: pool,
	}
	site.before = site.rows(t)
	return site
}

func (s benchSite) exec(t *testing.T, sql string) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

// rows counts what is in every table of the project. What belongs to a project counts when it is not the demo's: the worker
// goes on writing about that one. The two tables in which the worker keeps one row of its own do not count: it writes them
// when its first round comes, which may be after the first count.
func (s benchSite) rows(t *testing.T) map[string]int {
	t.Helper()
	found, err := s.pool.Query(t.Context(), `
		select relation.oid::regclass::text,
		       exists (select 1 from pg_catalog.pg_attribute
		                where attrelid = relation.oid and attname = 'project_id' and not attisdropped)
		  from pg_catalog.pg_class as relation
		 where relation.relkind in ('r', 'p') and not relation.relispartition
		   and relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace, 'auth'::regnamespace, 'realtime'::regnamespace)
		   and relation.oid not in ('handoff.presence_marker'::regclass, 'handoff.worker_checkpoint'::regclass)
		   and has_table_privilege(relation.oid, 'select')`)
	require.NoError(t, err)
	type table struct {
		Name      string
		OfProject bool
	}
	tables, err := pgx.CollectRows(found, pgx.RowToStructByPos[table])
	require.NoError(t, err)
	require.Greater(t, len(tables), 30)
	counts := map[string]int{}
	for _, one := range tables {
		statement := `select count(*) from ` + one.Name
		if one.OfProject {
			statement += ` where project_id <> '` + demoProjectID + `'`
		}
		var count int
		require.NoError(t, s.pool.QueryRow(t.Context(), statement).Scan(&count), one.Name)
		counts[one.Name] = count
	}
	return counts
}

func (s benchSite) hasNothingLeft(t *testing.T) {
	t.Helper()
	assert.Equal(t, s.before, s.rows(t))
}

func TestBench(t *testing.T) {
	t.Parallel()
	site := newBenchSite(t)

	out, code := runCommand(t, site.env, "bench", "--rate", "30", "--seconds", "1")
	require.Zero(t, code, out)
	for _, row := range []string{
		`event: commit to a subscriber's socket +[\d.]+ +[\d.]+ +[\d.]+ +30 of 30`,
		`anchor: realtime\.send\(\) in the transaction +[\d.]+ +[\d.]+ +[\d.]+ +30 of 30`,
		`anchor: HTTP broadcast after the commit +[\d.]+ +[\d.]+ +[\d.]+ +30 of 30`,
		`handoff: waiting to assigned, at the agent's socket +[\d.]+ +[\d.]+ +[\d.]+ +30 of 30`,
		`\nRESULT bench=ok commit_to_subscriber_p50_ms=[\d.]+ .*waiting_to_assigned_p99_ms=[\d.]+ lost=0 removed=true seconds=\d+\n$`,
	} {
		assert.Regexp(t, row, out)
	}
	site.hasNothingLeft(t)

	out, code = runCommand(t, site.env, "bench", "--rate", "50", "--seconds", "1", "--json")
	require.Zero(t, code, out)
	var report bench.Report
	require.NoError(t, json.Unmarshal([]byte(out[strings.Index(out, "\n{")+1:]), &report), "progress goes elsewhere")
	assert.True(t, report.Removed)
	assert.Positive(t, report.RoundTrip)
	assert.Positive(t, report.Reached)
	require.Len(t, report.Figures, 4)
	for _, one := range report.Figures {
		assert.Equal(t, one.Sent, one.Arrived, one.Name)
		assert.Positive(t, one.P50, one.Name)
		assert.GreaterOrEqual(t, one.P99, one.P95, one.Name)
		assert.GreaterOrEqual(t, one.P95, one.P50, one.Name)
	}
	assert.Equal(t, 48, report.Figure("waiting_to_assigned").Sent, "an agent has fifty chats, two warm up")
	site.hasNothingLeft(t)
}

func TestBenchLeavesNothing(t *testing.T) {
	t.Parallel()
	site := newBenchSite(t)
	long := []string{"bench", "--rate", "30", "--seconds", "60"}

	interrupted := launch(t, site.env, long...)
	interrupted.await(t, "writing")
	interrupted.signal(syscall.SIGINT)
	assert.Zero(t, interrupted.exitCode(t), interrupted.output.String())
	assert.Contains(t, interrupted.output.String(), "RESULT bench=interrupted removed=true")
	site.hasNothingLeft(t)

	killed := launch(t, site.env, long...)
	killed.await(t, "writing")
	killed.kill()
	assert.NotEqual(t, site.before, site.rows(t), "it had no time to clean up")
	out, code := runCommand(t, site.env, "bench", "--remove")
	require.Zero(t, code, out)
	assert.Contains(t, out, "RESULT bench_remove=ok accounts=1\n")
	site.hasNothingLeft(t)

	site.exec(t, `create function public.keep_projects() returns trigger language plpgsql as $$ begin raise exception 'projects are for ever'; end $$`)
	site.exec(t, `create trigger keep before delete on public.projects for each row execute function public.keep_projects()`)
	text := refused(t, "bench_left", exitFailed, site.env, "bench", "--rate", "30", "--seconds", "1")
	assert.Contains(t, text, "projects are for ever")
	site.exec(t, `drop trigger keep on public.projects`)
	site.exec(t, `drop function public.keep_projects()`)
	_, byHand, found := strings.Cut(text, "or run by hand: ")
	require.True(t, found, text)
	site.exec(t, `do $$ begin `+strings.TrimSpace(byHand)+` end $$`)
	after := site.rows(t)
	for _, table := range []string{"projects", "auth.users", "conversations", "messages", "agent_availability", "handoff_settings"} {
		assert.Equal(t, site.before[table], after[table], table)
	}
}

func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	site := newBenchSite(t, "--worker=false")

	text := refused(t, "bench_no_worker", exitFailed, site.env, "bench")
	assert.Contains(t, text, "handoff run")
	refused(t, "usage", exitUsage, site.env, "bench", "--rate", "1000")
	refused(t, "usage", exitUsage, site.env, "bench", "--seconds", "0")

	// Somebody leads, and does nothing.
	leader, err := site.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer leader.Release()
	_, err = leader.Exec(t.Context(), `select pg_advisory_lock(hashtextextended('handoff leader of handoff', 0))`)
	require.NoError(t, err)
	text = refused(t, "bench_no_worker", exitFailed, site.env, "bench")
	assert.Contains(t, text, "did not come within")
	site.hasNothingLeft(t)

	// The team's own table of projects wants more than we know.
	site.exec(t, `alter table public.projects add column team text; update public.projects set team = 'demo'; alter table public.projects alter column team set not null`)
	text = refused(t, "bench_project_refused", exitFailed, site.env, "bench")
	assert.Contains(t, text, `"team"`)
	site.hasNothingLeft(t)

	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	for _, code := range []string{"bench_no_worker", "bench_project_refused", "bench_left", "bench_incomplete", "realtime_unavailable"} {
		assert.Contains(t, string(page), "| `"+code+"` |")
	}
}
