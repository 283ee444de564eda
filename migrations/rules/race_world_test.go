package rules_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

const (
	// crowdSize is how many people act at once in a race.
	crowdSize = 50
	// raceTimeout ends a race whose people wait for each other.
	raceTimeout = time.Minute
)

// racers makes n people.
func (w *world) racers(t *testing.T, n int) []actor {
	t.Helper()
	rows, err := w.root.Query(t.Context(), `
		insert into auth.users (id, aud, role, email, is_anonymous)
		select id, 'authenticated', 'authenticated', id || '@example.com', true
		  from (select gen_random_uuid() as id from generate_series(1, $1)) as person
		returning id::text`, n)
	require.NoError(t, err)
	people, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (actor, error) {
		who := actor{w: w, role: "authenticated"}
		err := row.Scan(&who.id)
		return who, err
	})
	require.NoError(t, err)
	return people
}

// raceTeam makes n agents who are online and may have so many chats each.
func (w *world) raceTeam(t *testing.T, n, limit int) []actor {
	t.Helper()
	agents := w.racers(t, n)
	for _, agent := range agents {
		w.hireAgent(t, agent, limit)
	}
	w.exec(t, `update public.agent_availability set status = 'online' where project_id = $1 and user_id = any($2::uuid[])`,
		w.project, idsOf(agents))
	return agents
}

// raceChats gives each of the visitors a conversation in the given state: ai_active, waiting, or agent_active with the
// agent, and resolved by the agent.
func (w *world) raceChats(t *testing.T, visitors []actor, status string, agent actor) []string {
	t.Helper()
	rows, err := w.root.Query(t.Context(), `
		insert into public.conversations (project_id, visitor_id, visitor_user_id)
		select $1, 'visitor ' || visitor.id, visitor.id
		  from unnest($2::uuid[]) with ordinality as visitor (id, place)
		 order by visitor.place
		returning id::text`, w.project, idsOf(visitors))
	require.NoError(t, err)
	chats, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, step := range pathTo[status] {
		w.exec(t, `
			update public.conversations
			   set status = $2, assigned_agent_id = case when $2 = 'agent_active' then nullif($3, '')::uuid else assigned_agent_id end
			 where id = any($1::uuid[])`, chats, step, agent.id)
	}
	return chats
}

func idsOf(people []actor) []string {
	ids := make([]string, len(people))
	for i, who := range people {
		ids[i] = who.id
	}
	return ids
}

// atOnce runs do for 0 to n-1 at the same moment and returns what each answered: a word of its own, or the code of the
// refusal. Anything else that the database says, a deadlock above all, fails the test.
func atOnce(t *testing.T, n int, do func(ctx context.Context, i int) (string, error)) []string {
	t.Helper()
	answers := allAtOnce(t, n, do)
	troubles := map[string]int{}
	for _, answer := range answers {
		if strings.Contains(answer, "SQLSTATE") || strings.Contains(answer, "context") {
			troubles[answer]++
		}
	}
	assert.Empty(t, troubles)
	return answers
}

func allAtOnce(t *testing.T, n int, do func(ctx context.Context, i int) (string, error)) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), raceTimeout)
	defer cancel()
	answers := make([]string, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answer, err := do(ctx, i)
			if err != nil {
				answer = refusalText(err)
			}
			answers[i] = answer
		})
	}
	close(start)
	group.Wait()
	return answers
}

// says is a call whose answer does not matter beyond being no refusal.
func (a actor) says(ctx context.Context, call string, args ...any) (string, error) {
	_, err := a.rpc(ctx, call, args...)
	return modelOK, err
}

// takes is a call that answers success or an error as a value.
func (a actor) takes(ctx context.Context, call string, args ...any) (string, error) {
	answer, err := a.rpc(ctx, call, args...)
	if err != nil {
		return "", err
	}
	return takeText(answer), nil
}

// runWorker is one run of a worker.
func (w *world) runWorker(ctx context.Context) (string, error) {
	_, err := supabase.NewQueue(w.root).AssignBatch(ctx, w.project, 0, 10, assignment.Plan)
	return modelOK, err
}

func timesSaid(answers []string, answer string) int {
	count := 0
	for _, one := range answers {
		if one == answer {
			count++
		}
	}
	return count
}

// onlyAnswers asserts that nothing else was answered.
func onlyAnswers(t *testing.T, answers []string, allowed ...string) {
	t.Helper()
	for _, answer := range answers {
		assert.True(t, slices.Contains(allowed, answer), "answered: %s", answer)
	}
}

// assertNobodyOverLimit holds in races that lower no limit.
func assertNobodyOverLimit(t *testing.T, w *world) {
	t.Helper()
	assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability
		where project_id = $1 and current_chat_count > max_concurrent_chats`, w.project), "agents with more chats than they may be given")
}

// raceStatuses counts the project's conversations by status.
func (w *world) raceStatuses(t *testing.T) map[string]int {
	t.Helper()
	return read[map[string]int](t, w, `select coalesce(jsonb_object_agg(status, chats), '{}')
		from (select status, count(*) as chats from public.conversations where project_id = $1 group by status) as counted`, w.project)
}
