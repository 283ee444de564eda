package rules_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListAgents(t *testing.T) {
	t.Parallel()

	t.Run("shows the whole team, also who never went online", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.admin(t).must(t, "set_agent_status($1, 'away')", w.project)
		w.invited(t, "nina@example.com")
		w.assign(t, w.waiting(t, w.ann), w.sarah)
		team, err := w.sarah.rowsOf(t, "list_agents($1)", w.project)
		require.NoError(t, err)
		require.Equal(t, []any{"Mike", "Olivia", "Sarah"}, values(team, "name"))
		assert.Equal(t, []any{"admin", "owner", "agent"}, values(team, "role"))
		assert.Equal(t, []any{"away", "offline", "online"}, values(team, "effective_status"))
		assert.Equal(t, []any{false, false, true}, values(team, "can_receive_chats"))
		assert.Equal(t, []any{5.0, 5.0, 4.0}, values(team, "available_slots"))
		assert.Nil(t, team[1]["last_seen_at"], "never seen")
		assert.ElementsMatch(t, []string{
			"user_id", "name", "email", "avatar_url", "role", "status", "effective_status", "current_chat_count", "max_concurrent_chats",
			"available_slots", "can_receive_chats", "skills", "last_seen_at", "status_changed_at",
		}, keysOf(team[0]))
	})

	t.Run("by status and skill", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.mike.must(t, "set_agent_status($1, 'busy')", w.project)
		w.owner.must(t, "set_agent_skills($1, '{billing}', $2)", w.project, w.mike.id)
		for call, names := range map[string][]any{
			"list_agents($1, 'online')":                          {"Sarah"},
			"list_agents($1, 'available')":                       {"Sarah"},
			"list_agents($1, 'busy')":                            {"Mike"},
			"list_agents($1, 'offline')":                         {"Olivia"},
			"list_agents($1, 'away')":                            {},
			"list_agents($1, p_skill => ' Billing ')":            {"Mike"},
			"list_agents($1, 'online', 'billing')":               {},
			"list_agents($1, p_skill => 'unheard of')":           {},
			"list_agents($1, p_status => null, p_skill => null)": {"Mike", "Olivia", "Sarah"},
		} {
			team, err := w.owner.rowsOf(t, call, w.project)
			require.NoError(t, err)
			assert.Equal(t, names, values(team, "name"), call)
		}
		_, err := w.owner.rowsOf(t, "list_agents($1, 'asleep')", w.project)
		refused(t, err, "PT400", "unknown_status")
	})

	t.Run("an agent at or over the limit receives nothing", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		for _, visitor := range []actor{w.ann, w.bob} {
			w.assign(t, w.waiting(t, visitor), w.sarah)
		}
		w.owner.must(t, "change_member($1, p_max_concurrent_chats => 1)", w.memberID(t, w.sarah))
		team, err := w.owner.rowsOf(t, "list_agents($1, 'online')", w.project)
		require.NoError(t, err)
		assert.Equal(t, []any{5.0, 0.0}, values(team, "available_slots"))
		assert.Equal(t, []any{true, false}, values(team, "can_receive_chats"))
	})

	t.Run("an owner with a row as a member is one person", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `insert into public.project_members (project_id, user_id, email, role, status) values ($1, $2, 'owner@example.com', 'admin', 'active')`,
			w.project, w.owner.id)
		team, err := w.owner.rowsOf(t, "list_agents($1)", w.project)
		require.NoError(t, err)
		assert.Len(t, team, 3)
	})

	t.Run("is for members only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.conversation(t, w.ann)
		for _, call := range []string{"list_agents($1)", "team_stats($1)"} {
			_, err := w.ann.rowsOf(t, call, w.project)
			refused(t, err, "PT403", "not_a_member")
			_, err = actor{w: w, role: "anon"}.rowsOf(t, call, w.project)
			refused(t, err, "42501", "")
		}
	})
}

func TestTeamStats(t *testing.T) {
	t.Parallel()

	t.Run("of a day on which nothing happened", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		stats := w.sarah.must(t, "team_stats($1)", w.project)
		delete(stats, "date")
		assert.Equal(t, map[string]any{
			"timezone": "UTC", "resolved": 0.0, "avg_first_response_seconds": nil,
			"csat": map[string]any{"average": nil, "count": 0.0}, "waiting": 0.0, "active": 0.0,
			"agents": map[string]any{"online": 0.0, "busy": 0.0, "away": 0.0, "offline": 3.0},
		}, stats)
	})

	t.Run("counts today, and what is now", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.mike.must(t, "set_agent_status($1, 'away')", w.project)
		w.waiting(t, w.ann)
		id := w.waiting(t, w.bob)
		w.assign(t, id, w.sarah)
		w.exec(t, `update public.conversations set handoff_triggered_at = now() - interval '90 seconds' where id = $1`, id)
		w.sarah.must(t, "send_message($1, 'Hello')", id)
		w.sarah.must(t, "resolve_conversation($1)", id)
		w.bob.must(t, "rate_conversation($1, 4)", id)
		w.assign(t, w.waiting(t, w.person(t, "", "")), w.sarah)

		stats := w.owner.must(t, "team_stats($1)", w.project)
		assert.InDelta(t, 1, stats["resolved"], 0)
		assert.InDelta(t, 90, stats["avg_first_response_seconds"], 5)
		assert.Equal(t, map[string]any{"average": 4.0, "count": 1.0}, stats["csat"])
		assert.InDelta(t, 1, stats["waiting"], 0)
		assert.InDelta(t, 1, stats["active"], 0)
		assert.Equal(t, map[string]any{"online": 1.0, "busy": 0.0, "away": 1.0, "offline": 1.0}, stats["agents"])

		w.bob.must(t, "send_message($1, 'One more thing')", id)
		stats = w.owner.must(t, "team_stats($1)", w.project)
		assert.InDelta(t, 0, stats["resolved"], 0, "it is open again")
		assert.InDelta(t, 2, stats["active"], 0)
	})

	t.Run("a day begins and ends at midnight of the project", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `update public.handoff_settings set timezone = 'America/New_York'`)
		// The clocks go forward on this day: it has 23 hours, from 05:00 to 04:00 UTC.
		for _, at := range []string{"2026-03-08 04:59:59", "2026-03-08 05:00:00", "2026-03-09 03:59:59", "2026-03-09 04:00:00"} {
			w.finished(t, at, 5, false)
		}
		for moment, resolved := range map[string]float64{
			"2026-03-08 04:59:59": 1, "2026-03-08 05:00:00": 2, "2026-03-09 03:59:59": 2, "2026-03-09 04:00:00": 1,
		} {
			stats := w.statsAt(t, moment)
			assert.InDelta(t, resolved, stats["resolved"], 0, moment)
			assert.InDelta(t, 30, stats["avg_first_response_seconds"], 0, moment)
		}
		assert.Equal(t, []any{"2026-03-07", "America/New_York"}, []any{w.statsAt(t, "2026-03-08 04:59:59")["date"], w.statsAt(t, "2026-03-08 04:59:59")["timezone"]})
	})

	t.Run("averages ratings, and leaves spam and other projects out", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, rating := range []int{5, 5, 4} {
			w.finished(t, "2026-03-08 12:00:00", rating, false)
		}
		w.finished(t, "2026-03-08 12:00:00", 0, false)
		w.finished(t, "2026-03-08 12:00:00", 1, true)
		stats := w.statsAt(t, "2026-03-08 13:00:00")
		assert.Equal(t, map[string]any{"average": 4.67, "count": 3.0}, stats["csat"])
		assert.InDelta(t, 4, stats["resolved"], 0)

		other := *w
		other.project = "0b0e7c1e-6a53-4a39-9d2c-0f6f4f1f2a01"
		w.exec(t, `insert into public.projects (id, user_id, name) values ($1, $2, 'Other')`, other.project, w.owner.id)
		assert.InDelta(t, 0, other.statsAt(t, "2026-03-08 13:00:00")["resolved"], 0)
	})
}

// However long the history is, the numbers of a day cost the rows of that day.
func TestTeamStatsReadOnlyTheirDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.history(t, 100_000)
	w.exec(t, `analyze public.conversations`)
	var scans, rows int
	stats := map[string]any{}
	require.NoError(t, w.sarah.do(t.Context(), func(tx pgx.Tx) error {
		row := tx.QueryRow(t.Context(), `select handoff.team_stats($1, '2026-03-01 13:00+00')`, w.project)
		if err := row.Scan(&stats); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), `
			select seq_scan, seq_tup_read + idx_tup_fetch from pg_catalog.pg_stat_xact_user_tables
			 where relid = 'public.conversations'::regclass`).Scan(&scans, &rows)
	}))
	assert.InDelta(t, 100, stats["resolved"], 0)
	assert.Zero(t, scans, "sequential scans of 100,000 conversations")
	assert.LessOrEqual(t, rows, 400, "100 of the day for each number")
}

// history writes so many finished conversations, a hundred a day up to 1 March 2026.
func (w *world) history(t *testing.T, conversations int) {
	t.Helper()
	admin := w.db.Pool(t, "supabase_admin")
	require.NoError(t, pgx.BeginFunc(t.Context(), admin, func(tx pgx.Tx) error {
		// Triggers and foreign keys have nothing to say about these rows, and take their time for it.
		if _, err := tx.Exec(t.Context(), `set local session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `
			insert into public.conversations (project_id, visitor_id, status, handoff_triggered_at, claimed_at, first_response_at, resolved_at)
			select $1, 'visitor ' || n, 'closed', day.at, day.at, day.at + interval '30 seconds', day.at + interval '5 minutes'
			  from generate_series(1, $2) as n,
			       lateral (select timestamptz '2026-03-01 12:00+00' - (n - 1) / 100 * interval '1 day' as at) as day`,
			w.project, conversations)
		return err
	}))
}

// finished is a conversation that was resolved at that time of UTC, after an answer within 30 seconds.
func (w *world) finished(t *testing.T, at string, rating int, spam bool) {
	t.Helper()
	moment, err := time.Parse(time.DateTime, at)
	require.NoError(t, err)
	w.exec(t, `alter table public.conversations disable trigger user`) // they have nothing to say about history, slowly
	w.exec(t, `
		insert into public.conversations (project_id, visitor_id, status, handoff_triggered_at, claimed_at, first_response_at,
		                                  resolved_at, satisfaction_rating, is_spam)
		values ($1, 'visitor', 'closed', $2::timestamptz - interval '30 seconds', $2, $2, $2, nullif($3, 0), $4)`,
		w.project, moment, rating, spam)
}

// statsAt asks for the numbers of the day of that time of UTC.
func (w *world) statsAt(t *testing.T, at string) map[string]any {
	t.Helper()
	moment, err := time.Parse(time.DateTime, at)
	require.NoError(t, err)
	stats := map[string]any{}
	require.NoError(t, w.owner.do(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `select handoff.team_stats($1, $2)`, w.project, moment).Scan(&stats)
	}))
	return stats
}

// values is one field of every row.
func values(rows []map[string]any, field string) []any {
	list := make([]any, 0, len(rows))
	for _, row := range rows {
		list = append(list, row[field])
	}
	return list
}
