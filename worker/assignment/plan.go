package assignment

import "time"

// Chat is a conversation that waits, as much of it as the decision needs.
type Chat struct {
	ID string
	// PreferredAgentID is who should get it if that agent has a free slot; empty for nobody.
	PreferredAgentID string
	// AvoidedAgentID is who must not get it: the agent who has just given it back. Empty for nobody.
	AvoidedAgentID string
	// RequiredSkills are what its agent must have, all of them.
	RequiredSkills []string
	// HoldsForPreferred says that the preferred agent is online and able, and the time for which the chat waits for a slot
	// there is not over: nobody else gets it. It is ignored when the preferred agent is the avoided one, or was asked before.
	HoldsForPreferred bool
	// Asked is who was offered the chat before, where chats are offered and not given.
	Asked Asked
}

// Agent is somebody who can be given chats.
type Agent struct {
	// ID is the agent's user id.
	ID string
	// FreeSlots is how many more chats the agent may be given; zero or less: none.
	FreeSlots int
	// LastAssignedAt is when the agent was last given a chat; the zero time for never.
	LastAssignedAt time.Time
	// Busy says that the agent has a chat; IdleSince is since when the agent has none, and only counts for one who is not busy.
	Busy      bool
	IdleSince time.Time
	Skills    []string
}

// Assignment gives one chat to one agent.
type Assignment struct {
	ChatID  string
	AgentID string
	// Position is the chat's place among those that were planned together: 1 for the first.
	Position int
	// Round is the round of offers that it belongs to, 1 for the first.
	Round  int
	Reason Reason
	// Candidates are agents with free slots in the order of the strategy, the chosen one among them. The list is cut.
	Candidates []Candidate
}

// Planner decides who gets what. Plan is one.
type Planner = func(strategy Strategy, chats []Chat, agents []Agent) []Assignment

// Batch is what came of one batch.
type Batch struct {
	// Locked is how many waiting conversations the batch held, Assigned how many of them got an agent or were offered to one.
	// Only those are held that somebody free may take.
	Locked, Assigned int
	// More says that the batch was full and left conversations behind that somebody free might have taken.
	More bool
	// Skipped says that a conversation or an agent was left out because another transaction held it for a moment, or was
	// not visible yet, and that with it more might have been assigned: try again shortly.
	Skipped bool
	// WakeAfter is how long after the batch time alone may let another conversation be given out: the wait for a preferred
	// agent is over, or the pause of one who gave it back, or an offer is due. Zero: no such moment is known.
	WakeAfter time.Duration
}

// Plan assigns the chats, which must be in the order of serving, and stops when no slot is free. It costs
// O(chats x log agents), for chats that ask for skills O(chats x agents with the skills), and leaves its arguments unchanged.
// An unknown strategy counts as Balanced.
func Plan(strategy Strategy, chats []Chat, agents []Agent) []Assignment {
	team := newTeam(strategy, agents)
	shown := candidatesShown(len(chats))
	plan := make([]Assignment, 0, len(chats))
	for place, chat := range chats {
		if team.Len() == 0 {
			break
		}
		chosen := team.choose(chat)
		if chosen == nil {
			continue
		}
		candidates, reason := team.explain(chat, chosen, shown)
		plan = append(plan, Assignment{
			ChatID: chat.ID, AgentID: chosen.ID, Position: place + 1, Round: chat.Asked.roundOf(chosen.ID),
			Reason: reason, Candidates: candidates,
		})
		team.give(chosen, len(plan))
	}
	return plan
}
