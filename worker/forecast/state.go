package forecast

import "time"

// State is a project at one instant, as much of it as the forecast needs.
type State struct {
	// Chats wait, in the order of serving.
	Chats []Chat
	// Agents are those who are given chats, full or not. Their order does not matter to the answer but for the numbers they
	// draw: pass it the same each time.
	Agents []Agent
	// Handling are how long agents had their latest chats, in any order. Few or none: a prior stands in, see prior.
	Handling []time.Duration
	// Patience is the mean time after which somebody who waits leaves; zero: nobody does.
	Patience time.Duration
}

// Chat is a conversation that waits.
type Chat struct {
	// RequiredSkills are what its agent must have, all of them.
	RequiredSkills []string
	// PreferredAgentID is the only one who gets it for as long as HoldsFor; both empty for an ordinary chat.
	PreferredAgentID string
	HoldsFor         time.Duration
	// AvoidedAgentID does not get it for as long as AvoidsFor.
	AvoidedAgentID string
	AvoidsFor      time.Duration
}

// Agent is somebody who is given chats.
type Agent struct {
	ID string
	// Limit is how many chats the agent is given at once.
	Limit  int
	Skills []string
	// Ages are for how long the agent has had each running chat.
	Ages []time.Duration
}

// Range is how long a chat will still wait: with even odds at most P50, nine times in ten at most P90.
type Range struct {
	// Known is false when too many plays never served the chat: nobody who may take it is there.
	Known    bool
	P50, P90 time.Duration
}
