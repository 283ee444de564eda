package rules_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clock calls a function of the worker's clock as it is after so long, and returns how many rows it handled.
func (w *world) clock(t *testing.T, function string, after time.Duration) int {
	t.Helper()
	return read[int](t, w, `select handoff.`+function+`(now() + $1::interval)`, after)
}

// customerIs says of the customer what presence would, so long from now.
func (w *world) customerIs(t *testing.T, conversation, status string, after time.Duration) {
	t.Helper()
	w.exec(t, `update public.conversations set customer_presence = $2, customer_last_seen_at = now() + $3::interval where id = $1`,
		conversation, status, after)
}

// systemMessages lists the types of the system messages in order.
func (w *world) systemMessages(t *testing.T, conversation string) []string {
	t.Helper()
	return read[[]string](t, w, `select coalesce(array_agg(metadata ->> 'type' order by seq), '{}')
		from public.messages where conversation_id = $1 and sender_type = 'system'`, conversation)
}

func (w *world) lastSystemMessage(t *testing.T, conversation string) string {
	t.Helper()
	return read[string](t, w, `select content from public.messages
		where conversation_id = $1 and sender_type = 'system' order by seq desc limit 1`, conversation)
}

func (w *world) warned(t *testing.T, conversation string) bool {
	t.Helper()
	return read[bool](t, w, `select auto_close_warning_sent_at is not null from public.conversations where id = $1`, conversation)
}

func (w *world) closeReason(t *testing.T, conversation string) string {
	t.Helper()
	return read[string](t, w, `select coalesce(close_reason, '') from public.conversations where id = $1`, conversation)
}

// idle is a chat of ann's with sarah, who has answered; ann is idle from now on.
func idle(t *testing.T) (w *world, conversation string) {
	t.Helper()
	w = online(t)
	conversation = w.waiting(t, w.ann)
	w.assign(t, conversation, w.sarah)
	w.sarah.must(t, "send_message($1, 'How can I help?')", conversation)
	w.customerIs(t, conversation, "online", 0)
	w.customerIs(t, conversation, "idle", 0)
	return w, conversation
}

// after is a moment just past so many minutes: the test's own statements take some milliseconds of them.
func after(minutes int) time.Duration { return time.Duration(minutes)*time.Minute + 5*time.Second }

// before is a moment clearly before so many minutes.
func before(minutes int) time.Duration { return time.Duration(minutes)*time.Minute - 20*time.Second }

func TestInactivityWarning(t *testing.T) {
	t.Parallel()

	t.Run("comes after 5 idle minutes, once, with the text of F001", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		assert.Zero(t, w.clock(t, "warn_inactive", before(5)))
		assert.Equal(t, 1, w.clock(t, "warn_inactive", after(5)))
		assert.Zero(t, w.clock(t, "warn_inactive", after(6)))
		assert.Equal(t, []string{"inactivity_warning"}, w.systemMessages(t, id))
		assert.Equal(t, "Are you still there? This chat will close in 5 minutes if we don't hear from you.", w.lastSystemMessage(t, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("comes after 5 minutes offline, and names the time that the chat is kept", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.customerIs(t, id, "offline", 0)
		assert.Zero(t, w.clock(t, "warn_inactive", before(5)))
		assert.Equal(t, 1, w.clock(t, "warn_inactive", 5*time.Minute+time.Second))
		assert.Equal(t, "Are you still there? This chat will close in 10 minutes if we don't hear from you.", w.lastSystemMessage(t, id))
	})

	t.Run("comes when the project says, and not where it is off", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.exec(t, `update public.handoff_settings set inactivity_timeout_minutes = 10, auto_close_after_warning_minutes = 1, send_inactivity_warning = false`)
		assert.Zero(t, w.clock(t, "warn_inactive", before(10)))
		assert.Equal(t, 1, w.clock(t, "warn_inactive", after(10)))
		assert.Empty(t, w.systemMessages(t, id))
		assert.Zero(t, w.clock(t, "close_inactive", after(10)+40*time.Second))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(11)), "the time to auto-close runs all the same")
	})

	t.Run("says one minute as one", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.exec(t, `update public.handoff_settings set auto_close_after_warning_minutes = 1`)
		w.clock(t, "warn_inactive", after(5))
		assert.Equal(t, "Are you still there? This chat will close in 1 minute if we don't hear from you.", w.lastSystemMessage(t, id))
	})

	t.Run("does not come while the customer is online or typing, or before the agent had the chat for so long", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		for _, alive := range []string{"online", "typing"} {
			w.customerIs(t, id, alive, 0)
			assert.Zero(t, w.clock(t, "warn_inactive", after(60)), alive)
		}
		w.customerIs(t, id, "idle", 0)
		w.exec(t, `update public.conversations set customer_active_at = now() - interval '1 hour' where id = $1`, id)
		assert.Zero(t, w.clock(t, "warn_inactive", before(5)))
		w.exec(t, `update public.conversations set claimed_at = now() - interval '5 minutes' where id = $1`, id)
		assert.Equal(t, 1, w.clock(t, "warn_inactive", 0))
	})

	t.Run("is not put off by beats of an idle widget", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.customerIs(t, id, "idle", 4*time.Minute)
		assert.Equal(t, 1, w.clock(t, "warn_inactive", after(5)))
	})

	t.Run("reaches customers of whom presence tells nothing", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		w.ann.must(t, "send_message($1, 'Hello?')", id)
		assert.Zero(t, w.clock(t, "warn_inactive", before(5)))
		assert.Equal(t, 1, w.clock(t, "warn_inactive", after(5)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(11)), "no time that a browser was closed is known")
	})
}

func TestInactivityClose(t *testing.T) {
	t.Parallel()

	t.Run("5 minutes after the warning, the agent is told and gets the slot back", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.exec(t, `update public.conversations set metadata = '{"page_url": "https://example.com"}' where id = $1`, id)
		w.clock(t, "warn_inactive", after(5))
		assert.Zero(t, w.clock(t, "close_inactive", before(10)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(11)))
		assert.Zero(t, w.clock(t, "close_inactive", after(12)))

		closed := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, "closed", closed["status"])
		assert.Equal(t, "customer_inactive", closed["close_reason"])
		assert.NotNil(t, closed["resolved_at"])
		assert.Nil(t, closed["auto_close_warning_sent_at"])
		assert.Equal(t, map[string]any{"close_reason": "customer_inactive", "page_url": "https://example.com"}, closed["metadata"])
		assert.Equal(t, []string{"inactivity_warning", "auto_closed"}, w.systemMessages(t, id))
		assert.Equal(t, "This chat has been closed due to inactivity. Start a new chat anytime if you need more help!", w.lastSystemMessage(t, id))
		told := read[map[string]any](t, w, `select payload from handoff.outbox where kind = 'conversation_auto_closed'`)
		assert.Equal(t, map[string]any{"conversation_id": id, "agent_id": w.sarah.id, "reason": "customer_inactive"}, told)
		assert.Zero(t, read[int](t, w, `select sum(current_chat_count) from public.agent_availability`))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("a chat whose customer closed the browser is kept for 15 minutes", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.customerIs(t, id, "offline", 0)
		w.clock(t, "warn_inactive", after(5))
		assert.Zero(t, w.clock(t, "close_inactive", before(15)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(15)))
	})

	t.Run("the time that it is kept is the project's", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.exec(t, `update public.handoff_settings set session_keep_alive_minutes = 60`)
		w.customerIs(t, id, "offline", 0)
		w.clock(t, "warn_inactive", after(5))
		assert.Zero(t, w.clock(t, "close_inactive", before(60)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(60)))
	})

	t.Run("leaving after the warning starts the time that the chat is kept", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.clock(t, "warn_inactive", after(5))
		w.customerIs(t, id, "offline", 6*time.Minute)
		assert.Zero(t, w.clock(t, "close_inactive", before(21)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(21)))
	})
}

func TestAgentsMessageIsNoSignOfLifeOfTheCustomer(t *testing.T) {
	t.Parallel()
	w, id := idle(t)
	w.ann.must(t, "send_message($1, 'Hello?')", id)
	w.exec(t, `update public.conversations set customer_active_at = '2026-01-01' where id = $1`, id)
	w.sarah.must(t, "send_message($1, 'One moment')", id)
	assert.True(t, read[bool](t, w, `select customer_active_at = '2026-01-01' and preview = 'Hello?' and first_response_at is not null
		from public.conversations where id = $1`, id))
}

func TestSignsOfLifeCancelAutoClose(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(t *testing.T, w *world, id string){
		"a message": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.ann.must(t, "send_message($1, 'Here I am')", id)
		},
		"I'm still here": func(t *testing.T, w *world, id string) {
			t.Helper()
			assert.Equal(t, map[string]any{"success": true}, w.ann.must(t, "still_here($1)", id))
		},
		"presence online": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.customerIs(t, id, "online", after(6))
		},
		"typing": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.customerIs(t, id, "typing", after(6))
		},
		"a transfer to another agent": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.sarah.must(t, "transfer_conversation($1, $2)", id, w.mike.id)
		},
		"a transfer to the queue": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.sarah.must(t, "transfer_conversation($1)", id)
		},
		"reopening": func(t *testing.T, w *world, id string) {
			t.Helper()
			w.sarah.must(t, "resolve_conversation($1)", id)
			w.ann.must(t, "send_message($1, 'One more thing')", id)
			require.Equal(t, "agent_active", w.status(t, id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := idle(t)
			w.clock(t, "warn_inactive", after(5))
			require.True(t, w.warned(t, id))
			happens(t, w, id)
			assert.False(t, w.warned(t, id))
			assert.Zero(t, w.clock(t, "close_inactive", after(20)))
		})
	}

	t.Run("an agent's message, a system message and a beat of an idle widget do not", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.clock(t, "warn_inactive", after(5))
		w.sarah.must(t, "send_message($1, 'Hello?')", id)
		w.customerIs(t, id, "idle", 6*time.Minute)
		assert.True(t, w.warned(t, id))
	})

	t.Run("a second silence is warned of again", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.clock(t, "warn_inactive", after(5))
		w.customerIs(t, id, "online", 6*time.Minute)
		w.customerIs(t, id, "idle", 6*time.Minute)
		assert.Zero(t, w.clock(t, "warn_inactive", before(11)))
		assert.Equal(t, 1, w.clock(t, "warn_inactive", after(11)))
	})
}

func TestStillHere(t *testing.T) {
	t.Parallel()
	w, id := idle(t)
	_, err := w.bob.rpc(t.Context(), "still_here($1)", id)
	refused(t, err, "PT404", "conversation_not_found")
	_, err = w.sarah.rpc(t.Context(), "still_here($1)", id)
	refused(t, err, "PT403", "not_the_visitor")
	w.ann.must(t, "close_conversation($1)", id)
	_, err = w.ann.rpc(t.Context(), "still_here($1)", id)
	refused(t, err, "PT409", "conversation_closed")
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	const day = 24 * 60

	t.Run("a chat with the AI closes after 24 hours without activity", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		w.exec(t, `update public.conversations set created_at = now() - interval '3 days', last_message_at = now() - interval '3 days' where id = $1`, id)
		w.ann.must(t, "send_message($1, 'Hello')", id)
		assert.Zero(t, w.clock(t, "time_out", before(day)))
		assert.Equal(t, 1, w.clock(t, "time_out", after(day)))
		assert.Equal(t, "timeout", w.closeReason(t, id))
	})

	t.Run("a waiting chat closes after 24 hours without activity", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		assert.Zero(t, w.clock(t, "time_out", before(day)))
		w.exec(t, `update public.conversations set queue_entered_at = now() - interval '3 days', last_message_at = now() - interval '3 days' where id = $1`, id)
		w.ann.must(t, "send_message($1, 'Anybody?')", id)
		assert.Zero(t, w.clock(t, "time_out", before(day)), "a message is activity")
		assert.Equal(t, 1, w.clock(t, "time_out", after(day)))
		assert.Equal(t, "timeout", w.closeReason(t, id))
	})

	t.Run("a chat that an agent gave back is not closed for the time it was with the agent", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		w.exec(t, `update public.conversations set queue_entered_at = now() - interval '3 days', last_message_at = now() - interval '3 days' where id = $1`, id)
		w.sarah.must(t, "transfer_conversation($1)", id)
		assert.Zero(t, w.clock(t, "time_out", before(day)))
		assert.Equal(t, 1, w.clock(t, "time_out", after(day)))
	})

	t.Run("a resolved chat closes 24 hours later", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.sarah.must(t, "resolve_conversation($1)", id)
		assert.Zero(t, w.clock(t, "time_out", before(day)))
		assert.Equal(t, 1, w.clock(t, "time_out", after(day)))
		assert.Equal(t, "closed", w.status(t, id))
		assert.Zero(t, w.clock(t, "time_out", after(2*day)))
		_, err := w.ann.rpc(t.Context(), "send_message($1, 'Hello')", id)
		refused(t, err, "PT409", "conversation_closed")
	})

	t.Run("a chat with an agent has no such time-out", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		assert.Zero(t, w.clock(t, "time_out", after(10*day)))
		assert.Equal(t, "agent_active", w.status(t, id))
	})
}

// TestCustomerLeavesTheQueue is F001 9.2.
func TestCustomerLeavesTheQueue(t *testing.T) {
	t.Parallel()

	t.Run("is kept, closed after 30 minutes, and begins afresh afterwards", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.customerIs(t, id, "offline", 0)
		assert.Zero(t, w.clock(t, "time_out", before(30)))
		assert.Equal(t, "waiting", w.status(t, id))
		assert.Equal(t, 1, w.clock(t, "time_out", after(30)))
		assert.Equal(t, "abandoned", w.closeReason(t, id))
		assert.NotEqual(t, id, w.conversation(t, w.ann), "a fresh conversation")
	})

	t.Run("who comes back in time keeps the place", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.customerIs(t, id, "offline", 0)
		w.customerIs(t, id, "online", 20*time.Minute)
		assert.Zero(t, w.clock(t, "time_out", after(40)))
		w.customerIs(t, id, "offline", 25*time.Minute)
		assert.Zero(t, w.clock(t, "time_out", before(55)))
		assert.Equal(t, 1, w.clock(t, "time_out", after(55)))
	})

	t.Run("a customer of whom presence tells nothing is not gone", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.ann.must(t, "send_message($1, 'Hello?')", id)
		assert.Zero(t, w.clock(t, "time_out", after(60)))
	})

	t.Run("one who was gone before the queue has 30 minutes from there", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		w.customerIs(t, id, "offline", -time.Hour)
		require.Equal(t, "waiting", w.ann.must(t, "request_handoff($1, 'button_click')", id)["status"])
		assert.Zero(t, w.clock(t, "time_out", before(30)))
		assert.Equal(t, 1, w.clock(t, "time_out", after(30)))
	})

	t.Run("who left an address through the offline form may go", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.ann.must(t, "submit_offline_form($1, 'ann@example.com', 'Ann', 'Call me')", id)
		w.customerIs(t, id, "offline", 0)
		assert.Zero(t, w.clock(t, "time_out", after(60)))
	})
}

// TestAgentGoesOfflineMidConversation is F001 9.1.
func TestAgentGoesOfflineMidConversation(t *testing.T) {
	t.Parallel()

	t.Run("the chat stays, the customer is told once", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		assert.Zero(t, w.clock(t, "tell_agents_gone", 0))
		w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
		assert.Equal(t, 1, w.clock(t, "tell_agents_gone", 0))
		assert.Zero(t, w.clock(t, "tell_agents_gone", after(1)))
		assert.Equal(t, w.sarah.id, w.owns(t, id))
		assert.Equal(t, []string{"agent_disconnected"}, w.systemMessages(t, id))
		assert.Equal(t, "Agent disconnected. Waiting for reconnection...", w.lastSystemMessage(t, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("a chat that the agent never answered waits again at once, at its old place", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		entered := read[time.Time](t, w, `select queue_entered_at from public.conversations where id = $1`, id)
		w.assign(t, id, w.sarah)
		w.sarah.must(t, "send_message($1, 'Hello')", id)
		w.sarah.must(t, "transfer_conversation($1, $2)", id, w.mike.id)
		w.mike.must(t, "set_agent_status($1, 'offline')", w.project)
		assert.Equal(t, 1, w.clock(t, "tell_agents_gone", 0))
		assert.Equal(t, "waiting", w.status(t, id), "what another agent wrote is no answer of this one")
		assert.Empty(t, w.systemMessages(t, id))
		assert.Equal(t, entered, read[time.Time](t, w, `select queue_entered_at from public.conversations where id = $1`, id))
		assertCountsAreTrue(t, w)
	})

	t.Run("after 10 minutes the customer may return to the queue, and is told so once", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
		w.clock(t, "tell_agents_gone", 0)
		assert.Zero(t, w.clock(t, "offer_requeue", before(10)))
		assert.Equal(t, 1, w.clock(t, "offer_requeue", after(10)))
		assert.Zero(t, w.clock(t, "offer_requeue", after(11)))
		assert.Equal(t, []string{"agent_disconnected", "requeue_offer"}, w.systemMessages(t, id))
		w.exec(t, `update public.agent_availability set effective_changed_at = now() - interval '11 minutes' where user_id = $1`, w.sarah.id)
		assert.Equal(t, "waiting", w.ann.must(t, "return_to_queue($1)", id)["status"])
		assert.Zero(t, read[int](t, w, `select count(*) from handoff.agent_absences`))
	})

	t.Run("an agent who is back ends it; the next absence is told anew", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		for range 2 {
			w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
			w.clock(t, "tell_agents_gone", 0)
			w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
			assert.Zero(t, w.clock(t, "offer_requeue", after(11)))
		}
		assert.Equal(t, []string{"agent_disconnected", "agent_disconnected"}, w.systemMessages(t, id))
	})

	t.Run("no customer is warned or closed for silence while waiting for the agent", func(t *testing.T) {
		t.Parallel()
		w, id := idle(t)
		w.clock(t, "warn_inactive", after(5))
		w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
		w.clock(t, "tell_agents_gone", after(6))
		assert.Zero(t, w.clock(t, "close_inactive", after(16)))
		w.clock(t, "offer_requeue", after(17))
		assert.Zero(t, w.clock(t, "close_inactive", before(22)))
		assert.Equal(t, 1, w.clock(t, "close_inactive", after(23)), "once the offer was made it runs again: no chat is left for ever")
		assert.Equal(t, "closed", w.status(t, id))
	})
}

// hours gives the project business hours: the one opening that holds these many hours around now, in UTC, and no other.
// It is written as exceptions, so that it does not depend on the day of the test.
func (w *world) hours(t *testing.T, from, to time.Time) {
	t.Helper()
	w.exec(t, `update public.handoff_settings set business_hours_enabled = true, timezone = 'UTC', business_hours =
		(select jsonb_object_agg(day, hours || '{"enabled": false}') from jsonb_each(business_hours) as d (day, hours))`)
	w.exec(t, `delete from public.business_hours_exceptions`)
	w.opening(t, from, to)
}

// opening adds an opening on one UTC day.
func (w *world) opening(t *testing.T, from, to time.Time) {
	t.Helper()
	w.exec(t, `insert into public.business_hours_exceptions (project_id, date, ranges)
		values ($1, $2::date, jsonb_build_array(jsonb_build_object('start', $3::text, 'end', $4::text)))`,
		w.project, from.Format(time.DateOnly), from.Format("15:04"), to.Format("15:04"))
}

// at calls a function of the clock at a moment.
func (w *world) at(t *testing.T, function string, moment time.Time) int {
	t.Helper()
	return read[int](t, w, `select handoff.`+function+`($1::timestamptz)`, moment)
}

// friday is a chat that began to wait on a Friday at 16:50, in a project that is open from 9 to 17 on that day and on
// Monday and Tuesday.
func friday(t *testing.T) (w *world, conversation string, day func(days, hour, minute int) time.Time) {
	t.Helper()
	w = online(t)
	conversation = w.waiting(t, w.ann)
	day = func(days, hour, minute int) time.Time {
		return time.Date(2030, time.March, 1+days, hour, minute, 0, 0, time.UTC)
	}
	w.exec(t, `update public.conversations set created_at = $2, queue_entered_at = $2, last_message_at = $2 where id = $1`, conversation, day(0, 16, 50))
	w.hours(t, day(0, 9, 0), day(0, 17, 0))
	w.opening(t, day(3, 9, 0), day(3, 17, 0))
	w.opening(t, day(4, 9, 0), day(4, 17, 0))
	require.Equal(t, 1, w.at(t, "pass_edges", day(0, 16, 55)))
	return w, conversation, day
}

// TestClosingTime is F001 9.5.
func TestClosingTime(t *testing.T) {
	t.Parallel()

	t.Run("who waits is told once when the team is back, and keeps waiting", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		assert.Zero(t, w.at(t, "pass_edges", day(0, 16, 59)))
		assert.Zero(t, w.at(t, "tell_closed", day(0, 16, 59)))
		assert.Equal(t, 1, w.at(t, "pass_edges", day(0, 17, 0)))
		assert.Equal(t, 1, w.at(t, "tell_closed", day(0, 17, 0)))
		assert.Zero(t, w.at(t, "tell_closed", day(0, 17, 1)))
		assert.Zero(t, w.at(t, "pass_edges", day(1, 12, 0)))
		assert.Zero(t, w.at(t, "tell_closed", day(1, 12, 0)))
		assert.Equal(t, "waiting", w.status(t, id))
		assert.Equal(t, []string{"team_offline"}, w.systemMessages(t, id))
		assert.Equal(t, "Our team is currently offline. We will be back Monday 9:00 AM (UTC). "+
			"Your place in line is kept. Leave your e-mail address and we will follow up.", w.lastSystemMessage(t, id))
		assert.Equal(t, "2030-03-04T09:00:00+00:00", read[string](t, w, `select metadata ->> 'opens_at' from public.messages where sender_type = 'system'`))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("and again at the next closing", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		for _, moment := range []time.Time{day(0, 17, 0), day(3, 9, 0), day(3, 17, 0)} {
			assert.Equal(t, 1, w.at(t, "pass_edges", moment))
			w.at(t, "tell_closed", moment)
		}
		assert.Equal(t, []string{"team_offline", "team_offline"}, w.systemMessages(t, id))
	})

	t.Run("who came after closing was told then", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		w.exec(t, `update public.conversations set queue_entered_at = $2 where id = $1`, id, day(0, 18, 0))
		w.at(t, "pass_edges", day(0, 17, 0))
		assert.Zero(t, w.at(t, "tell_closed", day(0, 19, 0)))
	})

	t.Run("an answer promised for the next business day gets that day", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		for _, moment := range []time.Time{day(1, 17, 0), day(2, 23, 0), day(3, 10, 0), day(3, 16, 59)} {
			assert.Zero(t, w.at(t, "time_out", moment), moment)
		}
		assert.Equal(t, 1, w.at(t, "time_out", day(3, 17, 0)), "a whole opening has gone by")
		assert.Equal(t, "timeout", w.closeReason(t, id))
	})

	t.Run("a customer who went home has not abandoned a closed team", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		w.exec(t, `update public.conversations set customer_presence = 'offline', customer_last_seen_at = $2 where id = $1`, id, day(0, 16, 58))
		for _, moment := range []time.Time{day(0, 17, 30), day(1, 12, 0), day(3, 9, 29)} {
			assert.Zero(t, w.at(t, "time_out", moment), moment)
		}
		assert.Equal(t, 1, w.at(t, "time_out", day(3, 9, 30)))
		assert.Equal(t, "abandoned", w.closeReason(t, id))
	})
}

func TestEdges(t *testing.T) {
	t.Parallel()

	t.Run("are the next opening or closing", func(t *testing.T) {
		t.Parallel()
		w, _, day := friday(t)
		edge := func(moment time.Time) *time.Time {
			return read[*time.Time](t, w, `select handoff.next_edge($1, $2)`, w.project, moment)
		}
		assert.WithinDuration(t, day(0, 17, 0), *edge(day(0, 12, 0)), 0)
		assert.WithinDuration(t, day(3, 9, 0), *edge(day(0, 17, 0)), 0)
		assert.Nil(t, edge(day(4, 17, 0)), "nothing is planned")
		w.exec(t, `update public.handoff_settings set business_hours_enabled = false`)
		assert.Nil(t, edge(day(0, 12, 0)))
	})

	t.Run("changed hours are looked at again", func(t *testing.T) {
		t.Parallel()
		w, id, day := friday(t)
		w.hours(t, day(0, 9, 0), day(0, 16, 0))
		assert.Equal(t, 1, w.at(t, "pass_edges", day(0, 16, 56)))
		assert.Equal(t, 1, w.at(t, "tell_closed", day(0, 16, 57)), "it closed when the hours were changed")
		assert.Contains(t, w.lastSystemMessage(t, id), "offline. Your place", "no opening is known")
	})

	t.Run("push availability to the widgets only when it changes", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.exec(t, `select handoff.refresh_project_state($1)`, w.project)
		pushed := func() int {
			return read[int](t, w, `select count(*) from handoff.outbox where kind = 'availability_changed'`)
		}
		require.Equal(t, 1, pushed())
		// Closed by its hours from now on, as if the edge had just gone by.
		w.exec(t, `update public.handoff_settings set business_hours_enabled = true, business_hours =
			(select jsonb_object_agg(day, hours || '{"enabled": false}') from jsonb_each(business_hours) as d (day, hours))`)
		assert.Equal(t, 1, w.clock(t, "pass_edges", 0))
		assert.Equal(t, 2, pushed())
		w.exec(t, `update handoff.schedule_edges set next_edge = '-infinity'`)
		assert.Equal(t, 1, w.clock(t, "pass_edges", 0))
		assert.Equal(t, 2, pushed())
	})
}

// TestClockIsBounded shows that a call handles no more than it is told, the oldest first, and that two workers at once
// share the work.
func TestClockIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `insert into public.conversations (project_id, visitor_id, created_at, last_message_at)
		select $1, n::text, now() - interval '2 days' - n * interval '1 minute', now() - interval '2 days' from generate_series(1, 10) as n`, w.project)
	closed := func() []string {
		return read[[]string](t, w, `select array_agg(visitor_id order by visitor_id) from public.conversations where status = 'closed'`)
	}
	batch := func(conn interface {
		QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	}, most int,
	) int {
		var handled int
		require.NoError(t, conn.QueryRow(t.Context(), `select handoff.time_out(now(), $1)`, most).Scan(&handled))
		return handled
	}
	assert.Equal(t, 3, batch(w.root, 3))
	assert.Equal(t, []string{"10", "8", "9"}, closed(), "the oldest first")

	first, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	second, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	// A failure must not leave them open: the pool waits for its connections.
	defer func() {
		_ = first.Rollback(context.WithoutCancel(t.Context()))
		_ = second.Rollback(context.WithoutCancel(t.Context()))
	}()
	assert.Equal(t, 2, batch(first, 2))
	_, err = second.Exec(t.Context(), `set local lock_timeout = '5s'`)
	require.NoError(t, err)
	assert.Equal(t, 3, batch(second, 3), "does not wait for what the first one has locked")
	require.NoError(t, first.Rollback(t.Context()), "the first worker dies")
	require.NoError(t, second.Commit(t.Context()))
	assert.Len(t, closed(), 6)
	assert.Equal(t, 4, batch(w.root, 100), "what it had in hand is done by the next call")
	assert.Zero(t, batch(w.root, 100))
}

func TestClockTakesTurns(t *testing.T) {
	t.Parallel()
	w := online(t)
	for range 20 {
		visitor := w.person(t, "", "")
		id := w.waiting(t, visitor)
		w.exec(t, `update public.agent_availability set max_concurrent_chats = 50`)
		w.assign(t, id, w.sarah)
		w.sarah.must(t, "send_message($1, 'Hello')", id)
	}
	w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
	w.crowd(t)
	everywhere := func(function string, moment time.Duration) {
		together(t, 8, func(ctx context.Context, _ int) error {
			for {
				var handled int
				err := w.root.QueryRow(ctx, `select handoff.`+function+`(now() + $1::interval, 3)`, moment).Scan(&handled)
				if err != nil || handled < 3 {
					return err
				}
			}
		})
		// A worker that met others' locks may have stopped early: the next tick finishes.
		for w.clock(t, function, moment) > 0 {
			continue
		}
	}
	count := func(kind string) int {
		return read[int](t, w, `select count(*) from public.messages where metadata ->> 'type' = $1`, kind)
	}
	everywhere("tell_agents_gone", 0)
	assert.Equal(t, 20, count("agent_disconnected"))
	everywhere("offer_requeue", after(10))
	assert.Equal(t, 20, count("requeue_offer"))
	everywhere("warn_inactive", after(16))
	assert.Equal(t, 20, count("inactivity_warning"))
	everywhere("close_inactive", after(22))
	assert.Equal(t, 20, count("auto_closed"))
	assert.Equal(t, 20, read[int](t, w, `select count(*) from public.conversations where status = 'closed'`))
	assertCountsAreTrue(t, w)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	// event puts one into the partition that is so many days ahead of today's.
	event := func(t *testing.T, w *world, ahead int, age string) {
		t.Helper()
		w.exec(t, `insert into handoff.outbox (bucket, project_id, kind, payload, created_at)
			values ((extract(epoch from now())::bigint / 86400 + $2) % 7, $1, 'settings_changed', '{}', now() - $3::interval)`, w.project, ahead, age)
	}
	prune := func(t *testing.T, w *world, horizon string) int {
		t.Helper()
		return read[int](t, w, `select handoff.prune(`+horizon+`, now(), 3)`)
	}
	events := func(t *testing.T, w *world) []string {
		t.Helper()
		return read[[]string](t, w, `select coalesce(array_agg(tableoid::regclass::text), '{}') from handoff.outbox
			where created_at < now() - interval '1 day'`)
	}
	// Not xmin: transactions in the databases of other tests hold that back.
	const everything = `pg_snapshot_xmax(pg_current_snapshot())`

	t.Run("empties the partition that comes next once all of it is delivered and old", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		event(t, w, 1, "143 hours")
		assert.Zero(t, prune(t, w, `'1'::xid8`))
		assert.Len(t, events(t, w), 1, "not delivered")
		assert.Zero(t, prune(t, w, `null`))
		assert.Len(t, events(t, w), 1, "not known whether it is delivered, and not six days old")
		event(t, w, 1, "100 hours")
		prune(t, w, everything)
		assert.Len(t, events(t, w), 2, "one of them is not old")
		w.exec(t, `delete from handoff.outbox where created_at > now() - interval '101 hours'`)
		prune(t, w, everything)
		assert.Empty(t, events(t, w))
	})

	t.Run("does not wait for a writer, nor make writers wait", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		event(t, w, 1, "143 hours")
		err := pgx.BeginFunc(t.Context(), w.root, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `select * from handoff.outbox`); err != nil {
				return err
			}
			assert.Zero(t, prune(t, w, everything))
			return nil
		})
		require.NoError(t, err)
		assert.Len(t, events(t, w), 1)
		prune(t, w, everything)
		assert.Empty(t, events(t, w), "the next run does it")
	})

	t.Run("deletes rows of more than six days, some at a time, and none that is not delivered", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `truncate handoff.outbox`)
		for range 4 {
			event(t, w, 0, "145 hours")
		}
		event(t, w, 0, "1 hour")
		assert.Zero(t, prune(t, w, `'1'::xid8`))
		assert.Equal(t, 3, prune(t, w, `null`))
		assert.Equal(t, 1, prune(t, w, everything))
		assert.Equal(t, 1, read[int](t, w, `select count(*) from handoff.outbox`))
	})

	t.Run("forgets counters, mail and decisions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `insert into handoff.rate_limits (scope, user_id, hits)
			select scope, $1, array[now() - interval '3 days', now() - age] from (values ('old', interval '25 hours'), ('new', '23 hours')) as v (scope, age)`, w.ann.id)
		w.exec(t, `insert into handoff.mail_outbox (project_id, kind, recipient, created_at, sent_at)
			select $1, kind, 'a@example.com', now() - interval '40 days', now() - age
			  from (values ('old', interval '31 days'), ('new', '29 days'), ('unsent', null)) as v (kind, age)`, w.project)
		assert.Equal(t, 1, prune(t, w, `null`))
		assert.Equal(t, []string{"new"}, read[[]string](t, w, `select array_agg(scope) from handoff.rate_limits`))
		assert.ElementsMatch(t, []string{"new", "unsent"}, read[[]string](t, w, `select array_agg(kind) from handoff.mail_outbox`))
	})
}
