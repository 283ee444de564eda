package assignment

import (
	"container/heap"
	"slices"
	"strings"
)

// candidate is an agent during planning.
type candidate struct {
	Agent
	// turn counts the plan's assignments: an agent chosen in this plan was assigned later than any LastAssignedAt.
	turn int
	// place is the index in the heap; -1 when the agent has no free slot left.
	place int
}

func (c *candidate) busy() bool { return c.Busy || c.turn > 0 }

// team is a heap of the agents with free slots, the next to be chosen on top.
type team struct {
	criteria []criterion
	heap     []*candidate
	byID     map[string]*candidate
	// able caches who has a set of skills: most chats that ask for skills ask for one of a few sets.
	able map[string][]*candidate
	// frontier is scratch space of first.
	frontier []int
}

func newTeam(strategy Strategy, agents []Agent) *team {
	t := &team{
		criteria: strategy.criteria(),
		heap:     make([]*candidate, 0, len(agents)),
		byID:     make(map[string]*candidate, len(agents)),
		able:     make(map[string][]*candidate),
	}
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

// choose returns who gets the chat, or nil when nobody may take it now. The team must not be empty.
func (t *team) choose(chat Chat) *candidate {
	if len(chat.Asked.Refusals) > 0 {
		return t.chooseAsked(chat)
	}
	if chat.PreferredAgentID != "" && chat.PreferredAgentID != chat.AvoidedAgentID {
		preferred := t.byID[chat.PreferredAgentID]
		if preferred != nil && preferred.place >= 0 && covers(preferred.Skills, chat.RequiredSkills) {
			return preferred
		}
		if chat.HoldsForPreferred {
			return nil
		}
	}
	if len(chat.RequiredSkills) > 0 {
		return t.firstAble(chat)
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
	case len(t.heap) > 2 && t.before(t.heap[2], t.heap[1]):
		return t.heap[2]
	default:
		return t.heap[1]
	}
}

// firstAble is the first of those who have the skills that the chat asks for, nil when there is none.
func (t *team) firstAble(chat Chat) *candidate {
	var first *candidate
	for _, member := range t.withSkills(chat.RequiredSkills) {
		if member.place < 0 || member.ID == chat.AvoidedAgentID {
			continue
		}
		if first == nil || t.before(member, first) {
			first = member
		}
	}
	return first
}

// withSkills are all who have the skills, also those whose slots are taken meanwhile.
func (t *team) withSkills(skills []string) []*candidate {
	key := strings.Join(skills, "\x00")
	members, known := t.able[key]
	if known {
		return members
	}
	for _, member := range t.byID {
		if covers(member.Skills, skills) {
			members = append(members, member)
		}
	}
	t.able[key] = members
	return members
}

func covers(has, required []string) bool {
	for _, skill := range required {
		if !slices.Contains(has, skill) {
			return false
		}
	}
	return true
}

// first are the first count members in order. It walks the heap from the top: O(count²), whatever the size of the team.
func (t *team) first(count int) []*candidate {
	found := make([]*candidate, 0, min(count, len(t.heap)))
	t.frontier = append(t.frontier[:0], 0)
	for len(found) < count && len(t.frontier) > 0 {
		next := 0
		for i, place := range t.frontier {
			if t.before(t.heap[place], t.heap[t.frontier[next]]) {
				next = i
			}
		}
		place := t.frontier[next]
		t.frontier = slices.Delete(t.frontier, next, next+1)
		found = append(found, t.heap[place])
		for child := 2*place + 1; child <= 2*place+2 && child < len(t.heap); child++ {
			t.frontier = append(t.frontier, child)
		}
	}
	return found
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

func (t *team) before(a, b *candidate) bool {
	for i := range t.criteria {
		if order := t.criteria[i].compare(a, b); order != 0 {
			return order < 0
		}
	}
	return false
}

// Len, Less, Swap, Push and Pop are heap.Interface.

func (t *team) Len() int           { return len(t.heap) }
func (t *team) Less(i, j int) bool { return t.before(t.heap[i], t.heap[j]) }

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
