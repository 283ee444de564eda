package rules_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

const (
	fireRounds = 8
	fireOps    = 15
	fireActors = 10
)

// fire is a project in which everybody acts at once, now with offers and now without.
type fire struct {
	*world

	queue    *supabase.Queue
	agents   []actor
	visitors []actor
	done     atomic.Int64
}

// TestOffersUnderFire: two workers, three agents, six visitors and an admin who turns offers on and off and changes limits act
// at once; offers run out meanwhile. Nothing may fail but with an answer of ours, and whenever they pause every invariant
// holds and nobody waits who could be offered to somebody.
func TestOffersUnderFire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openAPI(t, fireActors)
	f := &fire{world: w, queue: supabase.NewQueue(w.root), agents: []actor{w.sarah, w.mike, w.owner}, visitors: []actor{w.ann, w.bob}}
	for range 4 {
		f.visitors = append(f.visitors, w.person(t, "", ""))
	}
	w.offering(t)
	w.exec(t, `update public.handoff_settings set away_after_missed_offers = 3`)
	w.goOnline(t, f.agents...)
	w.exec(t, `update public.agent_availability set max_concurrent_chats = 2`)
	for round := range fireRounds {
		w.exec(t, `update public.agent_availability set status = 'online'`)
		w.exec(t, `update public.handoff_settings set assignment_mode = 'offer'`)
		var group errgroup.Group
		for i := range fireActors {
			random := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			group.Go(func() error { return f.act(t.Context(), random, i) })
		}
		require.NoError(t, group.Wait())
		forgetCalls(t, w)
		assertInvariants(t, w)
		f.settle(t)
	}
	t.Logf("offer_operations=%d offers=%s", f.done.Load(), read[string](t, w, `
		select string_agg(state || ':' || made, ' ' order by state) from (select state, count(*) as made from handoff.offers group by state) as offer`))
}

// act does some operations of one of the people or workers.
func (f *fire) act(ctx context.Context, random *rand.Rand, who int) error {
	for range fireOps {
		err := f.once(ctx, random, who)
		if text := refusalText(err); err != nil && text[:2] != "PT" {
			return fmt.Errorf("actor %d: %w", who, err)
		}
		f.done.Add(1)
	}
	return nil
}

func (f *fire) once(ctx context.Context, random *rand.Rand, who int) error {
	switch {
	case who < 2:
		return f.work(ctx, random)
	case who < 5:
		return f.agentActs(ctx, random, f.agents[random.IntN(len(f.agents))])
	case who < 9:
		return f.visitorActs(ctx, random, f.visitors[random.IntN(len(f.visitors))])
	default:
		return f.adminActs(ctx, random)
	}
}

func (f *fire) work(ctx context.Context, random *rand.Rand) error {
	if random.IntN(4) == 0 {
		_, err := f.root.Exec(ctx, `select handoff.expire_offers(now() + make_interval(secs => $1), 3)`, random.IntN(60))
		return err
	}
	_, err := f.queue.AssignBatch(ctx, f.project, 0, 1+random.IntN(5), assignment.Plan)
	return err
}

// chat is a conversation of which something is known to the agent, or any.
func (f *fire) chat(ctx context.Context, where string, args ...any) (string, error) {
	var id string
	err := f.root.QueryRow(ctx, `
		select coalesce((select conversation.id::text from public.conversations as conversation
		  left join handoff.offers as offer on offer.conversation_id = conversation.id and offer.state = 'open'
		 where `+where+` order by random() limit 1), gen_random_uuid()::text)`, args...).Scan(&id)
	return id, err
}

func (f *fire) agentActs(ctx context.Context, random *rand.Rand, agent actor) error {
	calls := []struct{ where, call string }{
		{"offer.agent_id = $1", "accept_offer($1)"},
		{"offer.agent_id = $1", "accept_offer($1)"},
		{"offer.agent_id = $1", "decline_offer($1)"},
		{"conversation.status = 'waiting' and $1::uuid is not null", "claim_conversation($1)"},
		{"conversation.assigned_agent_id = $1 and conversation.status = 'agent_active'", "resolve_conversation($1)"},
		{"conversation.assigned_agent_id = $1 and conversation.status = 'agent_active'", "resolve_conversation($1)"},
		{"conversation.assigned_agent_id = $1", "transfer_conversation($1)"},
	}
	choice := random.IntN(len(calls) + 1)
	if choice >= len(calls) {
		return f.call(ctx, agent, "set_agent_status($1, $2)", f.project, []string{"online", "online", "online", "online", "away", "offline"}[random.IntN(6)])
	}
	id, err := f.chat(ctx, calls[choice].where, agent.id)
	if err != nil {
		return err
	}
	return f.call(ctx, agent, calls[choice].call, id)
}

func (f *fire) visitorActs(ctx context.Context, random *rand.Rand, visitor actor) error {
	if err := f.call(ctx, visitor, "start_conversation($1, $2)", f.project, "visitor-"+visitor.id); err != nil {
		return err
	}
	id, err := f.chat(ctx, "conversation.visitor_user_id = $1 and conversation.status <> 'closed'", visitor.id)
	if err != nil {
		return err
	}
	switch random.IntN(6) {
	case 0, 1:
		return f.call(ctx, visitor, "close_conversation($1)", id)
	case 2:
		return f.call(ctx, visitor, "send_message($1, 'Hello')", id)
	default:
		return f.call(ctx, visitor, "request_handoff($1, 'button_click')", id)
	}
}

func (f *fire) adminActs(ctx context.Context, random *rand.Rand) error {
	switch random.IntN(16) {
	case 0:
		return f.call(ctx, f.owner, "update_handoff_settings($1, $2)", f.project, `{"assignment_mode": "direct"}`)
	case 1, 2, 3, 4, 5, 6, 7:
		return f.call(ctx, f.owner, "update_handoff_settings($1, $2)", f.project, `{"assignment_mode": "offer"}`)
	default:
		_, err := f.root.Exec(ctx, `update public.agent_availability set max_concurrent_chats = $2 where user_id = $1`,
			f.agents[random.IntN(len(f.agents))].id, 1+random.IntN(3))
		return err
	}
}

func (f *fire) call(ctx context.Context, who actor, call string, args ...any) error {
	return who.once(ctx, func(result pgx.BatchResults) error {
		_, err := result.Exec()
		return err
	}, "select public."+call, args...)
}

// settle lets the worker finish: then nobody waits without an offer who could be offered to somebody who was never asked.
func (f *fire) settle(t *testing.T) {
	t.Helper()
	for assigned := 1; assigned > 0; {
		batch, err := f.queue.AssignBatch(t.Context(), f.project, 0, 3, assignment.Plan)
		require.NoError(t, err)
		assigned = batch.Assigned
	}
	assertInvariants(t, f.world)
	assert.Empty(t, read[[]string](t, f.world, `
		select coalesce(array_agg(conversation.id || ' for ' || agent.user_id), '{}')
		  from public.conversations as conversation
		  join public.agent_availability as agent
		    on agent.project_id = conversation.project_id and agent.effective_status = 'online'
		   and agent.current_chat_count + agent.offered_chat_count < agent.max_concurrent_chats
		 where conversation.status = 'waiting' and conversation.released_by is distinct from agent.user_id
		   and conversation.preferred_agent_id is null
		   and not exists (select 1 from handoff.offers as offer
		                    where offer.conversation_id = conversation.id
		                      and (offer.state = 'open' or (offer.agent_id = agent.user_id and offer.waiting_since = conversation.waiting_since
		                                                    and offer.state in ('declined', 'missed'))))`), "waits although somebody could be asked")
}

// TestOffersCross: each of two agents takes what the other is asked to take, at the same moment.
func TestOffersCross(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openAPI(t, 2)
	w.offering(t)
	w.goOnline(t, w.sarah, w.mike)
	for range 20 {
		first, second := w.waiting(t, w.ann), w.waiting(t, w.bob)
		w.offer(t, 2)
		if w.offeredTo(t, first) == "sarah" {
			first, second = second, first
		}
		var group errgroup.Group
		for chat, agent := range map[string]actor{first: w.sarah, second: w.mike} {
			group.Go(func() error {
				_, err := agent.rpc(t.Context(), "claim_conversation($1)", chat)
				return err
			})
		}
		require.NoError(t, group.Wait())
		assert.Equal(t, []string{"agent_active", "agent_active"}, []string{w.status(t, first), w.status(t, second)})
		assertInvariants(t, w)
		w.ann.must(t, "close_conversation($1)", read[string](t, w, `select id from public.conversations where visitor_user_id = $1 and status <> 'closed'`, w.ann.id))
		w.bob.must(t, "close_conversation($1)", read[string](t, w, `select id from public.conversations where visitor_user_id = $1 and status <> 'closed'`, w.bob.id))
		forgetCalls(t, w)
	}
}

// forgetCalls lets everybody call and write again at once: the limits have tests of their own.
func forgetCalls(t *testing.T, w *world) {
	t.Helper()
	w.exec(t, `delete from handoff.rate_limits`)
	w.exec(t, `update public.messages set created_at = created_at - interval '1 minute' where created_at > now() - interval '1 minute'`)
}
