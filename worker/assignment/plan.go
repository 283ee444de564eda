package assignment

import (
	"container/heap"
	"time"
)

// Chat is a conversation that waits, as much of it as the decision needs.
type Chat struct {
	ID string
	// PreferredAgentID is who should get it if that agent has a free slot; empty for nobody.
	PreferredAgentID string
	// AvoidedAgentID is who must not get it: the agent who has just given it back. Empty for nobody.
	AvoidedAgentID string
}

// Agent is somebody who can be given chats.
type Agent struct {
	// ID is the agent's user id.
	ID string
	// FreeSlots is how many more chats the agent may be given; zero or less: none.
	FreeSlots int
	// LastAssignedAt is when the agent was last given a chat; the zero time for never.
	LastAssignedAt time.Time
}

// Assignment gives one chat to one agent.
type Assignment struct {
	ChatID  string
	AgentID string
}

// Planner decides who gets what. Plan is one.
type Planner = func(chats []Chat, agents []Agent) []Assignment

// Batch is what came of one batch.
type Batch struct {
	// Locked is how many waiting conversations the batch held, Assigned how many of them got an agent.
	Locked, Assigned int
	// Skipped says that a conversation or an agent was left out because another transaction held it for a moment, or was
	// not visible yet, and that with it more might have been assigned: try again shortly.
	Skipped bool
}

// Plan assigns the chats, which must be in the order of serving, and stops when no slot is free. A chat that only its
// avoided agent could take stays where it is. Plan costs O(chats x log agents) and leaves its arguments unchanged.
func Plan(chats []Chat, agents []Agent) []Assignment {
	team := newTeam(agents)
	plan := make([]Assignment, 0, len(chats))
	for _, chat := range chats {
		if team.Len() == 0 {
			break
		}
		chosen := team.choose(chat)
		if chosen == nil {
			continue
		}
		plan = append(plan, Assignment{ChatID: chat.ID, AgentID: chosen.ID})
		team.give(chosen, len(plan))
	}
	return plan
}

// candidate is an agent during planning.
type candidate struct {
	Agent
	// turn counts the plan's assignments: an agent chosen in this plan was assigned later than any LastAssignedAt.
	turn int
	// place is the index in the heap; -1 when the agent has no free slot left.
	place int
}

func (c *candidate) before(other *candidate) bool {
	switch {
	case c.FreeSlots != other.FreeSlots:
		return c.FreeSlots > other.FreeSlots
	case c.turn != other.turn:
		return c.turn < other.turn
	case !c.LastAssignedAt.Equal(other.LastAssignedAt):
		return c.LastAssignedAt.Before(other.LastAssignedAt)
	default:
		return c.ID < other.ID
	}
}

// team is a heap of the agents with free slots, the next to be chosen on top.
type team struct {
	heap []*candidate
	byID map[string]*candidate
}

func newTeam(agents []Agent) *team {
	t := &team{heap: make([]*candidate, 0, len(agents)), byID: make(map[string]*candidate, len(agents))}
	for _, agent := range agents {
		if agent.FreeSlots < 1 {
			continue
		}
		member := &candidate{Agent: agent, place: len(t.heap)}
		t.heap = append(t.heap, member)
		t.byID[agent.ID] = member
	}
	heap.Init(t)
	return t
}

// choose returns who gets the chat, or nil when only the avoided agent is left. The team must not be empty.
func (t *team) choose(chat Chat) *candidate {
	preferred := t.byID[chat.PreferredAgentID]
	if preferred != nil && preferred.place >= 0 && preferred.ID != chat.AvoidedAgentID {
		return preferred
	}
	if t.heap[0].ID != chat.AvoidedAgentID {
		return t.heap[0]
	}
	return t.second()
}

// second is the next after the top: in a heap one of its two children.
func (t *team) second() *candidate {
	switch {
	case len(t.heap) < 2:
		return nil
	case len(t.heap) > 2 && t.heap[2].before(t.heap[1]):
		return t.heap[2]
	default:
		return t.heap[1]
	}
}

func (t *team) give(chosen *candidate, turn int) {
	chosen.FreeSlots--
	chosen.turn = turn
	if chosen.FreeSlots == 0 {
		heap.Remove(t, chosen.place)
		return
	}
	heap.Fix(t, chosen.place)
}

// Len, Less, Swap, Push and Pop are heap.Interface.

func (t *team) Len() int           { return len(t.heap) }
func (t *team) Less(i, j int) bool { return t.heap[i].before(t.heap[j]) }

func (t *team) Swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].place, t.heap[j].place = i, j
}

func (t *team) Push(any) { panic("assignment: a team does not grow") }

func (t *team) Pop() any {
	last := t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	last.place = -1
	return last
}
