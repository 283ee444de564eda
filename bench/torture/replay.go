package main

import (
	"fmt"
	"slices"
	"time"
)

// chatState is a conversation at a moment of the replay.
type chatState struct {
	last  move
	known bool
	// open is since when somebody free could take it; the zero time while nobody can, or it does not wait. It may be in the
	// future: a preference or an exclusion ends then.
	open time.Time
}

// agentState is an agent at a moment of the replay.
type agentState struct {
	last  shift
	owned int // counted from the moves
	given int // of these, gained in the transaction that is being replayed
}

func (a *agentState) free() bool { return a.last.There && a.last.Online && a.owned < a.last.Most }

// replay plays a record from its beginning, one transaction after the other, and judges each.
type replay struct {
	record  *record
	chats   map[string]*chatState
	agents  map[string]*agentState
	waiting map[string]*chatState
	verdict verdict
	// gifts are who was given each conversation, in order.
	gifts map[string][]string
	// answers are those of each transaction.
	answers map[uint64][]answer
}

// judge finds every violation in the record. answered are the calls after which an agent was told "it is yours".
func judge(r *record, answered []answer) verdict {
	p := &replay{
		record: r, chats: map[string]*chatState{}, agents: map[string]*agentState{}, waiting: map[string]*chatState{},
		gifts: map[string][]string{}, answers: map[uint64][]answer{},
	}
	later := p.sortAnswers(answered)
	moves, shifts := r.moves, r.shifts
	for len(moves) > 0 || len(shifts) > 0 {
		at, xid := first(moves, shifts)
		p.hearUntil(later, at)
		var ofMoves []move
		var ofShifts []shift
		ofMoves, moves = cut(moves, func(one move) bool { return one.XID == xid })
		ofShifts, shifts = cut(shifts, func(one shift) bool { return one.XID == xid })
		p.apply(at, ofMoves, ofShifts)
		p.check(xid, ofMoves, ofShifts)
		p.reopen(at, ofMoves, len(ofShifts) > 0)
	}
	p.hearUntil(later, r.until)
	p.finish()
	return p.verdict
}

// queue is what is left of a list.
type queue struct{ answers []answer }

// sortAnswers keeps those whose transaction moved something for check, and returns the others in order: for these the owner
// at the time of the commit counts.
func (p *replay) sortAnswers(answered []answer) *queue {
	moved := map[uint64]bool{}
	for _, one := range p.record.moves {
		moved[one.XID] = true
	}
	later := &queue{}
	for _, one := range answered {
		if moved[one.xid] {
			p.answers[one.xid] = append(p.answers[one.xid], one)
			continue
		}
		later.answers = append(later.answers, one)
	}
	slices.SortFunc(later.answers, func(a, b answer) int { return p.record.commits[a.xid].Compare(p.record.commits[b.xid]) })
	return later
}

// hearUntil checks the answers that came before the moment against what was true then.
func (p *replay) hearUntil(later *queue, at time.Time) {
	for len(later.answers) > 0 && p.record.commits[later.answers[0].xid].Before(at) {
		p.hear(later.answers[0])
		later.answers = later.answers[1:]
	}
}

func (p *replay) hear(one answer) {
	chat := p.chats[one.conversationID]
	if chat == nil || chat.last.NewOwner != one.agentID {
		p.verdict.find(doubleAssigned, "conversation %s: agent %s was told that it is theirs, and it was not", one.conversationID, one.agentID)
	}
}

// first is the transaction that comes next.
func first(moves []move, shifts []shift) (time.Time, uint64) {
	switch {
	case len(shifts) == 0:
		return moves[0].At, moves[0].XID
	case len(moves) == 0:
		return shifts[0].At, shifts[0].XID
	}
	order := moves[0].At.Compare(shifts[0].At)
	if order < 0 || order == 0 && moves[0].XID <= shifts[0].XID {
		return moves[0].At, moves[0].XID
	}
	return shifts[0].At, shifts[0].XID
}

func cut[T any](all []T, belongs func(T) bool) (mine, rest []T) {
	n := 0
	for n < len(all) && belongs(all[n]) {
		n++
	}
	return all[:n], all[n:]
}

func (p *replay) chat(id string) *chatState {
	if p.chats[id] == nil {
		p.chats[id] = &chatState{}
	}
	return p.chats[id]
}

func (p *replay) agent(id string) *agentState {
	if p.agents[id] == nil {
		p.agents[id] = &agentState{}
	}
	return p.agents[id]
}

// apply moves the state on by one transaction and closes the waits that it ends.
func (p *replay) apply(at time.Time, moves []move, shifts []shift) {
	for _, one := range moves {
		chat := p.chat(one.ConversationID)
		if chat.known && (chat.last.NewStatus != one.OldStatus || chat.last.NewOwner != one.OldOwner) {
			p.verdict.find(doubleAssigned, "conversation %s: %s of %q became %s of %q by a change that saw %s of %q", one.ConversationID,
				chat.last.NewStatus, chat.last.NewOwner, one.NewStatus, one.NewOwner, one.OldStatus, one.OldOwner)
		}
		if chat.last.NewStatus == waitingStatus && one.NewStatus != waitingStatus {
			p.endWait(chat, at)
			delete(p.waiting, one.ConversationID)
		}
		// By the state, not by what the change says it saw: an owner that was overwritten is no owner any more.
		p.own(chat.last.NewOwner, one.NewOwner, one.ConversationID)
		chat.last, chat.known = one, true
		if one.NewStatus == waitingStatus {
			p.waiting[one.ConversationID] = chat
		}
	}
	for _, one := range shifts {
		p.agent(one.AgentID).last = one
	}
}

const waitingStatus = "waiting"

func (p *replay) own(before, after, conversationID string) {
	if before == after {
		return
	}
	if before != "" {
		agent := p.agent(before)
		agent.owned--
		agent.given--
	}
	if after != "" {
		agent := p.agent(after)
		agent.owned++
		agent.given++
		p.gifts[conversationID] = append(p.gifts[conversationID], after)
	}
}

// check judges the state after a transaction, as much of it as the transaction touched.
func (p *replay) check(xid uint64, moves []move, shifts []shift) {
	touched := map[string]bool{}
	for _, one := range moves {
		touched[one.OldOwner], touched[one.NewOwner] = true, true
		p.checkOwner(p.chat(one.ConversationID))
	}
	for _, one := range shifts {
		touched[one.AgentID] = true
	}
	delete(touched, "")
	for id := range touched {
		p.checkAgent(id, p.agent(id), xid)
	}
	for _, one := range p.answers[xid] {
		p.hear(one)
	}
}

func (p *replay) checkOwner(chat *chatState) {
	last := chat.last
	switch {
	case last.NewStatus == "agent_active" && last.NewOwner == "":
		p.verdict.find(orphaned, "conversation %s is with an agent, but with nobody", last.ConversationID)
	case last.NewOwner != "" && !p.agent(last.NewOwner).last.There:
		p.verdict.find(orphaned, "conversation %s belongs to %s, who is not in the team", last.ConversationID, last.NewOwner)
	}
}

func (p *replay) checkAgent(id string, agent *agentState, xid uint64) {
	given := agent.given
	agent.given = 0
	if given > 0 && (agent.owned > agent.last.Most || !agent.last.There || !agent.last.Online) {
		p.verdict.find(overCapacity, "transaction %d gave agent %s a conversation: has %d of %d, online %t", xid, id, agent.owned, agent.last.Most, agent.last.Online)
	}
	if !agent.last.There && agent.owned > 0 {
		p.verdict.find(orphaned, "agent %s left the team with %d conversations", id, agent.owned)
	}
	if agent.last.There && agent.last.Counter != agent.owned {
		p.verdict.find(drift, "transaction %d left agent %s with a count of %d and %d conversations", xid, id, agent.last.Counter, agent.owned)
	}
}

// finish closes what is still open when the record ends and compares the lists.
func (p *replay) finish() {
	for id, chat := range p.waiting {
		if !chat.open.IsZero() && chat.open.Before(p.record.until) {
			p.endWait(chat, p.record.until)
			p.verdict.find(orphaned, "conversation %s still waits although somebody could take it", id)
		}
	}
	p.verdict.moves = len(p.record.moves)
	p.compare(unexplained, "decision log", p.record.decided)
	p.compare(untold, "events", p.record.told)
}

func (p *replay) compare(kind violation, name string, listed []gift) {
	found := map[string][]string{}
	for _, one := range listed {
		found[one.ConversationID] = append(found[one.ConversationID], one.AgentID)
	}
	for id, want := range p.gifts {
		if !slices.Equal(found[id], want) {
			p.verdict.find(kind, "conversation %s was given to %v; the %s: %v", id, want, name, found[id])
		}
	}
	for id := range found {
		if p.gifts[id] == nil {
			p.verdict.find(kind, "conversation %s was never given to anybody; the %s: %v", id, name, found[id])
		}
	}
}

// String shows a state in a test's message.
func (c *chatState) String() string { return fmt.Sprintf("%s since %s", c.last.NewStatus, c.open) }
