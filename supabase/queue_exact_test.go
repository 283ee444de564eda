package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

// shift is a small random team, a queue, and what happens to them.
type shift struct {
	strategy assignment.Strategy
	agents   []shiftAgent
	chats    []shiftChat
	steps    []shiftStep
}

type shiftAgent struct {
	slots  int
	skills []string
}

type shiftChat struct {
	priority int
	skills   []string
}

// shiftStep is a batch, after which a conversation may be resolved and another be claimed.
type shiftStep struct {
	limit int
	// resolves picks one of the conversations that agents have, claims one of the agents; negative for none.
	resolves, claims int
}

var drawShift = rapid.Custom(func(t *rapid.T) shift {
	skills := func(name string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"french", "latin"}), 0, 2, rapid.ID).Draw(t, name)
	}
	drawn := shift{strategy: rapid.SampledFrom(assignment.Strategies()).Draw(t, "strategy")}
	// Half of the teams are of equals: among them only the order of what happened decides.
	equals, slots := rapid.Bool().Draw(t, "equals"), rapid.IntRange(3, 6).Draw(t, "slots of all")
	for range rapid.IntRange(2, 5).Draw(t, "agents") {
		agent := shiftAgent{slots, nil}
		if !equals {
			agent = shiftAgent{rapid.IntRange(1, 4).Draw(t, "slots"), skills("agent skills")}
		}
		drawn.agents = append(drawn.agents, agent)
	}
	for range rapid.IntRange(10, 25).Draw(t, "chats") {
		chat := shiftChat{priority: rapid.IntRange(0, 2).Draw(t, "priority")}
		if rapid.IntRange(0, 3).Draw(t, "asks") == 0 {
			chat.skills = skills("chat skills")
		}
		drawn.chats = append(drawn.chats, chat)
	}
	for range 8 {
		drawn.steps = append(drawn.steps, shiftStep{
			limit: rapid.IntRange(1, 6).Draw(t, "limit"), resolves: rapid.IntRange(-1, 20).Draw(t, "resolves"),
			claims: rapid.IntRange(-3, 4).Draw(t, "claims"),
		})
	}
	return drawn
})

// TestBatchesEqualOneAtATime runs random shifts through Postgres, beside a reference that knows no batches, no locks and no
// clock: only the order in which things happened.
func TestBatchesEqualOneAtATime(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	for seed := range 20 {
		runShift(t, w, drawShift.Example(seed))
		assert.False(t, t.Failed(), "seed %d", seed)
	}
}

// floor is the reference: the team and the queue of one shift.
type floor struct {
	strategy assignment.Strategy
	agents   []*floorAgent
	waiting  []floorChat // in the order of serving
	given    []given     // what agents have, oldest first
	moment   int
}

type floorAgent struct {
	id              string
	slots, chats    int
	skills          []string
	last, idleSince int
}

type floorChat struct {
	id       string
	priority int
	skills   []string
}

type given struct{ chat, agent string }

func runShift(t *testing.T, w team, drawn shift) {
	t.Helper()
	w.project = uuid.NewString()
	w.exec(t, `insert into public.projects (id, user_id) values ($1, $2)`, w.project, w.user(t))
	w.exec(t, `insert into public.handoff_settings (project_id, assignment_strategy) values ($1, $2)`, w.project, string(drawn.strategy))
	reference := &floor{strategy: drawn.strategy}
	for _, agent := range drawn.agents {
		reference.moment++
		reference.agents = append(reference.agents, &floorAgent{
			id: w.skilled(t, agent.slots, agent.skills...), slots: agent.slots, skills: agent.skills, idleSince: reference.moment,
		})
	}
	reference.waiting = w.queue(t, drawn.chats)
	for _, step := range drawn.steps {
		w.compareBatch(t, reference, step.limit)
		w.resolveOne(t, reference, step.resolves)
		w.claimOne(t, reference, step.claims)
	}
	assert.Zero(t, w.number(t, `
		select count(*) from (
		  select decided_at <= lag(decided_at) over (order by id) as backwards
		    from handoff.assignment_decisions where project_id = $1) as decision where backwards`, w.project),
		"no two decisions of a project are of one moment")
}

// queue makes the chats wait and returns them in the order of serving.
func (w team) queue(t *testing.T, chats []shiftChat) []floorChat {
	t.Helper()
	queue := make([]floorChat, len(chats))
	for i, chat := range chats {
		queue[i] = floorChat{uuid.NewString(), chat.priority, chat.skills}
		w.exec(t, `insert into public.conversations (id, project_id, visitor_id, priority, required_skills)
			values ($1::uuid, $2, $1::uuid::text, $3, coalesce($4::text[], '{}'))`, queue[i].id, w.project, chat.priority, chat.skills)
		w.exec(t, `update public.conversations set status = 'waiting' where id = $1`, queue[i].id)
	}
	slices.SortStableFunc(queue, func(a, b floorChat) int { return b.priority - a.priority })
	return queue
}

func (w team) compareBatch(t *testing.T, reference *floor, limit int) {
	t.Helper()
	decided := []given{}
	planner := func(strategy assignment.Strategy, chats []assignment.Chat, agents []assignment.Agent) []assignment.Assignment {
		plan := assignment.Plan(strategy, chats, agents)
		for _, one := range plan {
			decided = append(decided, given{one.ChatID, one.AgentID})
		}
		return plan
	}
	batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, limit, planner)
	require.NoError(t, err)
	require.Len(t, decided, batch.Assigned)
	expected := []given{}
	for range decided {
		expected = append(expected, reference.assignOne())
	}
	require.Equal(t, expected, decided, "strategy %s", reference.strategy)
	if batch.Assigned == 0 {
		require.Equal(t, given{}, reference.assignOne(), "a batch that gives out nothing leaves nothing to give")
	}
}

func (w team) resolveOne(t *testing.T, reference *floor, which int) {
	t.Helper()
	if which < 0 || which >= len(reference.given) {
		return
	}
	w.exec(t, `update public.conversations set status = 'resolved' where id = $1`, reference.resolve(which))
}

// claimOne lets an agent with a free slot claim the first in line.
func (w team) claimOne(t *testing.T, reference *floor, which int) {
	t.Helper()
	if which < 0 || which >= len(reference.agents) || len(reference.waiting) == 0 {
		return
	}
	agent := reference.agents[which]
	if agent.chats == agent.slots {
		return
	}
	claimed := reference.give(0, agent)
	w.exec(t, `update public.conversations set status = 'agent_active', assigned_agent_id = $2 where id = $1`, claimed.chat, claimed.agent)
}

// assignOne gives the first conversation that somebody may take to the first agent who may; empty when there is none.
func (f *floor) assignOne() given {
	for i, chat := range f.waiting {
		var chosen *floorAgent
		for _, agent := range f.agents {
			if agent.mayTake(chat) && (chosen == nil || f.before(agent, chosen)) {
				chosen = agent
			}
		}
		if chosen != nil {
			return f.give(i, chosen)
		}
	}
	return given{}
}

func (a *floorAgent) mayTake(chat floorChat) bool {
	for _, skill := range chat.skills {
		if !slices.Contains(a.skills, skill) {
			return false
		}
	}
	return a.chats < a.slots
}

func (f *floor) before(a, b *floorAgent) bool {
	if f.strategy == assignment.LongestIdle {
		if (a.chats == 0) != (b.chats == 0) {
			return a.chats == 0
		}
		if a.chats == 0 {
			return a.idleSince < b.idleSince
		}
	}
	if free, others := a.slots-a.chats, b.slots-b.chats; f.strategy != assignment.RoundRobin && free != others {
		return free > others
	}
	if a.last != b.last {
		return a.last < b.last
	}
	return strings.Compare(a.id, b.id) < 0
}

func (f *floor) give(place int, agent *floorAgent) given {
	f.moment++
	agent.chats++
	agent.last = f.moment
	one := given{f.waiting[place].id, agent.id}
	f.waiting = slices.Delete(f.waiting, place, place+1)
	f.given = append(f.given, one)
	return one
}

func (f *floor) resolve(place int) (chat string) {
	f.moment++
	done := f.given[place]
	f.given = slices.Delete(f.given, place, place+1)
	for _, agent := range f.agents {
		if agent.id != done.agent {
			continue
		}
		agent.chats--
		if agent.chats == 0 {
			agent.idleSince = f.moment
		}
	}
	return done.chat
}
