package simulation

import (
	"fmt"
	"time"

	"github.com/supportbase/handoff/worker/assignment"
)

// Plan is what is compared: every strategy with every size of team, on the same arrivals.
type Plan struct {
	Arrivals   []Arrival
	Strategies []assignment.Strategy
	// Sizes are numbers of agents, Slots how many chats each has at once.
	Sizes []int
	Slots int
	// Target is how long a customer should wait at most.
	Target time.Duration
	// Length is for how long the team is there.
	Length time.Duration
}

// Outcome is one row of a sweep.
type Outcome struct {
	Summary

	Result Result `json:"-"`
}

// Sweep plays each combination, strategies within sizes.
func Sweep(plan Plan) []Outcome {
	outcomes := make([]Outcome, 0, len(plan.Sizes)*len(plan.Strategies))
	for _, size := range plan.Sizes {
		for _, strategy := range plan.Strategies {
			scenario := Scenario{Arrivals: plan.Arrivals, Team: Alike(size, plan.Slots), Strategy: strategy}
			result := Run(scenario)
			outcomes = append(outcomes, Outcome{Summary: summarise(scenario, result, plan.Target, plan.Length), Result: result})
		}
	}
	return outcomes
}

// Alike is a team of so many agents with so many slots each.
func Alike(size, slots int) []Member {
	team := make([]Member, size)
	for i := range team {
		team[i] = Member{ID: fmt.Sprintf("agent-%04d", i+1), Slots: slots}
	}
	return team
}
