package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	demoProject  = "00000000-0000-4000-8000-000000000001"
	agentCount   = 50
	visitorCount = 400
	visitorsOnce = 24 // visitors who act at the same time
	// callTimeout bounds one call.
	callTimeout = 30 * time.Second
	// lookEvery is how old the actors' view of the conversations may be.
	lookEvery = 50 * time.Millisecond
	// forgetEvery is how often rate limits are forgotten: people here are quicker than people.
	forgetEvery = 2 * time.Second
	// longQueue ends a rush of visitors. In the calm after it agents have the turn, until nobody waits.
	longQueue = 60
	// ownerEvery is the share of the team's acts: one in so many.
	ownerEvery = 20
)

// visitor is somebody with one conversation after the other.
type visitor struct {
	person rig.Person

	mu             sync.Mutex
	conversationID string
}

// answer is that an agent was told that a conversation is theirs.
type answer struct {
	xid            uint64
	conversationID string
	agentID        string
}

// view is what the actors know of the conversations.
type view struct {
	waiting, withAI []string
	of              map[string][]string // by agent
	open            map[string]bool
	offered         map[string][]string // conversations by agent
}

func (v *view) closed(conversationID string) bool { return !v.open[conversationID] }

// tally counts calls by what they did.
type tally struct {
	mu      sync.Mutex
	done    map[string]int
	refused map[string]int
	// broken are calls without an answer, by their reasons; a deadlock is one.
	broken    map[string]int
	deadlocks int
	total     atomic.Int64 // done and refused
}

func newTally() *tally {
	return &tally{done: map[string]int{}, refused: map[string]int{}, broken: map[string]int{}}
}

func (t *tally) count(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.done[name]++
	case errors.Is(err, errRefused):
		t.refused[name]++
	default:
		t.broken[name+": "+err.Error()]++
		if errors.Is(err, errDeadlock) {
			t.deadlocks++
		}
		return
	}
	t.total.Add(1)
}

// stage is the people of a run and what they know.
type stage struct {
	door      *door
	ownerPool *pgxpool.Pool // the tables' owner
	owner     rig.Person    // the project's
	agents    []rig.Person
	members   map[string]string // project_members.id by agent
	visitors  []*visitor
	seen      atomic.Pointer[view]
	calm      atomic.Bool
	tally     *tally

	mu      sync.Mutex
	answers []answer
}

func (s *stage) keep(one answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, one)
}

// gather brings the people.
func (s *stage) gather(ctx context.Context) error {
	var err error
	if s.agents, err = rig.Hire(ctx, s.ownerPool, demoProject, agentCount); err != nil {
		return err
	}
	people, err := rig.Visitors(ctx, s.ownerPool, visitorCount)
	if err != nil {
		return err
	}
	for _, one := range people {
		s.visitors = append(s.visitors, &visitor{person: one})
	}
	s.owner.Role = "authenticated"
	if err := s.ownerPool.QueryRow(ctx, `select user_id::text from public.projects where id = $1`, demoProject).Scan(&s.owner.ID); err != nil {
		return fmt.Errorf("find the owner: %w", err)
	}
	return s.readMembers(ctx)
}

func (s *stage) readMembers(ctx context.Context) error {
	type member struct{ ID, UserID string }
	members, err := list[member](ctx, s.ownerPool, `
		update public.project_members set max_concurrent_chats = 1 + abs(hashtext(id::text)) % 3
		 where project_id = $1 and status = 'active' returning id::text, user_id::text`, demoProject)
	s.members = map[string]string{}
	for _, one := range members {
		s.members[one.UserID] = one.ID
	}
	return err
}

// play lets everybody act until so many calls are answered, at most at the rate, and returns when the last call is over.
func (s *stage) play(ctx context.Context, operations, perSecond int) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	outer := ctx
	ctx, stop := context.WithCancel(outer)
	defer stop()
	due := make(chan struct{})
	var people sync.WaitGroup
	people.Go(func() { s.keepLooking(ctx) })
	for _, agent := range s.agents {
		people.Go(func() { s.loop(ctx, due, func(ctx context.Context) { s.agentOrOwner(ctx, agent) }) })
	}
	for range visitorsOnce {
		people.Go(func() { s.loop(ctx, due, s.visitorOrAgent) })
	}
	s.feed(ctx, due, operations, perSecond)
	stop()
	people.Wait()
	return context.Cause(outer)
}

func (s *stage) agentOrOwner(ctx context.Context, agent rig.Person) {
	if rand.IntN(ownerEvery) == 0 { //nolint:gosec // chance needs no secrecy
		s.ownerActs(ctx)
		return
	}
	s.agentActs(ctx, agent)
}

// visitorOrAgent lets visitors come in tides: agents are now too many and now too few.
func (s *stage) visitorOrAgent(ctx context.Context) {
	if !s.calm.Load() {
		s.visitorActs(ctx, pick(s.visitors...))
		return
	}
	s.agentActs(ctx, pick(s.agents...))
}

// loop acts whenever it is due. A call that has begun is finished: its answer belongs to the record.
func (s *stage) loop(ctx context.Context, due <-chan struct{}, act func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		act(callCtx)
		cancel()
	}
}

// feed says when something is due.
func (s *stage) feed(ctx context.Context, due chan<- struct{}, operations, perSecond int) {
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	for s.tally.total.Load() < int64(operations) {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case due <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// keepLooking keeps the view fresh and forgets the rate limits.
func (s *stage) keepLooking(ctx context.Context) {
	forgotten := time.Now()
	for rig.Pause(ctx, lookEvery) == nil {
		_ = s.look(ctx) // the view stays old for a moment
		if time.Since(forgotten) > forgetEvery {
			forgotten = time.Now()
			_, _ = s.ownerPool.Exec(ctx, forgetLimits) // what is limited is refused, and counted
			_, _ = s.ownerPool.Exec(ctx, forgetMessages)
		}
	}
}

// Counters that somebody holds are passed over: whoever deletes them all waits for callers who wait for each other's.
const forgetLimits = `
	delete from handoff.rate_limits where (scope, user_id) in (select scope, user_id from handoff.rate_limits for update skip locked)`

// Visitors are limited by the times of their messages.
const forgetMessages = `
	update public.messages set created_at = created_at - interval '1 minute'
	 where id in (select id from public.messages where sender_type = 'customer' and created_at > now() - interval '1 minute' for update skip locked)`

const readOpen = `
	select id::text, status, coalesce(assigned_agent_id::text, '') from public.conversations
	 where project_id = $1 and status <> 'closed' order by priority desc, queue_entered_at, id`

const readOffers = `select agent_id::text, conversation_id::text from handoff.offers where project_id = $1 and state = 'open'`

func (s *stage) look(ctx context.Context) error {
	type open struct{ ID, Status, AgentID string }
	all, err := list[open](ctx, s.ownerPool, readOpen, demoProject)
	if err != nil {
		return err
	}
	type offer struct{ AgentID, ConversationID string }
	offers, err := list[offer](ctx, s.ownerPool, readOffers, demoProject)
	if err != nil {
		return err
	}
	fresh := &view{of: map[string][]string{}, open: map[string]bool{}, offered: map[string][]string{}}
	for _, one := range offers {
		fresh.offered[one.AgentID] = append(fresh.offered[one.AgentID], one.ConversationID)
	}
	for _, one := range all {
		fresh.open[one.ID] = true
		switch one.Status {
		case waitingStatus:
			fresh.waiting = append(fresh.waiting, one.ID)
		case "ai_active":
			fresh.withAI = append(fresh.withAI, one.ID)
		case "agent_active":
			fresh.of[one.AgentID] = append(fresh.of[one.AgentID], one.ID)
		}
	}
	s.seen.Store(fresh)
	switch {
	case len(fresh.waiting) >= longQueue:
		s.calm.Store(true)
	case len(fresh.waiting) == 0:
		s.calm.Store(false)
	}
	return nil
}
