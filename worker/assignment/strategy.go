package assignment

import (
	"cmp"
	"strings"
)

// Strategy is how a project chooses among the agents who may take a chat. The text is what handoff_settings holds.
type Strategy string

const (
	// Balanced is F001 5.5.2, the default: the most free slots, then the longest since the last assignment.
	Balanced Strategy = "balanced"
	// RoundRobin takes turns: the longest since the last assignment, however many chats the agent has.
	RoundRobin Strategy = "round_robin"
	// LongestIdle takes who has been without a chat for longest; when all have one, as Balanced.
	LongestIdle Strategy = "longest_idle"
)

// Strategies are all there are.
func Strategies() []Strategy { return []Strategy{Balanced, RoundRobin, LongestIdle} }

// criterion compares two candidates in one respect: negative when the first comes before the second.
type criterion struct {
	compare func(a, b *candidate) int
	// wins is why the one that comes first is chosen, loses why the other is not.
	wins  Reason
	loses Verdict
}

var (
	moreFreeSlots = criterion{wins: MostFreeSlots, loses: FewerFreeSlots, compare: func(a, b *candidate) int {
		return cmp.Compare(b.FreeSlots, a.FreeSlots)
	}}
	assignedEarlier = criterion{wins: LongestSinceAssignment, loses: AssignedLater, compare: func(a, b *candidate) int {
		if order := cmp.Compare(a.turn, b.turn); order != 0 {
			return order
		}
		return a.LastAssignedAt.Compare(b.LastAssignedAt)
	}}
	withoutChat = criterion{wins: WithoutChat, loses: HasChats, compare: func(a, b *candidate) int {
		return cmp.Compare(rank(a.busy()), rank(b.busy()))
	}}
	idleLonger = criterion{wins: IdleLongest, loses: IdleShorter, compare: func(a, b *candidate) int {
		if a.busy() || b.busy() {
			return 0
		}
		return a.IdleSince.Compare(b.IdleSince)
	}}
	// smallestID makes the same input always give the same plan.
	smallestID = criterion{wins: SmallestID, loses: HigherID, compare: func(a, b *candidate) int {
		return strings.Compare(a.ID, b.ID)
	}}
)

// criteria are what decides, the first that tells two candidates apart.
func (s Strategy) criteria() []criterion {
	switch s {
	case RoundRobin:
		return []criterion{assignedEarlier, smallestID}
	case LongestIdle:
		return []criterion{withoutChat, idleLonger, moreFreeSlots, assignedEarlier, smallestID}
	case Balanced:
	}
	return []criterion{moreFreeSlots, assignedEarlier, smallestID}
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}
