package supabase_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

// batch is one batch of the team's project, without when to look again.
func (w team) batch(t *testing.T, limit int) assignment.Batch {
	t.Helper()
	batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, limit, assignment.Plan)
	require.NoError(t, err)
	batch.WakeAfter = 0
	return batch
}

// skilled is an online agent with skills.
func (w team) skilled(t *testing.T, slots int, skills ...string) string {
	t.Helper()
	id := w.agent(t, slots)
	w.exec(t, `update public.agent_availability set skills = $2 where user_id = $1`, id, skills)
	return id
}

// owner says who has the visitor's conversation; empty for nobody.
func (w team) owner(t *testing.T, visitor string) string {
	t.Helper()
	var owner string
	require.NoError(t, w.pool.QueryRow(t.Context(),
		`select coalesce(assigned_agent_id::text, '') from public.conversations where visitor_id = $1`, visitor).Scan(&owner))
	return owner
}

func TestAssignBatchPassesOverWhatNobodyMayTake(t *testing.T) {
	t.Parallel()

	t.Run("1,500 conversations that ask for a skill nobody has hold up nobody", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		agent := w.skilled(t, 5, "french")
		w.wait(t, 1502)
		w.exec(t, `update public.conversations set required_skills = '{latin}' where visitor_id not in ('visitor 1501', 'visitor 1502')`)
		w.exec(t, `update public.conversations set required_skills = '{french}' where visitor_id = 'visitor 1502'`)
		assert.Equal(t, assignment.Batch{Locked: 2, Assigned: 2}, w.batch(t, 10))
		assert.Equal(t, agent, w.owner(t, "visitor 1501"))
		assert.Equal(t, agent, w.owner(t, "visitor 1502"))
		assert.Equal(t, assignment.Batch{}, w.batch(t, 1000))
	})

	t.Run("nor do 1,500 that ask for one who has a single slot left", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		linguist, generalist := w.skilled(t, 1, "latin"), w.agent(t, 1)
		w.wait(t, 1501)
		w.exec(t, `update public.conversations set required_skills = '{latin}' where visitor_id <> 'visitor 1501'`)
		assert.Equal(t, assignment.Batch{Locked: 1000, Assigned: 1, More: true}, w.batch(t, 1000))
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 1000))
		assert.Equal(t, linguist, w.owner(t, "visitor 1"))
		assert.Equal(t, generalist, w.owner(t, "visitor 1501"))
	})
}

// returning is a team in which a conversation waits for an agent who is full, while another is free.
func returning(t *testing.T) (w team, preferred, other string) {
	t.Helper()
	w = newTeam(t)
	preferred = w.agent(t, 1)
	w.wait(t, 1)
	require.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
	other = w.agent(t, 1)
	w.exec(t, `insert into public.conversations (project_id, visitor_id) values ($1, 'returning')`, w.project)
	w.exec(t, `update public.conversations set status = 'waiting', preferred_agent_id = $1 where visitor_id = 'returning'`, preferred)
	return w, preferred, other
}

func TestAssignBatchPrefersTheReturningAgent(t *testing.T) {
	t.Parallel()

	t.Run("waits for one who is online but full", func(t *testing.T) {
		t.Parallel()
		w, preferred, _ := returning(t)
		assert.Equal(t, assignment.Batch{}, w.batch(t, 10))
		w.exec(t, `update public.conversations set status = 'resolved' where assigned_agent_id = $1`, preferred)
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
		assert.Equal(t, preferred, w.owner(t, "returning"))
	})

	t.Run("holds up nobody behind it", func(t *testing.T) {
		t.Parallel()
		w, _, other := returning(t)
		w.exec(t, `insert into public.conversations (project_id, visitor_id) values ($1, 'behind')`, w.project)
		w.exec(t, `update public.conversations set status = 'waiting' where visitor_id = 'behind'`)
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
		assert.Equal(t, other, w.owner(t, "behind"))
	})

	for name, change := range map[string]string{
		"not longer than a minute":               `update public.conversations set waiting_since = now() - interval '61 seconds' where status = 'waiting'`,
		"not for one who is away":                `update public.agent_availability set status = 'away' where current_chat_count = 1`,
		"not for one who has left":               `update public.agent_availability set status = 'offline' where current_chat_count = 1`,
		"not for one who lacks a skill":          `update public.conversations set required_skills = '{french}' where status = 'waiting'`,
		"not for one who has just given it back": `update public.conversations set released_by = preferred_agent_id, released_at = now() where status = 'waiting'`,
		"as long as the project says":            `insert into public.handoff_settings (project_id, preferred_wait_seconds) select id, 0 from public.projects`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, other := returning(t)
			w.exec(t, `update public.agent_availability set skills = '{french}' where user_id = $1`, other)
			w.exec(t, change)
			assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
			assert.Equal(t, other, w.owner(t, "returning"))
		})
	}
}

func TestAssignBatchRecordsItsDecisions(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	busy, free := w.agent(t, 1), w.agent(t, 3)
	w.wait(t, 3)
	w.exec(t, `update public.conversations set waiting_since = now() - interval '90 seconds'`)
	require.Equal(t, assignment.Batch{Locked: 3, Assigned: 3}, w.batch(t, 10))

	rows, err := w.pool.Query(t.Context(), `
		select conversation.visitor_id, decision.agent_id::text, decision.strategy, decision.queue_position, decision.reason,
		       decision.waited_seconds, jsonb_array_length(decision.candidates), decision.decided_at = conversation.claimed_at
		  from handoff.assignment_decisions as decision
		  join public.conversations as conversation on conversation.id = decision.conversation_id
		 order by decision.id`)
	require.NoError(t, err)
	type decision struct {
		Visitor, Agent, Strategy string
		Position                 int
		Reason                   string
		Waited, Candidates       int
		SameMoment               bool
	}
	decisions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[decision])
	require.NoError(t, err)
	assert.Equal(t, []decision{
		{"visitor 1", free, "balanced", 1, "most_free_slots", 90, 2, true},
		{"visitor 2", free, "balanced", 2, "most_free_slots", 90, 2, true},
		{"visitor 3", busy, "balanced", 3, "longest_since_assignment", 90, 2, true},
	}, decisions)
	var verdict string
	require.NoError(t, w.pool.QueryRow(t.Context(), `
		select candidates #>> '{1,verdict}' from handoff.assignment_decisions where candidates #>> '{1,id}' = $1 order by id limit 1`,
		busy).Scan(&verdict))
	assert.Equal(t, "fewer_free_slots", verdict)
}
