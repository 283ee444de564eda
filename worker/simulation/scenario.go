package simulation

import (
	"time"

	"github.com/supportbase/handoff/worker/assignment"
)

// Arrival is a conversation that asks for a person.
type Arrival struct {
	// At is when, since the beginning. Arrivals are in this order.
	At time.Duration
	// Handling is for how long its agent will have it.
	Handling time.Duration
	// Patience is after how long it leaves the queue; zero: never.
	Patience time.Duration
	// Priority puts it before those with less of it.
	Priority int
	// Skills are what its agent must have.
	Skills []string
}

// Member is somebody of the team, there the whole time.
type Member struct {
	ID string
	// Slots is how many chats the member has at once. More of them do not make each slower.
	Slots  int
	Skills []string
}

// Scenario is what is played.
type Scenario struct {
	Arrivals []Arrival
	Team     []Member
	Strategy assignment.Strategy
	// Observe, if set, is called after each arrival that has to wait, once everything of that moment has happened.
	Observe func(Moment)
}

// Chat is what became of one arrival.
type Chat struct {
	Arrival

	// Wait is until it got an agent, or left.
	Wait time.Duration
	// Left says that its patience ended first.
	Left bool
	// Member is the index of who had it; -1 when nobody did.
	Member int
}

// Result is what came of a scenario. The play goes on until everybody who arrived was served or left.
type Result struct {
	// Chats are in the order of the arrivals.
	Chats []Chat
	// Ended is when the last of them was over.
	Ended time.Duration
	// Busy is for how long each member's slots were taken, summed over the slots.
	Busy []time.Duration
	// LongestQueue is the most who waited at once.
	LongestQueue int
}
