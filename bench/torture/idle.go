package main

import (
	"slices"
	"time"
)

// reopen finds out since when each waiting conversation could be taken, after a transaction. Only the conversations of the
// transaction can have changed, unless an agent did: who is free changes with every gift as well.
func (p *replay) reopen(at time.Time, moves []move, agentsChanged bool) {
	agentsChanged = agentsChanged || slices.ContainsFunc(moves, func(one move) bool { return one.OldOwner != one.NewOwner })
	if !agentsChanged {
		for _, one := range moves {
			if chat, waits := p.waiting[one.ConversationID]; waits {
				p.reopenChat(chat, at, p.freeAgents())
			}
		}
		return
	}
	free := p.freeAgents()
	for _, chat := range p.waiting {
		p.reopenChat(chat, at, free)
	}
}

func (p *replay) freeAgents() []*agentState {
	var free []*agentState
	for _, agent := range p.agents {
		if agent.free() {
			free = append(free, agent)
		}
	}
	return free
}

func (p *replay) reopenChat(chat *chatState, at time.Time, free []*agentState) {
	from := p.takeableFrom(chat.last, at, free)
	switch {
	case from.IsZero():
		p.endWait(chat, at)
	case !chat.open.IsZero() && !chat.open.After(at) && !from.After(at):
		// It could be taken before, and still can: the wait goes on.
	default:
		p.endWait(chat, at)
		chat.open = from
	}
}

// endWait counts how long the conversation waited although somebody could have taken it.
func (p *replay) endWait(chat *chatState, at time.Time) {
	if !chat.open.IsZero() && at.After(chat.open) {
		p.verdict.idle = append(p.verdict.idle, at.Sub(chat.open))
	}
	chat.open = time.Time{}
}

// takeableFrom is when one of the free agents may first take the conversation; the zero time for never, as things stand. The
// rules are those of docs/api.md, told once more and not called: skills, the preferred agent who is online, and nobody gets
// back within two minutes what they have just given away.
func (p *replay) takeableFrom(one move, at time.Time, free []*agentState) time.Time {
	avoids := one.Avoided != "" && one.AvoidedUntil.After(at)
	hold := at
	if one.Preferred != "" && (!avoids || one.Preferred != one.Avoided) {
		preferred := p.agent(one.Preferred)
		until := one.WaitingSince.Add(p.record.hold)
		if preferred.last.There && preferred.last.Online && covers(preferred.last.Skills, one.Skills) && until.After(at) {
			hold = until
		}
	}
	var earliest time.Time
	for _, agent := range free {
		if !covers(agent.last.Skills, one.Skills) {
			continue
		}
		from := at
		if agent.last.AgentID != one.Preferred {
			from = hold
		}
		if avoids && agent.last.AgentID == one.Avoided && one.AvoidedUntil.After(from) {
			from = one.AvoidedUntil
		}
		if earliest.IsZero() || from.Before(earliest) {
			earliest = from
		}
	}
	return earliest
}

func covers(has, required []string) bool {
	for _, skill := range required {
		if !slices.Contains(has, skill) {
			return false
		}
	}
	return true
}
