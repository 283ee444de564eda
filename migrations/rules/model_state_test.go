package rules_test

import (
	"fmt"
	"maps"
	"slices"
)

// modelState is everything the rules decide about one project, as F001 5.2 to 5.5 tell it. It is a value: a rule returns
// the state that comes after and leaves the one before as it was. People and conversations go by name; moments are the
// numbers of the steps in which they fell, zero for never.
type modelState struct {
	Step     int
	Settings modelSettings
	// Agents are the members, and the owner once the owner has set a status.
	Agents map[string]modelAgent
	Chats  map[string]modelChat

	// lookedBefore says that the caller was let in before the visitor cleared the chat in this very step. Who may see
	// a conversation is judged when a call begins, what may be done with it when its turn comes.
	lookedBefore bool
	// racers says that others act in the same step.
	crowd bool
}

// modelSettings are the switches that decide whether a conversation may leave the AI.
type modelSettings struct {
	Enabled    bool
	Mode       string
	Open       bool
	Keywords   bool
	Confidence bool
	// Offers says that the worker asks an agent first; Away is how many offers missed one after the other set the agent
	// away, zero for none.
	Offers bool
	Away   int
}

// modelAgent is an agent's row. The count is no part of it: it is always the number of the agent's chats.
type modelAgent struct {
	Status string
	Limit  int
	// Announced are the presence_change events, in order.
	Announced []string
}

// modelChat is a conversation and what was said about it in the outbox.
type modelChat struct {
	Visitor, Status, Owner            string
	Preferred, ReleasedBy, ResolvedBy string
	Priority                          int
	Reason, Keyword, Confidence       string

	Entered, Triggered, Claimed, FirstResponse int
	Released, Resolved, Closed, Cleared        int
	LastMessage                                int

	CloseReason    string
	Spam           bool
	Rating         int
	LastConfidence string
	// Seq counts the numbered events among Events.
	Seq    int
	Events []string
	// Offers are who was asked to take it, in order.
	Offers []modelOffer
}

const (
	noAgent         = ""
	modelAdmin      = "olivia"
	modelStranger   = "stranger"
	modelNoChat     = "no such conversation"
	lowConfidence   = "0.3"
	highConfidence  = "0.9"
	keywordOfModel  = "human"
	modelOK         = "ok"
	refusedNotFound = "PT404 conversation_not_found"
	refusedNotYours = "PT403 not_your_conversation"
	refusedIllegal  = "PT409 illegal_transition"
	refusedClosed   = "PT409 conversation_closed"
	refusedNoAgent  = "PT409 not_with_an_agent"
)

// modelTeam and modelVisitors name the people of a walk.
var (
	modelTeam     = []string{"sarah", "mike", modelAdmin}
	modelVisitors = []string{"ann", "bob", "cid", "dan"}
)

func newModelState() modelState {
	return modelState{Agents: map[string]modelAgent{}, Chats: map[string]modelChat{}}
}

func (s modelState) with(name string, chat modelChat) modelState {
	s.Chats = maps.Clone(s.Chats)
	s.Chats[name] = chat
	return s
}

func (s modelState) withAgent(name string, agent modelAgent) modelState {
	s.Agents = maps.Clone(s.Agents)
	s.Agents[name] = agent
	return s
}

// count is the number of chats that the agent has now.
func (s modelState) count(agent string) int {
	chats := 0
	for _, chat := range s.Chats {
		if chat.Status == "agent_active" && chat.Owner == agent {
			chats++
		}
	}
	return chats
}

// free is how many more chats the agent may be given or offered: none unless online (F001 5.3.4). An open offer keeps a slot.
func (s modelState) free(agent string) int {
	row, there := s.Agents[agent]
	if !there || row.Status != "online" {
		return 0
	}
	return row.Limit - s.count(agent) - s.offered(agent)
}

// obstacle says why the agent cannot be given the chat, in words of the caller's choice; empty when nothing stands against
// it. The slot that is kept for this very chat does not.
func (s modelState) obstacle(agent, name, notOnline, noCapacity string) string {
	slots := s.free(agent)
	if s.Chats[name].isOfferedTo(agent) {
		slots++
	}
	switch row, there := s.Agents[agent]; {
	case !there || row.Status != "online":
		return notOnline
	case slots < 1:
		return noCapacity
	default:
		return ""
	}
}

// unavailable is the reason of F001 5.10 why nobody could take over, empty when somebody could.
func (s modelState) unavailable() string {
	switch {
	case !s.Settings.Enabled:
		return "disabled"
	case !s.Settings.Open:
		return "outside_hours"
	}
	for _, agent := range s.Agents {
		if agent.Status == "online" {
			return ""
		}
	}
	return "all_offline"
}

func (s modelState) automatic() bool { return s.Settings.Mode == "auto" || s.Settings.Mode == "both" }

func isModelMember(actor string) bool { return slices.Contains(modelTeam, actor) }

// sees says whether the actor may know of the conversation.
func (s modelState) sees(actor, name string) bool {
	chat, there := s.Chats[name]
	if !there || isModelMember(actor) {
		return there
	}
	return chat.Visitor == actor && (chat.Cleared == 0 || s.lookedBefore)
}

// open is the name of the visitor's open conversation, if there is one.
func (s modelState) open(visitor string) (string, bool) {
	for name, chat := range s.Chats {
		if chat.Visitor == visitor && chat.Status != "closed" {
			return name, true
		}
	}
	return "", false
}

// ordinal is the number of conversations that the visitor has had.
func (s modelState) ordinal(visitor string) int {
	chats := 0
	for _, chat := range s.Chats {
		if chat.Visitor == visitor {
			chats++
		}
	}
	return chats
}

func chatName(visitor string, ordinal int) string { return fmt.Sprintf("%s#%d", visitor, ordinal) }

// told adds events that go to the topic of the conversation and carry its next number.
func (c modelChat) told(events ...string) modelChat {
	c.Events = append(slices.Clip(c.Events), events...)
	c.Seq += len(events)
	return c
}

// toldTeam adds events without a number.
func (c modelChat) toldTeam(events ...string) modelChat {
	c.Events = append(slices.Clip(c.Events), events...)
	return c
}

// moved is a legal transition with the timestamps, references and events that belong to it (F001 5.2.5).
func (c modelChat) moved(step int, to, owner string) modelChat {
	from, holder := c.Status, c.Owner
	c.Status = to
	if from != to {
		c = c.told("status_changed "+from+" to "+to).leftQueue(to, owner)
	}
	switch to {
	case "waiting":
		return c.queued(step, from, holder)
	case "agent_active":
		c.Owner, c.Claimed, c.Preferred = owner, step, noAgent
		return c.told("agent_assigned " + owner)
	case "resolved":
		c.Resolved, c.Preferred = step, c.Owner
		return c.told("resolved by " + c.ResolvedBy)
	default:
		c.Closed = step
		return c
	}
}

// queued is a conversation that goes into the queue: for the first time at its end, afterwards in its old place.
func (c modelChat) queued(step int, from, holder string) modelChat {
	c.Owner = noAgent
	c = c.waitsAnew()
	if c.Entered == 0 {
		c.Entered = step
	}
	if c.Triggered == 0 {
		c.Triggered = step
	}
	if from == "agent_active" {
		c.ReleasedBy, c.Released = holder, step
	}
	return c.toldTeam("new_conversation")
}

// move makes the transition if F001 5.2.4 has it.
func (s modelState) move(name, to, owner string) (modelState, string) {
	chat := s.Chats[name]
	if chat.Status == to && chat.Owner == owner {
		return s, modelOK
	}
	if chat.Status != to && !contains(legalMoves[chat.Status], to) {
		return s, refusedIllegal
	}
	return s.with(name, chat.moved(s.Step, to, owner)), modelOK
}
