package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(milliseconds int) time.Time { return epoch.Add(time.Duration(milliseconds) * time.Millisecond) }

// story writes a record as the triggers would: one change after the other, each in a transaction of its own unless the
// number is given again.
type story struct {
	record  record
	answers []answer
	status  map[string]string
	owner   map[string]string
	most    map[string]int
	owned   map[string]int
}

func newStory() *story {
	s := &story{status: map[string]string{}, owner: map[string]string{}, most: map[string]int{}, owned: map[string]int{}}
	s.record.commits = map[uint64]time.Time{}
	s.record.hold = time.Minute
	s.record.until = at(1_000_000)
	return s
}

func (s *story) hire(ms int, agent string, most int, skills ...string) {
	s.most[agent] = most
	s.record.shifts = append(s.record.shifts, shift{XID: uint64(ms), At: at(ms), AgentID: agent, There: true, Online: true, Most: most, Counter: s.owned[agent], Skills: skills})
}

func (s *story) move(ms int, chat, status, owner string, adjust ...func(*move)) {
	one := move{
		XID: uint64(ms), At: at(ms), ConversationID: chat, OldStatus: s.status[chat], OldOwner: s.owner[chat],
		NewStatus: status, NewOwner: owner, WaitingSince: at(ms),
	}
	for _, change := range adjust {
		change(&one)
	}
	s.record.moves = append(s.record.moves, one)
	s.count(ms, s.owner[chat], -1)
	s.count(ms, owner, 1)
	s.status[chat], s.owner[chat] = status, owner
	if owner != "" {
		s.record.decided = append(s.record.decided, gift{chat, owner})
		s.record.told = append(s.record.told, gift{chat, owner})
	}
}

func (s *story) count(ms int, agent string, change int) {
	if agent == "" {
		return
	}
	s.owned[agent] += change
	s.record.shifts = append(s.record.shifts, shift{
		XID: uint64(ms), At: at(ms), AgentID: agent, There: true, Online: true, Most: s.most[agent], Counter: s.owned[agent],
	})
}

// tell is an answer "it is yours" in the transaction of that moment.
func (s *story) tell(ms int, chat, agent string) {
	s.record.commits[uint64(ms)] = at(ms)
	s.answers = append(s.answers, answer{xid: uint64(ms), conversationID: chat, agentID: agent})
}

// ordinary is a day on which nothing is wrong: ann takes a chat and is told so, transfers it to bob, who resolves it.
func ordinary() *story {
	s := newStory()
	s.hire(1, "ann", 1)
	s.hire(2, "bob", 1)
	s.move(10, "chat", "ai_active", "")
	s.move(20, "chat", "waiting", "")
	s.move(50, "chat", "agent_active", "ann")
	s.tell(50, "chat", "ann")
	s.tell(60, "chat", "ann") // asked twice
	s.move(70, "chat", "agent_active", "bob")
	s.move(90, "chat", "resolved", "")
	return s
}

func TestVerdict(t *testing.T) {
	t.Parallel()

	t.Run("an ordinary day has no violation, and its wait is measured", func(t *testing.T) {
		t.Parallel()
		s := ordinary()
		v := judge(&s.record, s.answers)
		assert.True(t, v.ok(), v.examples)
		assert.Equal(t, []time.Duration{30 * time.Millisecond}, v.idle)
		assert.Equal(t, 30*time.Millisecond, v.idleAt(1))
	})

	for name, violated := range map[string]struct {
		kind violation
		do   func(s *story)
	}{
		"a claim that did not see the claim before it": {doubleAssigned, func(s *story) {
			s.move(100, "other", "agent_active", "ann")
			s.status["other"], s.owner["other"] = "waiting", ""
			s.move(110, "other", "agent_active", "bob")
		}},
		"an agent who was told that another's chat is theirs": {doubleAssigned, func(s *story) { s.tell(75, "chat", "ann") }},
		"an agent who was told so in the transaction that gave it to another": {doubleAssigned, func(s *story) {
			s.move(100, "other", "agent_active", "bob")
			s.tell(100, "other", "ann")
		}},
		"a second chat of an agent with one slot": {overCapacity, func(s *story) {
			s.move(100, "one", "agent_active", "ann")
			s.move(110, "two", "agent_active", "ann")
		}},
		"two chats at once for an agent with one slot": {overCapacity, func(s *story) {
			s.move(100, "one", "agent_active", "ann")
			s.move(100, "two", "agent_active", "ann")
		}},
		"a chat for an agent who is away": {overCapacity, func(s *story) {
			s.hire(95, "ann", 1)
			s.record.shifts[len(s.record.shifts)-1].Online = false
			s.move(100, "one", "agent_active", "ann")
			s.record.shifts[len(s.record.shifts)-1].Online = false
		}},
		"a chat of an agent who left the team": {orphaned, func(s *story) {
			s.move(100, "one", "agent_active", "ann")
			s.record.shifts = append(s.record.shifts, shift{XID: 110, At: at(110), AgentID: "ann"})
		}},
		"a chat with an agent that nobody is":                    {orphaned, func(s *story) { s.move(100, "one", "agent_active", "") }},
		"a chat that waits to the end although somebody is free": {orphaned, func(s *story) { s.move(100, "one", "waiting", "") }},
		"a counter that was not written": {drift, func(s *story) {
			s.move(100, "one", "agent_active", "ann")
			s.record.shifts = s.record.shifts[:len(s.record.shifts)-1]
		}},
		"a counter that is wrong for a moment": {drift, func(s *story) {
			s.hire(100, "ann", 1)
			s.record.shifts[len(s.record.shifts)-1].Counter = 1
			s.hire(110, "ann", 1)
		}},
		"a gift without a decision":        {unexplained, func(s *story) { s.record.decided = s.record.decided[:1] }},
		"a decision that nothing followed": {unexplained, func(s *story) { s.record.decided = append(s.record.decided, gift{"ghost", "ann"}) }},
		"a decision for somebody else":     {unexplained, func(s *story) { s.record.decided[1].AgentID = "ann" }},
		"a gift that nobody was told of":   {untold, func(s *story) { s.record.told = s.record.told[1:] }},
	} {
		t.Run(name+" is found", func(t *testing.T) {
			t.Parallel()
			s := ordinary()
			violated.do(s)
			v := judge(&s.record, s.answers)
			assert.Positive(t, v.counts[violated.kind], "%s: %v", violated.kind, v.examples)
			assert.False(t, v.ok())
		})
	}
}

func TestIdleWaits(t *testing.T) {
	t.Parallel()
	const end = 200_000
	for name, wait := range map[string]struct {
		adjust func(*move)
		busy   bool // ann has a chat until 500
		want   []time.Duration
	}{
		"counts while somebody is free":          {want: []time.Duration{(end - 100) * time.Millisecond}},
		"counts from when somebody becomes free": {busy: true, want: []time.Duration{(end - 500) * time.Millisecond}},
		"does not count without the skills":      {adjust: func(m *move) { m.Skills = []string{"law"} }},
		"counts after the time for a preferred agent": {
			adjust: func(m *move) { m.Preferred = "bob" }, want: []time.Duration{(end - 100 - 60_000) * time.Millisecond},
		},
		"counts after the time in which nobody gets it back": {
			adjust: func(m *move) { m.Avoided, m.AvoidedUntil = "ann", at(120_000) },
			want:   []time.Duration{(end - 120_000) * time.Millisecond},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory()
			s.hire(1, "ann", 1)
			s.hire(2, "bob", 1)
			s.move(5, "bobs", "agent_active", "bob") // online, and full
			if wait.busy {
				s.move(10, "anns", "agent_active", "ann")
			}
			adjust := wait.adjust
			if adjust == nil {
				adjust = func(*move) {}
			}
			s.move(100, "chat", "waiting", "", adjust)
			if wait.busy {
				s.move(500, "anns", "closed", "")
			}
			s.move(end, "chat", "closed", "")
			v := judge(&s.record, nil)
			assert.True(t, v.ok(), v.examples)
			assert.Equal(t, wait.want, v.idle)
		})
	}
}
