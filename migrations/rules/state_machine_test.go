package rules_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// legalMoves is F001 5.2.4 with the moves that ARCHITECTURE decision 3 and F001 5.12.7 add.
var legalMoves = map[string][]string{
	"ai_active":    {"waiting", "agent_active", "closed"},
	"waiting":      {"agent_active", "closed"},
	"agent_active": {"waiting", "resolved", "closed"},
	"resolved":     {"agent_active", "waiting", "closed"},
	"closed":       {},
}

// pathTo is a way from ai_active to each state.
var pathTo = map[string][]string{
	"ai_active":    {},
	"waiting":      {"waiting"},
	"agent_active": {"waiting", "agent_active"},
	"resolved":     {"waiting", "agent_active", "resolved"},
	"closed":       {"closed"},
}

func TestStateMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	for from, legal := range legalMoves {
		for to := range legalMoves {
			if from == to {
				continue
			}
			allowed := contains(legal, to)
			t.Run(fmt.Sprintf("%s to %s is %s", from, to, verdict(allowed)), func(t *testing.T) {
				t.Parallel()
				id := w.conversation(t, w.person(t, "", ""))
				for _, step := range pathTo[from] {
					require.NoError(t, w.move(t, id, step))
				}
				err := w.move(t, id, to)
				if !allowed {
					refused(t, err, "PT409", "illegal_transition")
					assert.Equal(t, from, w.status(t, id))
					return
				}
				require.NoError(t, err)
				assert.Equal(t, to, w.status(t, id))
				assertNumbersHaveNoGap(t, w, id)
			})
		}
	}
}

// A column that is added later and that the guard does not see would be a way round it.
func TestGuardSeesAllButWhatMessagesWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, []string{
		"auto_close_warning_sent_at", "closed_message_at", "customer_active_at", "event_seq", "first_response_at",
		"last_message_at", "preview", "updated_at",
	}, read[[]string](t, w, `select array_agg(attname::text order by attname) from pg_attribute
		where attrelid = 'public.conversations'::regclass and attnum > 0 and not attisdropped and attnum <> all (
			select unnest(tgattr) from pg_trigger where tgrelid = attrelid and tgname = 'conversations_guard')`))
}

func TestMessagesSayWhenTheirConversationChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.conversation(t, w.ann)
	w.exec(t, `update public.conversations set updated_at = '2000-01-01' where id = $1`, id)
	w.ann.must(t, "send_message($1, 'Hello?')", id)
	assert.True(t, read[bool](t, w, `select updated_at = last_message_at and updated_at > '2001-01-01'
		from public.conversations where id = $1`, id))
}

func (w *world) move(t *testing.T, conversation, status string) error {
	t.Helper()
	_, err := w.root.Exec(t.Context(), `
		update public.conversations
		   set status = $2, assigned_agent_id = case when $2 = 'agent_active' then $3::uuid else assigned_agent_id end
		 where id = $1`, conversation, status, w.sarah.id)
	return err
}

// assertNumbersHaveNoGap holds the events of a conversation's topic against event_seq: 1, 2, 3, ... to the last.
func assertNumbersHaveNoGap(t *testing.T, w *world, conversation string) {
	t.Helper()
	gapless := read[bool](t, w, `
		select coalesce(array_agg(event.seq order by event.seq), '{}')
		       = array(select generate_series(1, conversation.event_seq))
		  from public.conversations as conversation
		  left join handoff.outbox as event on event.conversation_id = conversation.id and event.seq > 0
		 where conversation.id = $1
		 group by conversation.event_seq`, conversation)
	assert.True(t, gapless, "events of %s: %v, event_seq %d", conversation, w.kinds(t, conversation),
		read[int](t, w, `select event_seq from public.conversations where id = $1`, conversation))
}

func TestStateMachineKeepsTimes(t *testing.T) {
	t.Parallel()

	t.Run("a chat that loses its agent keeps its place in line", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		entered := `select queue_entered_at::text from public.conversations where id = $1`
		before := read[string](t, w, entered, id)
		w.assign(t, id, w.sarah)
		require.NoError(t, w.move(t, id, "waiting"))
		assert.Equal(t, before, read[string](t, w, entered, id))
		assert.False(t, read[bool](t, w, `select assigned_agent_id is not null from public.conversations where id = $1`, id))
	})

	t.Run("when an agent's account is deleted its chats wait again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		w.exec(t, `delete from auth.users where id = $1`, w.sarah.id)
		assert.Equal(t, "waiting", w.status(t, id))
		assertNumbersHaveNoGap(t, w, id)
	})

	t.Run("an insert cannot start in the queue or with an agent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, status := range []string{"waiting", "agent_active"} {
			_, err := w.root.Exec(t.Context(), `insert into public.conversations (project_id, visitor_id, status) values ($1, 'v', $2)`, w.project, status)
			refused(t, err, "PT409", "illegal_transition")
		}
	})
}

func contains(list []string, wanted string) bool {
	for _, one := range list {
		if one == wanted {
			return true
		}
	}
	return false
}

func verdict(allowed bool) string {
	if allowed {
		return "allowed"
	}
	return "refused"
}
