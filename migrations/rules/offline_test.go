package rules_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const thanks = "Thanks! We have your message and will get back to you by e-mail."

func TestOfflineForm(t *testing.T) {
	t.Parallel()

	t.Run("outside of hours the question waits for the team", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `update public.handoff_settings set business_hours_enabled = true`)
		w.exec(t, `update public.handoff_settings set business_hours =
			(select jsonb_object_agg(day, hours || '{"enabled": false}') from jsonb_each(business_hours) as d (day, hours))`)
		id := w.chat(t, w.ann, "v1")
		require.Equal(t, "offline", w.ann.must(t, "request_handoff($1, 'button_click')", id)["status"])

		answer := w.ann.must(t, "submit_offline_form($1, ' Ann@Example.com', 'Ann', 'My bike is broken')", id)
		assert.Equal(t, map[string]any{"status": "waiting", "message": thanks}, answer)
		assert.Equal(t, []string{"message", "status_changed"}, w.kinds(t, id))
		assertNumbersHaveNoGap(t, w, id)

		conversation := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, "ann@example.com", conversation["customer_email"])
		assert.Equal(t, "Ann", conversation["customer_name"])
		assert.Equal(t, "customer_request", conversation["handoff_reason"])
		assert.Equal(t, "My bike is broken", conversation["preview"])
		assert.Equal(t, "ann@example.com", w.customer(t, w.customerOf(t, "v1"))["email"])
		queued := read[map[string]any](t, w, `select payload -> 'conversation' from handoff.outbox where kind = 'new_conversation'`)
		assert.Equal(t, "My bike is broken", queued["preview"], "the queue shows what it is about")

		message := read[map[string]any](t, w, `select to_jsonb(m) from public.messages as m where conversation_id = $1`, id)
		assert.Equal(t, "customer", message["sender_type"])
		assert.Equal(t, w.ann.id, message["sender_id"])
		assert.Equal(t, map[string]any{"type": "offline_form"}, message["metadata"])
		lead := read[map[string]any](t, w, `select to_jsonb(l) - array['id', 'created_at'] from public.lead_captures as l`)
		assert.Equal(t, map[string]any{
			"project_id": w.project, "session_id": id, "customer_id": w.customerOf(t, "v1"),
			"user_email": "ann@example.com", "user_name": "Ann", "question": "My bike is broken",
		}, lead)
	})

	t.Run("the confirmation has no word of the visitor's, and comes once an hour", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.chat(t, w.ann, "v1")
		w.ann.must(t, "submit_offline_form($1, 'ann@example.com', 'Buy pills', 'http://spam.example')", id)
		mail := read[map[string]any](t, w, `select to_jsonb(m) - array['id', 'created_at', 'next_attempt_at'] from handoff.mail_outbox as m`)
		assert.Equal(t, map[string]any{
			"project_id": w.project, "kind": "offline_confirmation", "recipient": "ann@example.com",
			"data": map[string]any{"conversation_id": id}, "sent_at": nil, "attempts": 0.0, "last_error": nil,
			"first_tried_at": nil, "given_up_at": nil,
		}, mail)
		w.ann.must(t, "submit_offline_form($1, 'ann@example.com', 'Ann', 'And another thing')", id)
		count := `select count(*) from handoff.mail_outbox`
		assert.Equal(t, 1, read[int](t, w, count))
		assert.Equal(t, 2, read[int](t, w, `select count(*) from public.lead_captures`))
		confirm := `select handoff.confirm_question(c, now() + $1::interval) from public.conversations as c`
		w.exec(t, confirm, "59 minutes")
		assert.Equal(t, 1, read[int](t, w, count))
		w.exec(t, confirm, "61 minutes")
		assert.Equal(t, 2, read[int](t, w, count))
	})

	t.Run("the same client_message_id changes nothing, even at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		id, key := w.chat(t, w.ann, "v1"), uuid.NewString()
		together(t, 8, func(ctx context.Context, _ int) error {
			answer, err := w.ann.rpc(ctx, "submit_offline_form($1, 'ann@example.com', null, 'Help', $2)", id, key)
			if err == nil && answer["status"] != "waiting" {
				return fmt.Errorf("answered %v", answer)
			}
			return err
		})
		for _, table := range []string{"public.messages", "public.lead_captures", "handoff.mail_outbox"} {
			assert.Equal(t, 1, read[int](t, w, `select count(*) from `+table), table)
		}
		require.NoError(t, w.move(t, id, "closed"))
		answer := w.ann.must(t, "submit_offline_form($1, 'ann@example.com', null, 'Help', $2)", id, key)
		assert.Equal(t, "closed", answer["status"], "sent again after the answer got lost")
	})

	t.Run("a conversation that has left the AI stays where it is and keeps the message", func(t *testing.T) {
		t.Parallel()
		for _, state := range []string{"waiting", "agent_active", "resolved"} {
			t.Run(state, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				id := w.chat(t, w.ann, "v1")
				w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
				for _, step := range pathTo[state] {
					require.NoError(t, w.move(t, id, step))
				}
				want := state
				if state == "resolved" {
					want = "agent_active" // as any message after a resolution: F001 5.2.4
				}
				answer := w.ann.must(t, "submit_offline_form($1, 'ann@example.com', 'Ann', 'Help')", id)
				assert.Equal(t, want, answer["status"])
				assert.Equal(t, "Help", read[string](t, w, `select content from public.messages where conversation_id = $1`, id))
				assertNumbersHaveNoGap(t, w, id)
				assertCountsAreTrue(t, w)
			})
		}
	})

	t.Run("refuses others, closed conversations, bad addresses, empty messages and projects without handoff", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.chat(t, w.ann, "v1")
		form := "submit_offline_form($1, 'ann@example.com', 'Ann', 'Help')"
		_, err := w.bob.rpc(t.Context(), form, id)
		refused(t, err, "PT404", "conversation_not_found")
		_, err = w.sarah.rpc(t.Context(), form, id)
		refused(t, err, "PT403", "not_the_visitor")
		_, err = w.ann.rpc(t.Context(), "submit_offline_form($1, 'ann', 'Ann', 'Help')", id)
		refused(t, err, "PT400", "email_invalid")
		_, err = w.ann.rpc(t.Context(), "submit_offline_form($1, 'ann@example.com', 'Ann', '')", id)
		refused(t, err, "23514", "")
		w.exec(t, `update public.handoff_settings set enabled = false`)
		_, err = w.ann.rpc(t.Context(), form, id)
		refused(t, err, "PT409", "handoff_disabled")
		require.NoError(t, w.move(t, id, "closed"))
		_, err = w.ann.rpc(t.Context(), form, id)
		refused(t, err, "PT409", "conversation_closed")
		for _, table := range []string{"public.messages", "public.lead_captures", "handoff.mail_outbox"} {
			assert.Zero(t, read[int](t, w, `select count(*) from `+table), "a refused form leaves nothing in %s", table)
		}
		assert.Nil(t, w.customer(t, w.customerOf(t, "v1"))["email"])
	})

	t.Run("50 forms at once all arrive", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		visitors, chats := make([]actor, 10), make([]string, 10)
		for i := range visitors {
			visitors[i] = w.person(t, "", "")
			chats[i] = w.chat(t, visitors[i], fmt.Sprintf("device-%d", i))
		}
		together(t, 50, func(ctx context.Context, i int) error {
			_, err := visitors[i%10].rpc(ctx, "submit_offline_form($1, $2, null, 'Help')", chats[i%10], fmt.Sprintf("p%d@example.com", i%3))
			return err
		})
		assert.Equal(t, 50, read[int](t, w, `select count(*) from public.messages`))
		assert.Equal(t, 50, read[int](t, w, `select count(*) from public.lead_captures where customer_id is not null`))
		assert.Equal(t, 10, read[int](t, w, `select count(*) from public.conversations where status = 'waiting'`))
		assert.Equal(t, 3, read[int](t, w, `select count(*) from public.customers where email is not null`))
		assert.Equal(t, 3, read[int](t, w, `select count(*) from handoff.mail_outbox`))
		for _, id := range chats {
			assertNumbersHaveNoGap(t, w, id)
		}
		assertTotalsAreTrue(t, w)
	})
}
