package rules_test

import (
	"fmt"
	"slices"
)

// Each rule is one operation as a pure function: the state before it in, the state after it and the answer out. A refusal
// leaves the state as it was.

// start is the visitor's open conversation, or a new one with the AI (ARCHITECTURE decision 6).
func (s modelState) start(visitor string) (modelState, string) {
	if name, there := s.open(visitor); there {
		return s, s.Chats[name].Status
	}
	name := chatName(visitor, s.ordinal(visitor)+1)
	return s.with(name, modelChat{Visitor: visitor, Status: "ai_active", LastMessage: s.Step}), "ai_active"
}

// write is a message of whoever calls: the visitor's own, or an agent's.
func (s modelState) write(actor, name string, keyword bool) (modelState, string) {
	if !s.sees(actor, name) {
		return s, refusedNotFound
	}
	chat := s.Chats[name]
	switch {
	case chat.Status == "closed":
		return s, refusedClosed
	case chat.Visitor == actor:
		return s.customerWrites(name, keyword), modelOK
	case chat.Status != "agent_active":
		return s, refusedNoAgent
	case chat.Owner != actor && actor != modelAdmin:
		return s, refusedNotYours
	}
	if chat.FirstResponse == 0 {
		chat.FirstResponse = s.Step
	}
	return s.said(name, chat, "agent"), modelOK
}

// said is the message itself.
func (s modelState) said(name string, chat modelChat, sender string) modelState {
	chat.LastMessage = s.Step
	return s.with(name, chat.told("message "+sender))
}

// customerWrites reopens what was resolved, and leaves the AI when a keyword asks for it.
func (s modelState) customerWrites(name string, keyword bool) modelState {
	s = s.said(name, s.Chats[name], "customer")
	switch chat := s.Chats[name]; {
	case chat.Status == "resolved":
		return s.reopen(name)
	case chat.Status == "ai_active" && keyword && s.Settings.Keywords && s.automatic() && s.unavailable() == "":
		return s.enqueue(name, "keyword", keywordOfModel, chat.LastConfidence)
	default:
		return s
	}
}

// reopen gives it to the agent that had it, or, when that agent cannot take it, to the queue (decision 3).
func (s modelState) reopen(name string) modelState {
	agent := s.Chats[name].Owner
	if s.free(agent) > 0 {
		s, _ = s.move(name, "agent_active", agent)
		return s
	}
	s, _ = s.move(name, "waiting", noAgent)
	chat := s.Chats[name]
	chat.Preferred = agent
	return s.with(name, chat)
}

// enqueue is the way from the AI into the queue.
func (s modelState) enqueue(name, reason, keyword, confidence string) modelState {
	chat := s.Chats[name]
	chat.Reason, chat.Keyword, chat.Confidence = reason, keyword, confidence
	s, _ = s.with(name, chat).move(name, "waiting", noAgent)
	return s
}

// aiWrites hands off when the AI was not sure enough.
func (s modelState) aiWrites(name, confidence string) (modelState, string) {
	chat, there := s.Chats[name]
	switch {
	case !there:
		return s, refusedNotFound
	case chat.Status == "closed":
		return s, refusedClosed
	case chat.Status != "ai_active" && chat.Status != "waiting":
		return s, "PT409 with_an_agent"
	}
	chat.LastConfidence = confidence
	s = s.said(name, chat, "ai")
	if chat.Status == "ai_active" && confidence == lowConfidence && s.Settings.Confidence && s.automatic() && s.unavailable() == "" {
		s = s.enqueue(name, "low_confidence", "", confidence)
	}
	return s, modelOK
}

// visitorOnly refuses everybody but the visitor of the conversation.
func (s modelState) visitorOnly(actor, name string) string {
	switch {
	case !s.sees(actor, name):
		return refusedNotFound
	case s.Chats[name].Visitor != actor:
		return "PT403 not_the_visitor"
	default:
		return ""
	}
}

// requestHandoff answers where the conversation stands, after putting it into the queue if that is possible (F001 7.5).
func (s modelState) requestHandoff(actor, name string) (modelState, string) {
	if refusal := s.visitorOnly(actor, name); refusal != "" {
		return s, refusal
	}
	switch chat := s.Chats[name]; chat.Status {
	case "closed":
		return s, refusedClosed
	case "ai_active":
		if reason := s.unavailable(); reason != "" {
			return s, "offline " + reason
		}
		return s.enqueue(name, "button_click", "", chat.LastConfidence), "waiting"
	case "agent_active":
		return s, "agent_active " + chat.Owner
	default:
		return s, chat.Status
	}
}

// take is a claim, or a take-over when the AI may be interrupted (F001 5.5.4).
func (s modelState) take(agent, name string, fromAI bool) (modelState, string) {
	if !isModelMember(agent) || !s.sees(agent, name) {
		return s, "ACCESS_DENIED"
	}
	switch chat := s.Chats[name]; {
	case chat.Status == "agent_active" && chat.Owner == agent:
		return s, "success"
	case chat.Status == "agent_active":
		return s, "ALREADY_CLAIMED"
	case chat.Status != "waiting" && (chat.Status != "ai_active" || !fromAI):
		return s, "NOT_WAITING"
	}
	if obstacle := s.obstacle(agent, name, "NOT_ONLINE", "NO_CAPACITY"); obstacle != "" {
		return s, obstacle
	}
	s, _ = s.move(name, "agent_active", agent)
	return s, "success"
}

// ownerOnly refuses everybody but the agent of the conversation and admins.
func (s modelState) ownerOnly(agent, name string) string {
	switch {
	case !isModelMember(agent) || !s.sees(agent, name):
		return refusedNotFound
	case s.Chats[name].Owner != agent && agent != modelAdmin:
		return refusedNotYours
	default:
		return ""
	}
}

// transfer gives it to another agent who can take it, or back to the queue.
func (s modelState) transfer(agent, name, to string) (modelState, string) {
	if refusal := s.ownerOnly(agent, name); refusal != "" {
		return s, refusal
	}
	chat := s.Chats[name]
	switch {
	case chat.Status != "agent_active":
		return s, refusedNoAgent
	case to == noAgent:
		return s.move(name, "waiting", noAgent)
	case to == chat.Owner:
		return s, modelOK
	}
	if obstacle := s.obstacle(to, name, "PT409 agent_not_online", "PT409 agent_has_no_capacity"); obstacle != "" {
		return s, obstacle
	}
	return s.move(name, "agent_active", to)
}

func (s modelState) resolve(agent, name string) (modelState, string) {
	if refusal := s.ownerOnly(agent, name); refusal != "" {
		return s, refusal
	}
	chat := s.Chats[name]
	if chat.Status == "resolved" {
		return s, modelOK
	}
	chat.ResolvedBy = agent
	after, answer := s.with(name, chat).move(name, "resolved", chat.Owner)
	if answer != modelOK {
		return s, answer
	}
	return after, modelOK
}

// closeAs ends a conversation; one that has ended stays as it is.
func (s modelState) closeAs(name, reason string) modelState {
	chat := s.Chats[name]
	if chat.Status == "closed" {
		return s
	}
	chat.CloseReason = reason
	s, _ = s.with(name, chat).move(name, "closed", chat.Owner)
	return s
}

// leave is the visitor or the team closing the conversation. What an agent has or had is for that agent and admins.
func (s modelState) leave(actor, name string) (modelState, string) {
	if !s.sees(actor, name) {
		return s, refusedNotFound
	}
	chat := s.Chats[name]
	if chat.Visitor == actor {
		return s.closeAs(name, "customer"), modelOK
	}
	if chat.Status == "agent_active" || chat.Status == "resolved" {
		if refusal := s.ownerOnly(actor, name); refusal != "" {
			return s, refusal
		}
	}
	return s.closeAs(name, "agent"), modelOK
}

func (s modelState) markSpam(agent, name string) (modelState, string) {
	if !isModelMember(agent) || !s.sees(agent, name) {
		return s, refusedNotFound
	}
	chat := s.Chats[name]
	if chat.Status == "agent_active" || chat.Status == "resolved" {
		if refusal := s.ownerOnly(agent, name); refusal != "" {
			return s, refusal
		}
	}
	if !chat.Spam {
		chat.Spam = true
		chat = chat.toldTeam("conversation_updated")
	}
	return s.with(name, chat).closeAs(name, "spam"), modelOK
}

func (s modelState) clear(actor, name string) (modelState, string) {
	if refusal := s.visitorOnly(actor, name); refusal != "" {
		return s, refusal
	}
	s = s.closeAs(name, "chat_cleared")
	chat := s.Chats[name]
	chat.Cleared = s.Step
	return s.with(name, chat), modelOK
}

func (s modelState) rate(actor, name string, rating int) (modelState, string) {
	if refusal := s.visitorOnly(actor, name); refusal != "" {
		return s, refusal
	}
	chat := s.Chats[name]
	switch {
	case rating < 1 || rating > 5:
		return s, "PT400 rating_out_of_range"
	case chat.Claimed == 0 || (chat.Status != "resolved" && chat.Status != "closed"):
		return s, "PT409 not_ratable"
	}
	if chat.Rating != rating {
		chat.Rating = rating
		chat = chat.toldTeam("conversation_updated")
	}
	return s.with(name, chat), modelOK
}

// returnToQueue is the visitor leaving an agent who has been gone for ten minutes (F001 9.1).
func (s modelState) returnToQueue(actor, name string, later bool) (modelState, string) {
	if refusal := s.visitorOnly(actor, name); refusal != "" {
		return s, refusal
	}
	chat := s.Chats[name]
	switch {
	case chat.Status == "waiting":
		return s, "waiting"
	case chat.Status != "agent_active":
		return s, refusedNoAgent
	case s.Agents[chat.Owner].Status != "offline" || !later:
		return s, "PT409 agent_is_here"
	}
	s, _ = s.move(name, "waiting", noAgent)
	return s, "waiting"
}

func (s modelState) note(agent, name string) (modelState, string) {
	if !isModelMember(agent) || !s.sees(agent, name) {
		return s, refusedNotFound
	}
	return s.with(name, s.Chats[name].toldTeam("note_added")), modelOK
}

// prioritize is a direct write of the table: what is not visible is not there, and no error.
func (s modelState) prioritize(agent, name string, priority int) (modelState, string) {
	chat, there := s.Chats[name]
	if !there || !isModelMember(agent) || chat.Priority == priority {
		return s, modelOK
	}
	chat.Priority = priority
	return s.with(name, chat.toldTeam("conversation_updated")), modelOK
}

// force is a direct write of the status by the service role, which only the state machine can refuse.
func (s modelState) force(name, to string) (modelState, string) {
	chat, there := s.Chats[name]
	if !there {
		return s, modelOK
	}
	owner := chat.Owner
	if to == "waiting" {
		owner = noAgent
	}
	return s.move(name, to, owner)
}

// setStatus is an agent saying how available they are, or an admin saying it for them (F001 5.3.2).
func (s modelState) setStatus(actor, agent, status string) (modelState, string) {
	switch {
	case !isModelMember(actor):
		return s, "PT403 not_a_member"
	case actor != agent && actor != modelAdmin:
		return s, "PT403 not_an_admin"
	case !isModelMember(agent):
		return s, "PT404 agent_not_found"
	}
	row, there := s.Agents[agent]
	if !there {
		row = modelAgent{Status: "offline", Limit: memberLimit(agent)}
		s = s.announced(agent, row, true)
		row = s.Agents[agent]
	}
	s = s.becomes(agent, status)
	return s, fmt.Sprintf("%s, %d of %d and %d offered", status, s.count(agent), row.Limit, s.offered(agent))
}

// becomes is an agent's new status: who is not online has no offers.
func (s modelState) becomes(agent, status string) modelState {
	row := s.Agents[agent]
	changed := row.Status != status
	row.Status = status
	if changed {
		s = s.withAgent(agent, row).countsAnew(agent)
	}
	if status != "online" {
		s = s.withdrawn(agent, 0, "agent_unavailable")
	}
	return s.announced(agent, row, changed)
}

// writeStatus is a direct write of the own row: what is not there is not written, and no error.
func (s modelState) writeStatus(agent, status string) (modelState, string) {
	if _, there := s.Agents[agent]; !there {
		return s, modelOK
	}
	s, _ = s.setStatus(agent, agent, status)
	return s, modelOK
}

// setLimit may go below what the agent carries: it limits what is given and takes nothing away (decision 2).
func (s modelState) setLimit(actor, agent string, limit int) (modelState, string) {
	switch {
	case !isModelMember(actor) || agent == modelAdmin: // the owner is no member
		return s, "PT404 member_not_found"
	case actor != modelAdmin:
		return s, "PT403 not_an_admin"
	}
	row := s.Agents[agent]
	changed := row.Limit != limit
	row.Limit = limit
	s = s.withAgent(agent, row).withdrawn(agent, max(limit-s.count(agent), 0), "limit_lowered")
	return s.announced(agent, row, changed), modelOK
}

// announced is the agent's new row, with the event when there is news in it.
func (s modelState) announced(agent string, row modelAgent, news bool) modelState {
	if news {
		free := max(row.Limit-s.count(agent)-s.offered(agent), 0)
		row.Announced = append(slices.Clip(row.Announced), fmt.Sprintf("%s, %d free", row.Status, free))
	}
	return s.withAgent(agent, row)
}

// change is an admin turning a switch of the settings.
func (s modelState) change(settings modelSettings) (modelState, string) {
	if !settings.Offers {
		for agent := range s.Agents {
			s = s.withdrawn(agent, 0, "mode_changed")
		}
	}
	s.Settings = settings
	return s, modelOK
}

// memberLimit is what each may carry to begin with. The owner has no member row: the project's default holds.
func memberLimit(agent string) int {
	if agent == "sarah" {
		return 2
	}
	return 1
}
