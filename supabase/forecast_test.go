package supabase_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/forecast"
)

// ranges are what the visitors were told last: P50 and P90 in seconds by visitor, 0 and 0 for not known.
func (w team) ranges(t *testing.T) map[string][2]int {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `
		select visitor_id, coalesce(wait_p50_seconds, 0), coalesce(wait_p90_seconds, 0)
		  from handoff.queue_positions join public.conversations on id = conversation_id`)
	require.NoError(t, err)
	defer rows.Close()
	told := make(map[string][2]int)
	for rows.Next() {
		var visitor string
		var one [2]int
		require.NoError(t, rows.Scan(&visitor, &one[0], &one[1]))
		told[visitor] = one
	}
	require.NoError(t, rows.Err())
	return told
}

// handle writes so many chats into the history that took an agent so many minutes: resolved, or closed without that.
func (w team) handle(t *testing.T, agent string, count, minutes int, resolved bool) {
	t.Helper()
	w.exec(t, `insert into public.conversations (project_id, visitor_id, status, assigned_agent_id, claimed_at, resolved_at, closed_at)
		select $1, 'earlier', 'closed', $2, now() - make_interval(mins => $4) - n * interval '1 minute',
		       case when $5 then now() - n * interval '1 minute' end, now() - n * interval '1 minute'
		  from generate_series(1, $3) as n`, w.project, agent, count, minutes, resolved)
}

// busy gives the agent so many running chats that began so many minutes ago.
func (w team) busy(t *testing.T, agent string, count, minutes int) {
	t.Helper()
	w.exec(t, `with taken as (insert into public.conversations (project_id, visitor_id) select $1, 'running' from generate_series(1, $2) returning id)
		select id from taken`, w.project, count)
	w.exec(t, `update public.conversations set status = 'agent_active', assigned_agent_id = $1 where visitor_id = 'running' and status = 'ai_active'`, agent)
	w.exec(t, `update public.conversations set claimed_at = now() - make_interval(mins => $2) where assigned_agent_id = $1 and status = 'agent_active'`,
		agent, minutes)
}

func TestBoardForecastsWaits(t *testing.T) {
	t.Parallel()

	t.Run("from the running chats, the history and the queue", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		agent := w.agent(t, 1)
		w.handle(t, agent, 20, 10, true)
		w.handle(t, agent, 20, 10, false)
		w.busy(t, agent, 1, 4)
		w.wait(t, 2)
		require.NoError(t, supabase.NewBoard(w.pool).RefreshPositions(t.Context(), w.project, 0))
		told := w.ranges(t)
		assert.InDelta(t, 6*60, told["visitor 1"][0], 5, "all chats take ten minutes, four are over")
		assert.InDelta(t, 16*60, told["visitor 2"][1], 5)
		assert.Equal(t, 2, w.number(t, `select count(*) from handoff.wait_promises where outcome is null`))
	})

	t.Run("with chats that were closed without being resolved", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		agent := w.agent(t, 1)
		w.handle(t, agent, 40, 10, false)
		w.busy(t, agent, 1, 4)
		w.wait(t, 1)
		require.NoError(t, supabase.NewBoard(w.pool).RefreshPositions(t.Context(), w.project, 0))
		assert.InDelta(t, 6*60, w.ranges(t)["visitor 1"][1], 5)
	})

	t.Run("not for a chat that nobody has the skills for, nor where nobody is online", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		agent := w.agent(t, 1)
		w.busy(t, agent, 1, 4)
		w.wait(t, 2)
		w.exec(t, `update public.conversations set required_skills = '{latin}' where visitor_id = 'visitor 1'`)
		board := supabase.NewBoard(w.pool)
		require.NoError(t, board.RefreshPositions(t.Context(), w.project, 0))
		told := w.ranges(t)
		assert.Equal(t, [2]int{}, told["visitor 1"])
		assert.NotEqual(t, [2]int{}, told["visitor 2"])
		w.exec(t, `update public.agent_availability set status = 'away'`)
		require.NoError(t, board.RefreshPositions(t.Context(), w.project, 0))
		assert.Equal(t, [2]int{}, w.ranges(t)["visitor 2"])
	})

	t.Run("for the first thousand of a long queue", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, forecast.MostChats+5)
		require.NoError(t, supabase.NewBoard(w.pool).RefreshPositions(t.Context(), w.project, 0))
		assert.Equal(t, 5, w.number(t, `select count(*) from handoff.queue_positions where wait_p50_seconds is null`))
	})
}
