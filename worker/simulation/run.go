package simulation

import (
	"cmp"
	"container/heap"
	"slices"
	"strconv"
	"time"

	"github.com/supportbase/handoff/worker/assignment"
)

// opening is when a play begins, for the planner, which knows instants only. Any day does.
var opening = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// Run plays the scenario to its end. Chats that nobody in the team has the skills for leave with their patience, or never
// get an agent; the latter count as left when everything else is over.
func Run(scenario Scenario) Result {
	p := newPlay(scenario)
	for next := 0; next < len(scenario.Arrivals) || len(p.events) > 0; {
		if next < len(scenario.Arrivals) && (len(p.events) == 0 || scenario.Arrivals[next].At <= p.events[0].at) {
			p.arrive(next)
			next++
			continue
		}
		p.happen(heap.Pop(&p.events).(event)) // the heap holds nothing else
	}
	for len(p.queue) > 0 {
		p.leave(p.queue[0].chat)
	}
	return p.result
}

// play is one run under way.
type play struct {
	scenario Scenario
	now      time.Duration
	result   Result
	agents   []assignment.Agent
	byID     map[string]int
	// queue is who waits, in the order of serving.
	queue  []waiter
	free   int
	events events
	// picky says that somebody who waits asks for skills: then the whole queue is planned, not its beginning alone.
	picky int
	// running is since when each chat that has an agent has it.
	running map[int]time.Duration
}

type waiter struct {
	chat int
	assignment.Chat
}

// event is the end of a chat, or of a customer's patience.
type event struct {
	at    time.Duration
	chat  int
	leave bool
}

func newPlay(scenario Scenario) *play {
	p := &play{
		scenario: scenario, byID: make(map[string]int, len(scenario.Team)), running: make(map[int]time.Duration),
		result: Result{Chats: make([]Chat, len(scenario.Arrivals)), Busy: make([]time.Duration, len(scenario.Team))},
	}
	for i, member := range scenario.Team {
		p.agents = append(p.agents, assignment.Agent{
			ID: member.ID, FreeSlots: member.Slots, Skills: member.Skills, IdleSince: opening,
		})
		p.byID[member.ID] = i
		p.free += member.Slots
	}
	for i, arrival := range scenario.Arrivals {
		p.result.Chats[i] = Chat{Arrival: arrival, Member: -1}
	}
	return p
}

func (p *play) arrive(chat int) {
	arrival := p.scenario.Arrivals[chat]
	p.now = arrival.At
	newcomer := waiter{chat: chat, Chat: assignment.Chat{ID: strconv.Itoa(chat), RequiredSkills: arrival.Skills}}
	place, _ := slices.BinarySearchFunc(p.queue, newcomer, p.servedBefore)
	p.queue = slices.Insert(p.queue, place, newcomer)
	p.picky += asksForSkills(newcomer)
	if p.assign(); !p.waits(chat) {
		return
	}
	p.result.LongestQueue = max(p.result.LongestQueue, len(p.queue))
	if arrival.Patience > 0 {
		heap.Push(&p.events, event{at: p.now + arrival.Patience, chat: chat, leave: true})
	}
	if p.scenario.Observe != nil {
		p.scenario.Observe(Moment{play: p, Chat: chat})
	}
}

// servedBefore is the order of the queue: priority, then age.
func (p *play) servedBefore(a, b waiter) int {
	return cmp.Or(cmp.Compare(p.scenario.Arrivals[b.chat].Priority, p.scenario.Arrivals[a.chat].Priority), cmp.Compare(a.chat, b.chat))
}

func asksForSkills(one waiter) int { return min(len(one.RequiredSkills), 1) }

func (p *play) waits(chat int) bool {
	_, found := slices.BinarySearchFunc(p.queue, waiter{chat: chat}, p.servedBefore)
	return found
}

func (p *play) happen(due event) {
	if due.leave {
		if p.waits(due.chat) {
			p.now = due.at
			p.leave(due.chat)
		}
		return
	}
	p.now = due.at
	p.end(due.chat)
	p.assign()
}

// leave takes the chat out of the queue without an agent.
func (p *play) leave(chat int) {
	place, _ := slices.BinarySearchFunc(p.queue, waiter{chat: chat}, p.servedBefore)
	p.picky -= asksForSkills(p.queue[place])
	p.queue = slices.Delete(p.queue, place, place+1)
	p.result.Chats[chat].Left = true
	p.result.Chats[chat].Wait = p.now - p.result.Chats[chat].At
	p.result.Ended = max(p.result.Ended, p.now)
}

// end frees the slot of a chat that is over.
func (p *play) end(chat int) {
	member := p.result.Chats[chat].Member
	p.result.Busy[member] += p.result.Chats[chat].Handling
	p.result.Ended = max(p.result.Ended, p.now)
	delete(p.running, chat)
	agent := &p.agents[member]
	agent.FreeSlots++
	p.free++
	if agent.FreeSlots == p.scenario.Team[member].Slots {
		agent.Busy, agent.IdleSince = false, opening.Add(p.now)
	}
}

// assign gives out what can be given out, as the worker does: the planner decides.
func (p *play) assign() {
	for p.free > 0 && len(p.queue) > 0 {
		batch := p.queue
		if p.picky == 0 {
			batch = p.queue[:min(len(p.queue), p.free)]
		}
		chats := make([]assignment.Chat, len(batch))
		for i, one := range batch {
			chats[i] = one.Chat
		}
		plan := assignment.Plan(p.scenario.Strategy, chats, p.agents)
		if len(plan) == 0 {
			return
		}
		for i, one := range plan {
			p.give(one, time.Duration(i))
		}
	}
}

// give starts a chat. The order within a batch stays visible in LastAssignedAt, as in the database.
func (p *play) give(one assignment.Assignment, order time.Duration) {
	place := slices.IndexFunc(p.queue, func(waiting waiter) bool { return waiting.ID == one.ChatID })
	chat := p.queue[place].chat
	p.picky -= asksForSkills(p.queue[place])
	p.queue = slices.Delete(p.queue, place, place+1)
	member := p.byID[one.AgentID]
	p.agents[member].FreeSlots--
	p.agents[member].Busy = true
	p.agents[member].LastAssignedAt = opening.Add(p.now + order)
	p.free--
	p.result.Chats[chat].Member = member
	p.result.Chats[chat].Wait = p.now - p.result.Chats[chat].At
	p.running[chat] = p.now
	heap.Push(&p.events, event{at: p.now + p.result.Chats[chat].Handling, chat: chat})
}

// events is a heap, the soonest on top; of one moment what ends comes before who leaves.
type events []event

func (e events) Len() int { return len(e) }

func (e events) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	if e[i].leave != e[j].leave {
		return e[j].leave
	}
	return e[i].chat < e[j].chat
}

func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push is heap.Interface.
func (e *events) Push(one any) {
	*e = append(*e, one.(event)) // the heap holds nothing else
}

// Pop is heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
