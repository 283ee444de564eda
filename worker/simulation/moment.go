package simulation

import (
	"slices"
	"time"
)

// Moment is a look into a play, valid until the observer returns.
type Moment struct {
	play *play
	// Chat is the index of the arrival that has just begun to wait.
	Chat int
}

// Now is when it is.
func (m Moment) Now() time.Duration { return m.play.now }

// Waiting are the indices of the arrivals that wait, in the order of serving.
func (m Moment) Waiting() []int {
	waiting := make([]int, len(m.play.queue))
	for i, one := range m.play.queue {
		waiting[i] = one.chat
	}
	return waiting
}

// Ages are for how long each member has had each running chat, by member, the oldest first.
func (m Moment) Ages() [][]time.Duration {
	ages := make([][]time.Duration, len(m.play.agents))
	for chat, since := range m.play.running {
		member := m.play.result.Chats[chat].Member
		ages[member] = append(ages[member], m.play.now-since)
	}
	for _, one := range ages {
		slices.Sort(one)
		slices.Reverse(one)
	}
	return ages
}
