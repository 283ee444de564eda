package rules_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestHandoffTriggers(t *testing.T) {
	t.Parallel()

	t.Run("a keyword hands off in the transaction of its message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.conversation(t, w.ann)
		w.robot.must(t, "post_ai_message($1, 'Try again', 0.72)", id)
		w.ann.must(t, "send_message($1, 'I tried. Can I talk to a real PERSON, please?')", id)

		assert.Equal(t, "waiting", w.status(t, id))
		row := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, "keyword", row["handoff_reason"])
		assert.Equal(t, "person", row["trigger_keyword"])
		assert.InDelta(t, 0.72, row["ai_confidence_at_handoff"], 0.0001)
		assert.Equal(t, []string{"message", "message", "status_changed"}, w.kinds(t, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("a keyword inside another word does not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.conversation(t, w.ann)
		w.ann.must(t, "send_message($1, 'The reagent came. In-personal? superhuman_ness')", id)
		assert.Equal(t, "ai_active", w.status(t, id))
	})

	t.Run("low confidence hands off, enough does not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.conversation(t, w.ann)
		w.robot.must(t, "post_ai_message($1, 'Certain', 0.6)", id)
		assert.Equal(t, "ai_active", w.status(t, id))
		w.robot.must(t, "post_ai_message($1, 'A guess', 0.59)", id)
		assert.Equal(t, "waiting", w.status(t, id))
	})

	t.Run("nobody online, nobody promised", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		w.ann.must(t, "send_message($1, 'human!')", id)
		w.robot.must(t, "post_ai_message($1, 'A guess', 0.1)", id)
		assert.Equal(t, "ai_active", w.status(t, id))
	})

	for name, change := range map[string]string{
		"handoff disabled":    `update public.handoff_settings set enabled = false`,
		"manual mode":         `update public.handoff_settings set trigger_mode = 'manual'`,
		"both triggers off":   `update public.handoff_settings set auto_triggers = auto_triggers || '{"keywords_enabled": false, "low_confidence_enabled": false}'`,
		"no settings at all":  `delete from public.handoff_settings`,
		"outside of hours":    `update public.handoff_settings set business_hours_enabled = true, business_hours = '{}'`,
		"the agent is away":   `update public.agent_availability set status = 'away'`,
		"the agent is busy":   `update public.agent_availability set status = 'busy'`,
		"the agent went home": `update public.agent_availability set status = 'offline'`,
	} {
		t.Run(name+": stays with the AI", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
			id := w.conversation(t, w.ann)
			w.exec(t, change)
			w.ann.must(t, "send_message($1, 'human')", id)
			w.robot.must(t, "post_ai_message($1, 'A guess', 0.1)", id)
			assert.Equal(t, "ai_active", w.status(t, id))
		})
	}
}

func TestRequestHandoff(t *testing.T) {
	t.Parallel()

	t.Run("queued with position and estimate", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		w.waiting(t, w.bob)
		id := w.conversation(t, w.ann)
		answer := w.ann.must(t, "request_handoff($1, 'button_click', ' Ann@Example.com', 'Ann')", id)
		assert.Equal(t, map[string]any{
			"status": "waiting", "queue_position": 2.0, "estimated_wait_minutes": 10.0,
			"wait_p50_seconds": nil, "wait_p90_seconds": nil,
		}, answer)
		assert.Equal(t, "ann@example.com", read[string](t, w, `select customer_email from public.conversations where id = $1`, id))
	})

	t.Run("asking again changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		assert.Equal(t, w.ann.must(t, "queue_status($1)", id), w.ann.must(t, "request_handoff($1, 'button_click')", id))
		w.assign(t, id, w.sarah)
		answer := w.ann.must(t, "request_handoff($1, 'button_click')", id)
		assert.Equal(t, "agent_active", answer["status"])
		assert.Equal(t, map[string]any{"id": w.sarah.id, "name": "Sarah", "avatar_url": nil}, answer["assigned_agent"])
	})

	t.Run("offline with the next opening", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `update public.handoff_settings set business_hours_enabled = true, timezone = 'America/New_York',
			business_hours = jsonb_build_object(
				lower(to_char((now() at time zone 'America/New_York')::date + 1, 'FMday')), '{"start": "09:00", "end": "17:00", "enabled": true}'::jsonb)`)
		id := w.conversation(t, w.ann)
		answer := w.ann.must(t, "request_handoff($1, 'button_click')", id)
		assert.Equal(t, "offline", answer["status"])
		assert.Equal(t, "outside_hours", answer["reason"])
		assert.Equal(t, true, answer["show_offline_form"])
		hours := answer["business_hours"].(map[string]any)
		assert.Equal(t, "America/New_York", hours["timezone"])
		assert.Regexp(t, `^[A-Z][a-z]+day 9:00 AM$`, hours["next_available"])
		assert.Equal(t, "ai_active", w.status(t, id))
	})

	t.Run("refuses strangers, agents and unknown reasons", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		_, err := w.bob.rpc(t.Context(), "request_handoff($1, 'button_click')", id)
		refused(t, err, "PT404", "conversation_not_found")
		_, err = w.sarah.rpc(t.Context(), "request_handoff($1, 'button_click')", id)
		refused(t, err, "PT403", "not_the_visitor")
		_, err = w.ann.rpc(t.Context(), "request_handoff($1, 'boredom')", id)
		refused(t, err, "PT400", "unknown_reason")
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()

	t.Run("several in one statement are told as they are numbered, and what they mean comes after", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id, other := w.conversation(t, w.ann), w.conversation(t, w.bob)
		w.exec(t, `insert into public.messages (conversation_id, sender_type, content)
			values ($1, 'customer', 'Hello'), ($2, 'customer', 'Hello'), ($1, 'customer', 'A person, please'), ($1, 'customer', 'Thanks')`, id, other)
		assert.Equal(t, []string{"message 1", "message 2", "message 3", "status_changed 4", "new_conversation 0"},
			read[[]string](t, w, `select array_agg(kind || ' ' || seq order by event.id) from handoff.outbox as event where conversation_id = $1`, id))
		assert.Equal(t, "waiting", w.status(t, id))
		assert.Equal(t, "ai_active", w.status(t, other))
	})

	t.Run("in a transaction that moves its conversation before and after", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.conversation(t, w.ann)
		w.exec(t, `do $do$ declare chat uuid := '`+id+`'; begin
			insert into public.messages (conversation_id, sender_type, content) values (chat, 'customer', 'A person, please');
			insert into public.messages (conversation_id, sender_type, content) values (chat, 'customer', 'Quickly');
			update public.conversations set status = 'agent_active', assigned_agent_id = '`+w.sarah.id+`' where id = chat;
			insert into public.messages (conversation_id, sender_type, content) values (chat, 'customer', 'Hello Sarah');
			end $do$`)
		assert.Equal(t, []string{"message", "status_changed", "message", "status_changed", "agent_assigned", "message"}, w.kinds(t, id))
		assertNumbersHaveNoGap(t, w, id)
		assert.Equal(t, 1, read[int](t, w, `select current_chat_count from public.agent_availability where user_id = $1`, w.sarah.id))
	})

	t.Run("the same client_message_id is written once, even at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, key := w.conversation(t, w.ann), uuid.NewString()
		ids := make([]any, 8)
		var group errgroup.Group
		for i := range ids {
			group.Go(func() error {
				message, err := w.ann.rpc(t.Context(), "send_message($1, 'Hello', $2)", id, key)
				ids[i] = message["id"]
				return err
			})
		}
		require.NoError(t, group.Wait())
		for _, one := range ids {
			assert.Equal(t, ids[0], one)
		}
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.messages where conversation_id = $1`, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("an agent writes into the table as themselves, in their own chat only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		require.ErrorContains(t, w.sarah.insertMessage(t.Context(), id, "agent", w.sarah.id), "not with an agent")
		w.assign(t, id, w.sarah)
		require.NoError(t, w.sarah.insertMessage(t.Context(), id, "agent", w.sarah.id))
		refused(t, w.mike.insertMessage(t.Context(), id, "agent", w.mike.id), "PT403", "not_your_conversation")
		require.NoError(t, w.owner.insertMessage(t.Context(), id, "agent", w.owner.id), "an admin may step in")
		for name, err := range map[string]error{
			"as somebody else": w.mike.insertMessage(t.Context(), id, "agent", w.sarah.id),
			"as the system":    w.sarah.insertMessage(t.Context(), id, "system", w.sarah.id),
			"a stranger":       w.bob.insertMessage(t.Context(), id, "agent", w.bob.id),
			"the visitor":      w.ann.insertMessage(t.Context(), id, "customer", w.ann.id),
		} {
			t.Log(name)
			refused(t, err, "42501", "")
		}
	})

	t.Run("the AI is silent once an agent has the chat", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		w.robot.must(t, "post_ai_message($1, 'Meanwhile ...', 0.9)", id)
		w.assign(t, id, w.sarah)
		_, err := w.robot.rpc(t.Context(), "post_ai_message($1, 'Me again', 0.9)", id)
		refused(t, err, "PT409", "with_an_agent")
	})

	t.Run("nothing is written in a closed chat, and a new one can begin", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		require.NoError(t, w.move(t, id, "closed"))
		_, err := w.ann.rpc(t.Context(), "send_message($1, 'Hello?')", id)
		refused(t, err, "PT409", "conversation_closed")
		assert.NotEqual(t, id, w.conversation(t, w.ann))
	})

	t.Run("a visitor reads the own transcript and nobody else's", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		w.ann.must(t, "send_message($1, 'secret')", id)
		assert.Equal(t, 1, w.ann.count(t, "messages"))
		assert.Equal(t, 0, w.bob.count(t, "messages"))
		assert.Equal(t, 1, w.mike.count(t, "messages"))
		assert.Equal(t, 0, w.ann.count(t, "conversations"), "visitors read conversation_sync, not the row")
		_, err := w.bob.rpc(t.Context(), "conversation_sync($1)", id)
		refused(t, err, "PT404", "conversation_not_found")
	})

	t.Run("there is no difference between one that does not exist and one of others, for members either", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, somebody := range []actor{w.ann, w.sarah} {
			for _, call := range []string{"conversation_sync($1)", "send_message($1, 'Hello')"} {
				_, err := somebody.rpc(t.Context(), call, uuid.NewString())
				refused(t, err, "PT404", "conversation_not_found")
			}
		}
	})
}

func TestReopen(t *testing.T) {
	t.Parallel()

	t.Run("goes back to the same agent when that agent can take it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.resolved(t)
		w.ann.must(t, "send_message($1, 'One more thing')", id)
		assert.Equal(t, "agent_active", w.status(t, id))
		assert.Equal(t, w.sarah.id, read[string](t, w, `select assigned_agent_id::text from public.conversations where id = $1`, id))
	})

	t.Run("waits for that agent otherwise", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.resolved(t)
		w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
		w.ann.must(t, "send_message($1, 'One more thing')", id)
		assert.Equal(t, "waiting", w.status(t, id))
		assert.Equal(t, w.sarah.id, read[string](t, w, `select preferred_agent_id::text from public.conversations where id = $1`, id))
		assertNumbersHaveNoGap(t, w, id)
	})
}

func (w *world) resolved(t *testing.T) string {
	t.Helper()
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	id := w.waiting(t, w.ann)
	w.assign(t, id, w.sarah)
	_, err := w.mike.rpc(t.Context(), "resolve_conversation($1)", id)
	refused(t, err, "PT403", "not_your_conversation")
	w.sarah.must(t, "resolve_conversation($1)", id)
	return id
}

func TestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	w.mike.must(t, "set_agent_status($1, 'available')", w.project)
	var ids []string
	for range 6 {
		ids = append(ids, w.waiting(t, w.person(t, "", "")))
	}
	w.exec(t, `update public.conversations set status = 'agent_active', assigned_agent_id = $1 where status = 'waiting'`, w.sarah.id)
	assertCountsAreTrue(t, w)
	w.exec(t, `update public.conversations set assigned_agent_id = $1 where id = any($2)`, w.mike.id, ids[:3])
	assertCountsAreTrue(t, w)
	w.exec(t, `update public.conversations set status = 'resolved' where id = any($1)`, ids[2:4])
	assertCountsAreTrue(t, w)
	w.exec(t, `delete from public.conversations where id = any($1)`, ids[:2])
	assertCountsAreTrue(t, w)
	w.exec(t, `update public.agent_availability set max_concurrent_chats = 1`)
	assertCountsAreTrue(t, w)
}

func assertCountsAreTrue(t *testing.T, w *world) {
	t.Helper()
	drift := read[int](t, w, `
		select count(*) from public.agent_availability as agent
		 where agent.current_chat_count <> (select count(*) from public.conversations as chat
		        where chat.assigned_agent_id = agent.user_id and chat.project_id = agent.project_id and chat.status = 'agent_active')`)
	assert.Zero(t, drift, "agents whose count is not their number of chats")
}

func TestConversationSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	id := w.waiting(t, w.ann)
	w.assign(t, id, w.sarah)

	all := w.ann.must(t, "conversation_sync($1)", id)
	assert.Equal(t, true, all["complete"])
	assert.InDelta(t, 3, all["event_seq"], 0)
	assert.Len(t, all["events"], 3)

	tail := w.ann.must(t, "conversation_sync($1, 2)", id)
	events := tail["events"].([]any)
	require.Len(t, events, 1)
	assigned := events[0].(map[string]any)
	assert.Equal(t, "agent_assigned", assigned["event"])
	payload := assigned["payload"].(map[string]any)
	assert.ElementsMatch(t, []string{"v", "id", "seq", "conversation_id", "agent"}, keysOf(payload), "nothing internal")

	w.exec(t, `delete from handoff.outbox where conversation_id = $1 and seq < 3`, id)
	assert.Equal(t, false, w.ann.must(t, "conversation_sync($1)", id)["complete"])
	assert.Equal(t, true, w.ann.must(t, "conversation_sync($1, 3)", id)["complete"])
}

func TestProjectState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refresh := func() bool { return read[bool](t, w, `select handoff.refresh_project_state($1)`, w.project) }
	count := func(kind string) int {
		return read[int](t, w, `select count(*) from handoff.outbox where kind = $1`, kind)
	}

	assert.True(t, refresh(), "the first state is news")
	assert.False(t, refresh(), "the same state is not")
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	assert.True(t, refresh())
	assert.Equal(t, 2, count("availability_changed"))
	assert.Equal(t, 1, count("queue_updated"))
	w.waiting(t, w.ann)
	assert.True(t, refresh())
	assert.Equal(t, 2, count("queue_updated"))
	assert.Equal(t, 2, count("availability_changed"))
}

func TestListening(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.conversation(t, w.ann)
	everyone := map[string]actor{"owner": w.owner, "sarah": w.sarah, "ann": w.ann, "bob": w.bob}
	for topic, listeners := range map[string][]string{
		"conversation:" + id:                  {"owner", "sarah", "ann"},
		"conversation:" + id + ":typing":      {"owner", "sarah", "ann"},
		"conversation:" + id + ":x":           {},
		"conversation:" + uuid.NewString():    {},
		"project:" + w.project + ":agents":    {"owner", "sarah"},
		"project:" + w.project + ":widget":    {}, // public: no policy is asked
		"presence:" + w.project:               {"owner", "sarah"},
		"agent:" + w.sarah.id:                 {"sarah"},
		"agent:not-a-uuid":                    {},
		"somebody-elses-topic":                {},
		"":                                    {},
		"conversation:" + id + "' or true --": {},
	} {
		for name, who := range everyone {
			assert.Equal(t, contains(listeners, name), who.canListen(t, topic), "%s on %q", name, topic)
		}
	}
}

// canListen asks as Realtime does: is a probe row of the topic visible?
func (a actor) canListen(t *testing.T, topic string) bool {
	t.Helper()
	var visible bool
	root, err := pgx.Connect(t.Context(), a.w.db.URL("supabase_admin"))
	require.NoError(t, err)
	defer func() { _ = root.Close(context.WithoutCancel(t.Context())) }()
	tx, err := root.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	probe := uuid.NewString()
	_, err = tx.Exec(t.Context(), `insert into realtime.messages (id, topic, extension) values ($1, $2, 'broadcast')`, probe, topic)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `select set_config('role', $1, true), set_config('realtime.topic', $2, true),
		set_config('request.jwt.claims', json_build_object('sub', $3::text, 'role', $1::text)::text, true)`, a.role, topic, a.id)
	require.NoError(t, err)
	require.NoError(t, tx.QueryRow(t.Context(), `select exists (select 1 from realtime.messages where id = $1)`, probe).Scan(&visible))
	return visible
}

func (a actor) insertMessage(ctx context.Context, conversation, senderType, sender string) error {
	return a.do(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into public.messages (conversation_id, sender_type, sender_id, content) values ($1, $2, $3, 'Hi')`,
			conversation, senderType, sender)
		return err
	})
}

func (a actor) count(t *testing.T, table string) int {
	t.Helper()
	var rows int
	require.NoError(t, a.do(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `select count(*) from public.`+table).Scan(&rows)
	}))
	return rows
}

func keysOf(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	return keys
}
