package rules_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// online is a world with both agents online.
func online(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	w.mike.must(t, "set_agent_status($1, 'online')", w.project)
	return w
}

func (w *world) owns(t *testing.T, conversation string) string {
	t.Helper()
	return read[string](t, w, `select coalesce(assigned_agent_id::text, '') from public.conversations where id = $1`, conversation)
}

func TestClaim(t *testing.T) {
	t.Parallel()

	t.Run("gives the conversation to who asks", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		want := map[string]any{"success": true, "conversation": map[string]any{"id": id, "status": "agent_active", "assigned_agent_id": w.sarah.id}}
		assert.Equal(t, want, w.sarah.must(t, "claim_conversation($1)", id))
		assert.Equal(t, want, w.sarah.must(t, "claim_conversation($1)", id), "asking twice changes nothing")
		assertCountsAreTrue(t, w)
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("answers with the reason when it cannot", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		errorOf := func(who actor, conversation string) any {
			answer := who.must(t, "claim_conversation($1)", conversation)
			assert.Equal(t, false, answer["success"])
			assert.NotEmpty(t, answer["message"])
			return answer["error"]
		}
		assert.Equal(t, "ACCESS_DENIED", errorOf(w.bob, id))
		assert.Equal(t, "ACCESS_DENIED", errorOf(w.ann, id))
		assert.Equal(t, "ACCESS_DENIED", errorOf(w.sarah, uuid.NewString()))
		assert.Equal(t, "NOT_ONLINE", errorOf(w.owner, id))
		w.mike.must(t, "set_agent_status($1, 'away')", w.project)
		assert.Equal(t, "NOT_ONLINE", errorOf(w.mike, id))
		assert.Equal(t, "NOT_WAITING", errorOf(w.sarah, w.conversation(t, w.bob)))
		w.sarah.must(t, "claim_conversation($1)", id)
		assert.Equal(t, "ALREADY_CLAIMED", errorOf(w.mike, id))
		w.exec(t, `update public.agent_availability set max_concurrent_chats = 1`)
		assert.Equal(t, "NO_CAPACITY", errorOf(w.sarah, w.waiting(t, w.person(t, "", ""))))
	})

	t.Run("taking over works from the AI as well", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		assert.Equal(t, true, w.sarah.must(t, "take_over_conversation($1)", id)["success"])
		assert.Equal(t, w.sarah.id, w.owns(t, id))
		_, err := w.robot.rpc(t.Context(), "post_ai_message($1, 'Me!', 0.9)", id)
		refused(t, err, "PT409", "with_an_agent")
	})
}

func TestTransfer(t *testing.T) {
	t.Parallel()

	t.Run("to an agent with a free slot", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		w.sarah.must(t, "transfer_conversation($1, $2)", id, w.mike.id)
		assert.Equal(t, w.mike.id, w.owns(t, id))
		assertCountsAreTrue(t, w)
		assert.Equal(t, []string{"status_changed", "status_changed", "agent_assigned", "agent_assigned"}, w.kinds(t, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("to the queue, keeping its age, and not straight back", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		entered := read[string](t, w, `select queue_entered_at::text from public.conversations where id = $1`, id)
		w.assign(t, id, w.sarah)
		w.sarah.must(t, "transfer_conversation($1)", id)
		row := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, "waiting", row["status"])
		assert.Equal(t, w.sarah.id, row["released_by"])
		assert.Equal(t, entered, read[string](t, w, `select queue_entered_at::text from public.conversations where id = $1`, id))
	})

	t.Run("is refused before it leaves the sender", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		_, err := w.sarah.rpc(t.Context(), "transfer_conversation($1)", id)
		refused(t, err, "PT403", "not_your_conversation")
		w.assign(t, id, w.sarah)
		_, err = w.mike.rpc(t.Context(), "transfer_conversation($1, $2)", id, w.mike.id)
		refused(t, err, "PT403", "not_your_conversation")
		_, err = w.sarah.rpc(t.Context(), "transfer_conversation($1, $2)", id, w.bob.id)
		refused(t, err, "PT409", "agent_not_online")
		w.exec(t, `update public.agent_availability set max_concurrent_chats = 1 where user_id = $1`, w.mike.id)
		w.assign(t, w.waiting(t, w.bob), w.mike)
		_, err = w.sarah.rpc(t.Context(), "transfer_conversation($1, $2)", id, w.mike.id)
		refused(t, err, "PT409", "agent_has_no_capacity")
		w.mike.must(t, "set_agent_status($1, 'away')", w.project)
		_, err = w.owner.rpc(t.Context(), "transfer_conversation($1, $2)", id, w.mike.id)
		refused(t, err, "PT409", "agent_not_online")
		assert.Equal(t, w.sarah.id, w.owns(t, id))
		w.owner.must(t, "transfer_conversation($1)", id)
	})
}

func TestClose(t *testing.T) {
	t.Parallel()

	t.Run("by the visitor, twice", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		for range 2 {
			w.ann.must(t, "close_conversation($1)", id)
		}
		assert.Equal(t, "customer", read[string](t, w, `select close_reason from public.conversations where id = $1`, id))
		assertCountsAreTrue(t, w)
	})

	t.Run("by its agent, not by another one or a stranger", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		_, err := w.mike.rpc(t.Context(), "close_conversation($1)", id)
		refused(t, err, "PT403", "not_your_conversation")
		_, err = w.bob.rpc(t.Context(), "close_conversation($1)", id)
		refused(t, err, "PT404", "conversation_not_found")
		w.sarah.must(t, "close_conversation($1)", id)
		assert.Equal(t, "closed", w.status(t, id))
	})

	t.Run("clearing hides it from the visitor and from nobody else", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		w.ann.must(t, "send_message($1, 'Hello')", id)
		w.ann.must(t, "clear_chat($1)", id)
		_, err := w.ann.rpc(t.Context(), "conversation_sync($1)", id)
		refused(t, err, "PT404", "conversation_not_found")
		assert.Zero(t, w.ann.count(t, "messages"))
		assert.False(t, w.ann.canListen(t, "conversation:"+id))
		assert.Equal(t, 1, w.sarah.count(t, "messages"))
		assert.NotEqual(t, id, w.conversation(t, w.ann))
	})

	t.Run("as spam", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		_, err := w.ann.rpc(t.Context(), "mark_spam($1)", id)
		refused(t, err, "PT404", "conversation_not_found")
		w.mike.must(t, "mark_spam($1)", id)
		assert.True(t, read[bool](t, w, `select is_spam and status = 'closed' and close_reason = 'spam' from public.conversations where id = $1`, id))
	})
}

func TestRating(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.waiting(t, w.ann)
	rate := func(who actor, rating any) error {
		_, err := who.rpc(t.Context(), "rate_conversation($1, $2, ' Thanks ')", id, rating)
		return err
	}
	refused(t, rate(w.ann, 5), "PT409", "not_ratable")
	w.assign(t, id, w.sarah)
	refused(t, rate(w.ann, 5), "PT409", "not_ratable")
	w.sarah.must(t, "resolve_conversation($1)", id)
	for _, wrong := range []any{0, 6, nil} {
		refused(t, rate(w.ann, wrong), "PT400", "rating_out_of_range")
	}
	refused(t, rate(w.sarah, 5), "PT403", "not_the_visitor")
	refused(t, rate(w.bob, 5), "PT404", "conversation_not_found")
	require.NoError(t, rate(w.ann, 4))
	assert.Equal(t, "4 Thanks", read[string](t, w, `select satisfaction_rating || ' ' || satisfaction_feedback from public.conversations where id = $1`, id))
}

func TestReturnToQueue(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.waiting(t, w.ann)
	w.assign(t, id, w.sarah)
	_, err := w.ann.rpc(t.Context(), "return_to_queue($1)", id)
	refused(t, err, "PT409", "agent_is_here")
	w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
	_, err = w.ann.rpc(t.Context(), "return_to_queue($1)", id)
	refused(t, err, "PT409", "agent_is_here")
	w.exec(t, `alter table public.agent_availability disable trigger user`)
	w.exec(t, `update public.agent_availability set effective_changed_at = now() - interval '11 minutes' where user_id = $1`, w.sarah.id)
	w.exec(t, `alter table public.agent_availability enable trigger user`)
	answer := w.ann.must(t, "return_to_queue($1)", id)
	assert.Equal(t, "waiting", answer["status"])
	assert.InDelta(t, 1, answer["queue_position"], 0)
	assert.Equal(t, answer, w.ann.must(t, "return_to_queue($1)", id), "asking twice changes nothing")
}

// The agent comes back at the very moment at which the visitor leaves: nobody who is there loses a chat.
func TestReturnToQueueMeetsTheAgent(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.waiting(t, w.ann)
	w.assign(t, id, w.sarah)
	w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
	answer := w.meets(t, `update public.agent_availability set status = 'online' where user_id = '`+w.sarah.id+`'`, func(ctx context.Context) error {
		return w.ann.do(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select handoff.return_to_queue($1, now() + interval '11 minutes')`, id)
			return err
		})
	})
	refused(t, answer, "PT409", "agent_is_here")
	assert.Equal(t, "agent_active", w.status(t, id))
}

// meets makes a call while a transaction that has done the statement is about to commit, and returns what came of the call.
func (w *world) meets(t *testing.T, sql string, call func(ctx context.Context) error) error {
	t.Helper()
	other, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = other.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = other.Exec(t.Context(), sql)
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() { answered <- call(t.Context()) }()
	w.awaitLock(t)
	require.NoError(t, other.Commit(t.Context()))
	return <-answered
}

func TestNotes(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.conversation(t, w.ann)
	note := w.sarah.must(t, "add_note($1, 'Pays late')", id)
	assert.Equal(t, w.sarah.id, note["author_id"])
	_, err := w.ann.rpc(t.Context(), "add_note($1, 'Nice try')", id)
	refused(t, err, "PT404", "conversation_not_found")
	assert.Equal(t, 1, w.mike.count(t, "conversation_notes"))
	assert.Zero(t, w.ann.count(t, "conversation_notes"))
	require.NoError(t, w.mike.run(t, `insert into public.conversation_notes (conversation_id, author_id, content) values ($1, $2, 'Direct')`, id, w.mike.id))
	refused(t, w.mike.run(t, `insert into public.conversation_notes (conversation_id, author_id, content) values ($1, $2, 'Forged')`, id, w.sarah.id), "42501", "")
	refused(t, w.bob.run(t, `insert into public.conversation_notes (conversation_id, author_id, content) values ($1, $2, 'Stranger')`, id, w.bob.id), "42501", "")
	require.NoError(t, w.mike.run(t, `delete from public.conversation_notes where true`))
	assert.Equal(t, 1, w.mike.count(t, "conversation_notes"), "only the own one went")
}

func TestSorting(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.conversation(t, w.ann)
	require.NoError(t, w.mike.run(t, `update public.conversations set tags = array[' Billing', 'billing', 'VIP', ''], priority = 3,
		required_skills = array['German '] where id = $1`, id))
	row := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
	assert.Equal(t, []any{"billing", "vip"}, row["tags"])
	assert.Equal(t, []any{"german"}, row["required_skills"])
	refused(t, w.mike.run(t, `update public.conversations set status = 'closed' where id = $1`, id), "42501", "")
	require.NoError(t, w.ann.run(t, `update public.conversations set priority = 9 where id = $1`, id))
	assert.Equal(t, 3, read[int](t, w, `select priority from public.conversations where id = $1`, id), "a visitor changes nothing")
}

func TestInbox(t *testing.T) {
	t.Parallel()
	w := online(t)
	var ids []string
	for range 3 {
		ids = append(ids, w.waiting(t, w.person(t, "", "")))
	}
	w.exec(t, `update public.conversations set priority = 1 where id = $1`, ids[2])
	w.assign(t, ids[0], w.sarah)
	ai := w.conversation(t, w.ann)

	list := func(who actor, name string) (found []string, answer map[string]any) {
		answer = who.must(t, "inbox($1, $2)", w.project, name)
		for _, line := range answer["conversations"].([]any) {
			found = append(found, line.(map[string]any)["id"].(string))
		}
		return found, answer
	}
	queue, answer := list(w.sarah, "queue")
	assert.Equal(t, []string{ids[2], ids[1]}, queue, "in the order of serving")
	assert.Equal(t, map[string]any{"all": 4.0, "mine": 1.0, "queue": 2.0}, answer["counts"])
	mine, _ := list(w.sarah, "mine")
	assert.Equal(t, []string{ids[0]}, mine)
	all, _ := list(w.mike, "all")
	assert.ElementsMatch(t, append(ids, ai), all)
	closed, _ := list(w.mike, "closed")
	assert.Empty(t, closed)
	_, err := w.ann.rpc(t.Context(), "inbox($1)", w.project)
	refused(t, err, "PT403", "not_a_member")
	_, err = w.sarah.rpc(t.Context(), "inbox($1, 'secret')", w.project)
	refused(t, err, "PT400", "unknown_list")
}

func TestInboxPages(t *testing.T) {
	t.Parallel()
	for list, status := range map[string]string{"all": "resolved", "closed": "closed"} {
		t.Run(list+": those of one instant stay on one page, so none is skipped", func(t *testing.T) {
			t.Parallel()
			w := online(t)
			instant := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			for n := range 6 {
				id := w.waiting(t, w.person(t, "", ""))
				w.assign(t, id, w.sarah)
				require.NoError(t, w.move(t, id, "resolved"))
				w.exec(t, `update public.conversations set last_message_at = $2 where id = $1`, id, instant.Add(-time.Duration((n+2)/4)*time.Hour))
				if status == "closed" {
					require.NoError(t, w.move(t, id, "closed"))
				}
			}
			page := func(before any) (times []string) {
				answer := w.sarah.must(t, "inbox($1, $2, 1, $3)", w.project, list, before)
				for _, line := range answer["conversations"].([]any) {
					times = append(times, line.(map[string]any)["last_message_at"].(string))
				}
				return times
			}
			first := page(nil)
			require.Len(t, first, 2)
			second := page(first[1])
			require.Len(t, second, 4)
			assert.Empty(t, page(second[3]))
		})
	}
}

func TestConversationContext(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.conversation(t, w.ann)
	w.robot.must(t, "post_ai_message($1, 'First', 0.9)", id)
	w.robot.must(t, "post_ai_message($1, 'Second', 0.8)", id)
	w.ann.must(t, "send_message($1, 'Let me speak to someone')", id)
	context := w.sarah.must(t, "conversation_context($1)", id)
	assert.Equal(t, "speak to someone", context["trigger_keyword"])
	assert.InDelta(t, 0.8, context["ai_confidence_at_handoff"], 0.001)
	assert.InDelta(t, 2, context["ai_attempts"], 0)
	_, err := w.ann.rpc(t.Context(), "conversation_context($1)", id)
	refused(t, err, "PT403", "not_a_member")
}

func TestRateLimits(t *testing.T) {
	t.Parallel()

	t.Run("ten messages a minute, then 429 with Retry-After; nothing is half done", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		for range 10 {
			w.ann.must(t, "send_message($1, 'Hello')", id)
		}
		_, err := w.ann.rpc(t.Context(), "send_message($1, 'One too many')", id)
		assertRateLimited(t, err)
		w.robot.must(t, "post_ai_message($1, 'Not limited', 0.9)", id)
		assertNumbersHaveNoGap(t, w, id)
		w.exec(t, `update public.messages set created_at = created_at - interval '50 seconds'`)
		_, err = w.ann.rpc(t.Context(), "send_message($1, 'Still')", id)
		assertRateLimited(t, err)
		w.exec(t, `update public.messages set created_at = created_at - interval '10 seconds'`)
		w.ann.must(t, "send_message($1, 'Now')", id)
	})

	t.Run("sending the same message again is not counted", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id, key := w.conversation(t, w.ann), uuid.NewString()
		for range 15 {
			w.ann.must(t, "send_message($1, 'Hello', $2)", id, key)
		}
	})

	t.Run("a hundred calls of an agent a minute", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		for range 100 {
			w.sarah.must(t, "add_note($1, 'Note')", id)
		}
		_, err := w.sarah.rpc(t.Context(), "add_note($1, 'Note')", id)
		assertRateLimited(t, err)
		w.mike.must(t, "add_note($1, 'Somebody else')", id)
	})
}

func assertRateLimited(t *testing.T, err error) {
	t.Helper()
	var refusal *pgconn.PgError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "PGRST", refusal.Code)
	var body struct{ Code, Message, Details, Hint string }
	require.NoError(t, json.Unmarshal([]byte(refusal.Message), &body))
	assert.Equal(t, "rate_limited", body.Details)
	var answer struct {
		Status  int
		Headers map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(refusal.Detail), &answer))
	assert.Equal(t, 429, answer.Status)
	assert.Regexp(t, `^([1-9]|[1-5]\d|60)$`, answer.Headers["Retry-After"])
}

// run executes a statement as the actor.
func (a actor) run(t *testing.T, sql string, args ...any) error {
	t.Helper()
	return a.do(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), sql, args...)
		return err
	})
}
