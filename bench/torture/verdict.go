package main

import (
	"fmt"
	"slices"
	"time"
)

// violation is a kind of thing that must never be.
type violation int

const (
	// doubleAssigned: a change that did not see the owner before it, or an agent who was told that a conversation is theirs
	// when it was somebody else's.
	doubleAssigned violation = iota
	// overCapacity: a conversation given to somebody over the limit, not online or not in the team.
	overCapacity
	// orphaned: a conversation that belongs to nobody although it is with an agent, to somebody who left the team, or that
	// nobody served until the end although somebody could.
	orphaned
	// drift: a counter that was not the number of conversations after some transaction.
	drift
	// unexplained: the decision log does not tell who was given a conversation.
	unexplained
	// untold: the events do not.
	untold
	violations
)

func (v violation) String() string {
	return [violations]string{"double_assigned", "over_capacity", "orphaned", "drift", "unexplained", "untold"}[v]
}

// shownExamples is how many examples of each kind a report has.
const shownExamples = 3

// verdict is what was found in a record.
type verdict struct {
	counts   [violations]int
	examples []string
	// idle is how long conversations waited while somebody could have taken them, one entry for each time.
	idle []time.Duration
	// moves is how many of them were judged.
	moves int
}

func (v *verdict) find(kind violation, format string, values ...any) {
	v.counts[kind]++
	if v.counts[kind] <= shownExamples {
		v.examples = append(v.examples, kind.String()+": "+fmt.Sprintf(format, values...))
	}
}

func (v *verdict) ok() bool { return v.counts == [violations]int{} }

// idleAt is a percentile of the idle waits, 1 for the longest.
func (v *verdict) idleAt(share float64) time.Duration {
	if len(v.idle) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v.idle))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
