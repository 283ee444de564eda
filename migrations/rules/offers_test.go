package rules_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

// offering turns offers on.
func (w *world) offering(t *testing.T) {
	t.Helper()
	w.owner.must(t, `update_handoff_settings($1, '{"assignment_mode": "offer"}')`, w.project)
}

// offer is a batch of the worker that makes so many offers.
func (w *world) offer(t *testing.T, count int) {
	t.Helper()
	batch, err := supabase.NewQueue(w.root).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
	require.NoError(t, err)
	assert.Equal(t, count, batch.Assigned, "offers made")
}

// missed lets the time of the open offers pass, but not of those that last longer than any may.
func (w *world) missed(t *testing.T, count int) {
	t.Helper()
	w.exec(t, `update handoff.offers set expires_at = least(expires_at, now()) where state = 'open' and expires_at < now() + interval '10 minutes'`)
	assert.Equal(t, count, read[int](t, w, `select handoff.expire_offers()`), "offers ended")
}

// after lets some time pass since the last answer.
func (w *world) after(t *testing.T, seconds int) {
	t.Helper()
	w.exec(t, `update handoff.offers set ended_at = ended_at - make_interval(secs => $1)`, seconds)
}

// offeredTo is who has the open offer of the conversation; empty for nobody.
func (w *world) offeredTo(t *testing.T, conversation string) string {
	t.Helper()
	agent := read[string](t, w, `select coalesce((select agent_id::text from handoff.offers where conversation_id = $1 and state = 'open'), '')`, conversation)
	return map[string]string{w.sarah.id: "sarah", w.mike.id: "mike", w.owner.id: "owner", "": ""}[agent]
}

// offersMade are the offers of the conversation in order: to whom, the round, and what came of it.
func (w *world) offersMade(t *testing.T, conversation string) []string {
	t.Helper()
	return read[[]string](t, w, `
		select coalesce(array_agg(concat_ws(' ', case agent_id when $2 then 'sarah' when $3 then 'mike' else 'owner' end, round, state, end_reason)
		                          order by id), '{}')
		  from handoff.offers where conversation_id = $1`, conversation, w.sarah.id, w.mike.id)
}

// offered is a world in which Sarah, with three slots, and Mike, with one, are online and Ann's conversation is offered to Sarah.
func offered(t *testing.T) (w *world, chat string) {
	t.Helper()
	w = newWorld(t)
	w.offering(t)
	w.exec(t, `update public.project_members set max_concurrent_chats = case user_id when $1 then 3 else 1 end`, w.sarah.id)
	w.goOnline(t, w.sarah, w.mike)
	chat = w.waiting(t, w.ann)
	w.offer(t, 1)
	require.Equal(t, "sarah", w.offeredTo(t, chat))
	return w, chat
}

func (w *world) reserved(t *testing.T, agent actor) int {
	t.Helper()
	return read[int](t, w, `select offered_chat_count from public.agent_availability where user_id = $1`, agent.id)
}

func TestOffer(t *testing.T) {
	t.Parallel()

	t.Run("waits, in its place, until it is accepted", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		assert.Equal(t, "waiting", w.status(t, chat))
		assert.InDelta(t, 1, w.ann.must(t, "queue_status($1)", chat)["queue_position"], 0)
		assert.Equal(t, 1, w.reserved(t, w.sarah))
		w.offer(t, 0)

		assert.Equal(t, true, w.sarah.must(t, "accept_offer($1)", chat)["success"])
		assert.Equal(t, "agent_active", w.status(t, chat))
		assert.Equal(t, 0, w.reserved(t, w.sarah))
		assert.Equal(t, []string{"sarah 1 accepted"}, w.offersMade(t, chat))
		assert.Equal(t, true, w.sarah.must(t, "accept_offer($1)", chat)["success"], "asked twice")
		assertInvariants(t, w)
	})

	t.Run("keeps a slot: an agent is never offered, and never takes, more than the limit", func(t *testing.T) {
		t.Parallel()
		w, _ := offered(t)
		w.waiting(t, w.bob)
		third, fourth, fifth := w.waiting(t, w.person(t, "", "")), w.waiting(t, w.person(t, "", "")), w.waiting(t, w.person(t, "", ""))
		w.offer(t, 3)
		assert.Equal(t, []int{3, 1}, []int{w.reserved(t, w.sarah), w.reserved(t, w.mike)})
		assert.Empty(t, w.offeredTo(t, fifth))
		assert.Equal(t, "NO_CAPACITY", w.mike.must(t, "claim_conversation($1)", fifth)["error"])
		for _, chat := range []string{third, fourth} {
			agent := map[string]actor{"sarah": w.sarah, "mike": w.mike}[w.offeredTo(t, chat)]
			assert.Equal(t, true, agent.must(t, "accept_offer($1)", chat)["success"])
		}
		w.offer(t, 0)
		assertInvariants(t, w)
	})

	t.Run("declined goes to the next, and is not offered to the same agent again", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		assert.Equal(t, true, w.sarah.must(t, "decline_offer($1, '  Not my field ')", chat)["success"])
		assert.Equal(t, true, w.sarah.must(t, "decline_offer($1)", chat)["success"], "asked twice")
		w.offer(t, 1)
		assert.Equal(t, "mike", w.offeredTo(t, chat))
		assert.Equal(t, []string{"sarah 1 declined Not my field", "mike 1 open"}, w.offersMade(t, chat))
		assert.Equal(t, "NO_OFFER", w.sarah.must(t, "accept_offer($1)", chat)["error"])
		w.mike.must(t, "decline_offer($1)", chat)
		w.offer(t, 0)
	})

	t.Run("missed counts as declined, whoever notices first", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.exec(t, `update handoff.offers set expires_at = now()`)
		assert.Equal(t, "NO_OFFER", w.sarah.must(t, "accept_offer($1)", chat)["error"], "too late, though the worker has not noticed")
		assert.Empty(t, w.sarah.must(t, "my_offers($1)", w.project)["offers"])
		w.offer(t, 1)
		assert.Equal(t, []string{"sarah 1 missed", "mike 1 open"}, w.offersMade(t, chat))
		w.missed(t, 1)
		w.missed(t, 0)
	})

	t.Run("begins a new round a minute after everybody has refused it, the one asked longest ago first", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.missed(t, 1)
		w.offer(t, 1)
		w.mike.must(t, "decline_offer($1)", chat)
		w.after(t, 59)
		w.offer(t, 0)
		w.after(t, 1)
		w.offer(t, 1)
		assert.Equal(t, []string{"sarah 1 missed", "mike 1 declined", "sarah 2 open"}, w.offersMade(t, chat))
		w.missed(t, 1)
		w.offer(t, 1)
		assert.Equal(t, "mike", w.offeredTo(t, chat), "the round goes on without a pause")
		assertInvariants(t, w)
	})

	t.Run("comes to an agent who was never asked before anybody is asked again", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.missed(t, 1)
		w.after(t, 60)
		w.offer(t, 1)
		assert.Equal(t, "mike", w.offeredTo(t, chat))
		w.missed(t, 1)
		w.goOnline(t, w.owner)
		w.after(t, 60)
		w.offer(t, 1)
		assert.Equal(t, "owner", w.offeredTo(t, chat))
	})

	t.Run("of another wait knows nothing of this one", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.sarah.must(t, "decline_offer($1)", chat)
		w.mike.must(t, "claim_conversation($1)", chat)
		w.mike.must(t, "transfer_conversation($1)", chat)
		w.offer(t, 1)
		assert.Equal(t, []string{"sarah 1 declined", "sarah 1 open"}, w.offersMade(t, chat))
	})

	t.Run("tells when to look again: when it is due, and when a round may begin", func(t *testing.T) {
		t.Parallel()
		w, _ := offered(t)
		wake := func() time.Duration {
			batch, err := supabase.NewQueue(w.root).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
			require.NoError(t, err)
			return batch.WakeAfter
		}
		assert.InDelta(t, 30*time.Second, wake(), float64(20*time.Second))
		w.exec(t, `update handoff.offers set expires_at = now()`)
		assert.InDelta(t, 30*time.Second, wake(), float64(20*time.Second), "the next agent's")
		w.exec(t, `update handoff.offers set expires_at = now() where state = 'open'`)
		assert.InDelta(t, time.Minute, wake(), float64(20*time.Second))
	})
}

func TestOfferEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		does func(t *testing.T, w *world, chat string)
		told string
	}{
		"another agent claims it": {
			func(t *testing.T, w *world, chat string) {
				t.Helper()
				assert.Equal(t, true, w.mike.must(t, "claim_conversation($1)", chat)["success"])
			},
			"sarah 1 withdrawn claimed",
		},
		"the agent claims it from the list": {
			func(t *testing.T, w *world, chat string) {
				t.Helper()
				w.exec(t, `update public.agent_availability set max_concurrent_chats = 1`)
				assert.Equal(t, true, w.sarah.must(t, "claim_conversation($1)", chat)["success"], "its own offer is no obstacle")
			},
			"sarah 1 accepted",
		},
		"the visitor closes it": {
			func(t *testing.T, w *world, chat string) { t.Helper(); w.ann.must(t, "close_conversation($1)", chat) },
			"sarah 1 withdrawn closed",
		},
		"it is spam": {
			func(t *testing.T, w *world, chat string) { t.Helper(); w.mike.must(t, "mark_spam($1)", chat) },
			"sarah 1 withdrawn closed",
		},
		"the queue times out": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.exec(t, `select handoff.time_out_waiting(now() + interval '25 hours')`)
			},
			"sarah 1 withdrawn closed",
		},
		"the agent goes away": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
			},
			"sarah 1 withdrawn agent_unavailable",
		},
		"the agent is set offline by an admin": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.owner.must(t, "set_agent_status($1, 'offline', $2)", w.project, w.sarah.id)
			},
			"sarah 1 withdrawn agent_unavailable",
		},
		"the agent is removed from the team": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.owner.must(t, "remove_member($1)", read[string](t, w, `select id from public.project_members where user_id = $1`, w.sarah.id))
			},
			"sarah 1 withdrawn agent_removed",
		},
		"the agent's account is deleted": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.exec(t, `delete from auth.users where id = $1`, w.sarah.id)
			},
			"sarah 1 withdrawn agent_removed",
		},
		"offers are turned off": {
			func(t *testing.T, w *world, _ string) {
				t.Helper()
				w.owner.must(t, `update_handoff_settings($1, '{"assignment_mode": "direct"}')`, w.project)
			},
			"sarah 1 withdrawn mode_changed",
		},
		"the settings are deleted": {
			func(t *testing.T, w *world, _ string) { t.Helper(); w.exec(t, `delete from public.handoff_settings`) },
			"sarah 1 withdrawn mode_changed",
		},
	} {
		t.Run("when "+name, func(t *testing.T) {
			t.Parallel()
			w, chat := offered(t)
			end.does(t, w, chat)
			assert.Equal(t, []string{end.told}, w.offersMade(t, chat))
			assert.Zero(t, read[int](t, w, `select coalesce(sum(offered_chat_count), 0)::int from public.agent_availability`))
			assert.Equal(t, 1, read[int](t, w, `select count(*)::int from handoff.outbox where kind = 'offer_ended'`))
			assertInvariants(t, w)
		})
	}

	t.Run("the latest first when the limit is lowered below what is offered, and none that has room", func(t *testing.T) {
		t.Parallel()
		w, first := offered(t)
		second := w.waiting(t, w.bob)
		w.offer(t, 1)
		require.Equal(t, "sarah", w.offeredTo(t, second))
		member := read[string](t, w, `select id from public.project_members where user_id = $1`, w.sarah.id)
		w.owner.must(t, "change_member($1, null, 2)", member)
		assert.Equal(t, 2, w.reserved(t, w.sarah))
		w.owner.must(t, "change_member($1, null, 1)", member)
		assert.Equal(t, "sarah", w.offeredTo(t, first))
		assert.Equal(t, []string{"sarah 1 withdrawn limit_lowered"}, w.offersMade(t, second))
		assertInvariants(t, w)
	})

	t.Run("when the conversation or the project is deleted", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.exec(t, `delete from public.conversations where id = $1`, chat)
		assert.Equal(t, 0, w.reserved(t, w.sarah))
		w.waiting(t, w.bob)
		w.offer(t, 1)
		w.exec(t, `delete from public.projects`)
		assertInvariants(t, w)
	})

	t.Run("and with it the slot that it kept, in what is told of the agent who goes", func(t *testing.T) {
		t.Parallel()
		w, _ := offered(t)
		answer := w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
		assert.Equal(t, []any{0.0, 3.0}, []any{answer["offered_chat_count"], answer["available_slots"]})
		assert.Equal(t, "away 3", read[string](t, w, `
			select (payload ->> 'status') || ' ' || (payload ->> 'available_slots') from handoff.outbox where kind = 'presence_change' order by id desc limit 1`))
	})

	t.Run("withdrawn is not missed: the agent may be offered it again", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.sarah.must(t, "set_agent_status($1, 'busy')", w.project)
		w.goOnline(t, w.sarah)
		w.offer(t, 1)
		assert.Equal(t, "sarah", w.offeredTo(t, chat))
	})

	t.Run("when offers are off the conversation is given at once", func(t *testing.T) {
		t.Parallel()
		w, chat := offered(t)
		w.owner.must(t, `update_handoff_settings($1, '{"assignment_mode": "direct"}')`, w.project)
		w.offer(t, 1)
		assert.Equal(t, "agent_active", w.status(t, chat))
	})
}

// The offer is withdrawn at the very moment at which its agent accepts it.
func TestOfferEndsWhileItIsAccepted(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct{ sql, answer string }{
		"the agent goes away":   {`update public.agent_availability set status = 'away'`, "NO_OFFER"},
		"offers are turned off": {`update public.handoff_settings set assignment_mode = 'direct'`, "NO_OFFER"},
		"another agent claims it": {`update public.conversations set status = 'agent_active', assigned_agent_id = (
			select user_id from public.project_members where max_concurrent_chats = 1)`, "ALREADY_CLAIMED"},
	} {
		t.Run("because "+name, func(t *testing.T) {
			t.Parallel()
			w, chat := offered(t)
			var answer map[string]any
			require.NoError(t, w.meets(t, end.sql, func(ctx context.Context) (err error) {
				answer, err = w.sarah.rpc(ctx, "accept_offer($1)", chat)
				return err
			}))
			assert.Equal(t, end.answer, answer["error"])
			assert.NotEqual(t, w.sarah.id, read[string](t, w, `select coalesce(assigned_agent_id::text, '') from public.conversations where id = $1`, chat))
			assertInvariants(t, w)
		})
	}
}

func TestMissedOffersSetAway(t *testing.T) {
	t.Parallel()
	// missing lets Sarah miss offers of new conversations, Mike being away.
	missing := func(t *testing.T, w *world, count int) {
		t.Helper()
		for range count {
			w.waiting(t, w.person(t, "", ""))
			w.offer(t, 1)
			w.missed(t, 1)
		}
	}
	alone := func(t *testing.T, settings string) *world {
		t.Helper()
		w := newWorld(t)
		w.offering(t)
		w.owner.must(t, "update_handoff_settings($1, $2)", w.project, settings)
		w.goOnline(t, w.sarah)
		return w
	}
	status := func(t *testing.T, w *world) string {
		t.Helper()
		return read[string](t, w, `select status from public.agent_availability where user_id = $1`, w.sarah.id)
	}

	t.Run("never without the setting", func(t *testing.T) {
		t.Parallel()
		w := alone(t, `{}`)
		missing(t, w, 5)
		assert.Equal(t, "online", status(t, w))
	})

	t.Run("after so many in a row, and then the others are withdrawn", func(t *testing.T) {
		t.Parallel()
		w := alone(t, `{"away_after_missed_offers": 3}`)
		missing(t, w, 2)
		assert.Equal(t, "online", status(t, w))
		w.waiting(t, w.ann)
		open := w.waiting(t, w.bob)
		w.offer(t, 2)
		w.exec(t, `update handoff.offers set expires_at = expires_at + interval '1 hour' where conversation_id = $1`, open)
		w.missed(t, 1)
		assert.Equal(t, "away", status(t, w))
		assert.Nil(t, read[*string](t, w, `select status_set_by::text from public.agent_availability where user_id = $1`, w.sarah.id))
		assert.Equal(t, []string{"sarah 1 withdrawn agent_unavailable"}, w.offersMade(t, open))
		assertInvariants(t, w)
	})

	t.Run("any answer begins the count anew, and so does coming back", func(t *testing.T) {
		t.Parallel()
		w := alone(t, `{"away_after_missed_offers": 2}`)
		missing(t, w, 1)
		chat := w.waiting(t, w.ann)
		w.offer(t, 1)
		w.sarah.must(t, "decline_offer($1)", chat)
		missing(t, w, 1)
		assert.Equal(t, "online", status(t, w))
		missing(t, w, 1)
		assert.Equal(t, "away", status(t, w))
		w.exec(t, `update public.conversations set status = 'closed'`)
		w.goOnline(t, w.sarah)
		missing(t, w, 1)
		assert.Equal(t, "online", status(t, w))
	})
}

func TestOffersAreToldAndExplained(t *testing.T) {
	t.Parallel()
	w, chat := offered(t)
	offers := w.sarah.must(t, "my_offers($1)", w.project)["offers"].([]any)
	require.Len(t, offers, 1)
	offer := offers[0].(map[string]any)
	assert.Equal(t, chat, offer["conversation_id"])
	assert.InDelta(t, 30, offer["expires_in_seconds"], 10)
	assert.Empty(t, w.mike.must(t, "my_offers($1)", w.project)["offers"], "others are not asked")
	_, err := w.ann.rpc(t.Context(), "my_offers($1)", w.project)
	refused(t, err, "PT403", "not_a_member")
	for call, agent := range map[string]actor{"accept_offer($1)": w.ann, "decline_offer($1)": w.bob} {
		assert.Equal(t, "ACCESS_DENIED", agent.must(t, call, chat)["error"])
	}
	assert.Equal(t, "NO_OFFER", w.mike.must(t, "accept_offer($1)", chat)["error"])
	assert.Equal(t, "NO_OFFER", w.mike.must(t, "decline_offer($1)", chat)["error"])

	w.sarah.must(t, "decline_offer($1, 'Lunch')", chat)
	w.offer(t, 1)
	w.mike.must(t, "accept_offer($1)", chat)
	explained := w.sarah.must(t, "explain_assignment($1)", chat)
	var told []string
	for _, one := range explained["offers"].([]any) {
		made := one.(map[string]any)
		reason, _ := made["end_reason"].(string)
		told = append(told, made["agent"].(map[string]any)["name"].(string)+" "+made["state"].(string)+" "+reason+": "+made["text"].(string))
	}
	assert.Equal(t, []string{
		"Sarah declined Lunch: More free slots than anybody else who could take it.",
		"Mike accepted : Nobody else who had a free slot could take it.",
	}, told)
	second := explained["offers"].([]any)[1].(map[string]any)
	assert.Equal(t, "Had declined an offer of it.", second["candidates"].([]any)[0].(map[string]any)["text"])
	decision := explained["decisions"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"offer", "The agent accepted the offer."}, []any{decision["strategy"], decision["text"]})
}
