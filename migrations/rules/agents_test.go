package rules_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// agentColumn reads one column of the actor's row as an agent.
func agentColumn[T any](t *testing.T, w *world, who actor, column string) T {
	t.Helper()
	return read[T](t, w, `select `+pgx.Identifier{column}.Sanitize()+` from public.agent_availability where project_id = $1 and user_id = $2`,
		w.project, who.id)
}

func TestSetAgentStatus(t *testing.T) {
	t.Parallel()

	t.Run("every member is an agent from the beginning, and offline", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, 2, read[int](t, w, `select count(*) from public.agent_availability`))
		w.owner.must(t, "set_agent_status($1, 'online')", w.project)
		assert.Equal(t, 3, read[int](t, w, `select count(*) from public.agent_availability`), "the owner, once the owner works as one")
	})

	t.Run("answers what the agent can be given", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.sarah.must(t, "set_agent_status($1, 'available')", w.project)
		delete(answer, "status_changed_at")
		assert.Equal(t, map[string]any{
			"user_id": w.sarah.id, "status": "online", "effective_status": "online", "effective_reason": "wanted", "connection": "unknown", "status_set_by": w.sarah.id,
			"current_chat_count": 0.0, "offered_chat_count": 0.0, "max_concurrent_chats": 5.0, "available_slots": 5.0, "skills": []any{},
		}, answer)
	})

	t.Run("the same status again is no change", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.sarah.must(t, "set_agent_status($1, 'away')", w.project)["status_changed_at"]
		assert.Equal(t, first, w.sarah.must(t, "set_agent_status($1, 'away')", w.project)["status_changed_at"])
		assert.NotEqual(t, first, w.sarah.must(t, "set_agent_status($1, 'busy')", w.project)["status_changed_at"])
		assert.Equal(t, []string{"offline/5", "away/5", "busy/5"}, w.presence(t, w.sarah))
	})

	for _, status := range []string{"busy", "away", "offline"} {
		t.Run("who is "+status+" keeps the chats and gets no more", func(t *testing.T) {
			t.Parallel()
			w := online(t)
			id := w.waiting(t, w.ann)
			w.assign(t, id, w.sarah)
			answer := w.sarah.must(t, "set_agent_status($1, $2)", w.project, status)
			assert.InDelta(t, 1, answer["current_chat_count"], 0)
			assert.Equal(t, "agent_active", w.status(t, id))
			w.sarah.must(t, "send_message($1, 'Still here')", id)
			assert.Equal(t, "NOT_ONLINE", w.sarah.must(t, "claim_conversation($1)", w.waiting(t, w.bob))["error"])
		})
	}

	t.Run("an admin sets another member's, and it is recorded", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.exec(t, `update public.agent_availability set last_seen_at = '2026-01-01' where user_id = $1`, w.sarah.id)
		answer := w.owner.must(t, "set_agent_status($1, 'away', $2)", w.project, w.sarah.id)
		assert.Equal(t, []any{w.sarah.id, "away", w.owner.id}, []any{answer["user_id"], answer["status"], answer["status_set_by"]})
		assert.Equal(t, 2026, agentColumn[time.Time](t, w, w.sarah, "last_seen_at").Year())
		assert.Equal(t, time.January, agentColumn[time.Time](t, w, w.sarah, "last_seen_at").Month(), "no sign of life of the agent")
		assert.Equal(t, "online", agentColumn[string](t, w, w.mike, "status"))
		assert.Equal(t, w.sarah.id, w.sarah.must(t, "set_agent_status($1, 'online')", w.project)["status_set_by"])
		w.exec(t, `update public.agent_availability set status = 'offline' where user_id = $1`, w.sarah.id)
		assert.Nil(t, agentColumn[*string](t, w, w.sarah, "status_set_by"), "the system")
	})

	t.Run("is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, try := range map[string]struct {
			who    actor
			status string
			target actor
			state  string
			code   string
		}{
			"to an agent for another":  {w.sarah, "away", w.mike, "PT403", "not_an_admin"},
			"to a visitor":             {w.ann, "online", w.ann, "PT403", "not_a_member"},
			"for a visitor":            {w.owner, "online", w.ann, "PT404", "agent_not_found"},
			"for nobody":               {w.owner, "online", actor{id: uuid.NewString()}, "PT404", "agent_not_found"},
			"with an unknown status":   {w.sarah, "asleep", w.sarah, "PT400", "unknown_status"},
			"to the anonymous role":    {actor{w: w, role: "anon"}, "online", w.sarah, "42501", ""},
			"to the service role also": {w.robot, "online", w.sarah, "42501", ""},
		} {
			t.Log(name)
			_, err := try.who.rpc(t.Context(), "set_agent_status($1, $2, $3)", w.project, try.status, try.target.id)
			refused(t, err, try.state, try.code)
		}
		_, err := w.sarah.rpc(t.Context(), "set_agent_status($1, null)", w.project)
		refused(t, err, "PT400", "unknown_status")
		assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability where user_id in ($1, $2)`, w.ann.id, w.bob.id))
	})
}

// Dashboards may also write the table, as far as row level security and the columns go.
func TestAgentTable(t *testing.T) {
	t.Parallel()

	t.Run("an agent changes the own wish and nothing else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		rows, err := w.sarah.write(t.Context(), `update public.agent_availability
			set status = 'available', auto_offline_enabled = false, auto_offline_minutes = 10 where project_id = $1`, w.project)
		require.NoError(t, err)
		assert.Equal(t, int64(1), rows, "the own row only")
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, w.sarah.id, agentColumn[string](t, w, w.sarah, "status_set_by"))
		assert.Equal(t, "offline", agentColumn[string](t, w, w.mike, "status"))
		refused(t, w.sarah.run(t, `update public.agent_availability set status = 'asleep'`), "23514", "")
		refused(t, w.sarah.run(t, `update public.agent_availability set auto_offline_minutes = 0`), "23514", "")
		rows, err = w.ann.write(t.Context(), `update public.agent_availability set status = 'offline'`)
		require.NoError(t, err)
		assert.Zero(t, rows)
	})

	t.Run("no key of the API writes what is derived", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		derived := []string{
			"id = gen_random_uuid()", "user_id = gen_random_uuid()", "project_id = gen_random_uuid()", "effective_status = 'online'",
			"current_chat_count = 0", "last_assigned_at = now()", "status_changed_at = now()", "status_set_by = null", "connection = 'live'", "inactive = false", "last_active_at = now()",
			"effective_reason = 'wanted'", "effective_changed_at = now()", "updated_at = now()",
		}
		for _, change := range derived {
			for _, who := range []actor{w.owner, w.sarah, w.robot} {
				refused(t, who.run(t, `update public.agent_availability set `+change), "42501", "")
			}
		}
		for _, change := range []string{"max_concurrent_chats = 50", "skills = '{vip}'"} {
			refused(t, w.sarah.run(t, `update public.agent_availability set `+change), "42501", "")
			require.NoError(t, w.robot.run(t, `update public.agent_availability set `+change))
		}
		refused(t, w.robot.run(t, `insert into public.agent_availability (user_id, project_id, current_chat_count) values ($1, $2, 3)`,
			w.owner.id, w.project), "42501", "")
		for _, statement := range []string{
			`insert into public.agent_availability (user_id, project_id) values (auth.uid(), (select id from public.projects))`,
			`delete from public.agent_availability`,
		} {
			refused(t, w.owner.run(t, statement), "42501", "")
		}
	})

	t.Run("a new row begins with the chats the agent has", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.owner.must(t, "set_agent_status($1, 'online')", w.project)
		w.assign(t, w.waiting(t, w.ann), w.owner)
		w.assign(t, w.waiting(t, w.bob), w.owner)
		w.exec(t, `delete from public.agent_availability where user_id = $1`, w.owner.id)
		w.exec(t, `insert into public.agent_availability (user_id, project_id, status) values ($1, $2, 'available')`, w.owner.id, w.project)
		assert.Equal(t, 2, agentColumn[int](t, w, w.owner, "current_chat_count"))
		assertCountsAreTrue(t, w)
	})

	t.Run("nobody without a row is given a chat", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		_, err := w.root.Exec(t.Context(), `update public.conversations set status = 'agent_active', assigned_agent_id = $2 where id = $1`, id, w.owner.id)
		refused(t, err, "PT409", "agent_not_online")
	})
}

func TestSetAgentSkills(t *testing.T) {
	t.Parallel()

	t.Run("are compared in one form, and announced: a chat may wait for them", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.owner.must(t, "set_agent_skills($1, $2, $3)", w.project, []string{" Billing", "français", "BILLING", "", " "}, w.sarah.id)
		assert.Equal(t, []any{"billing", "français"}, answer["skills"])
		w.owner.must(t, "set_agent_skills($1, $2, $3)", w.project, []string{"billing", "Français"}, w.sarah.id)
		assert.Equal(t, []string{"offline/5", "offline/5"}, w.presence(t, w.sarah), "the same skills again are no news")
		assert.Equal(t, []any{}, w.owner.must(t, "set_agent_skills($1, null, $2)", w.project, w.sarah.id)["skills"])
		require.NoError(t, w.robot.run(t, `update public.agent_availability set skills = '{VIP,vip}'`))
		assert.Equal(t, []string{"vip"}, agentColumn[[]string](t, w, w.sarah, "skills"), "whoever writes them")
	})

	t.Run("are an admin's to give", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, target := range []actor{w.sarah, w.mike} {
			_, err := w.sarah.rpc(t.Context(), "set_agent_skills($1, '{vip}', $2)", w.project, target.id)
			refused(t, err, "PT403", "not_an_admin")
		}
		assert.Equal(t, []any{"vip"}, w.admin(t).must(t, "set_agent_skills($1, '{vip}')", w.project)["skills"], "an admin's own")
		assert.Equal(t, []string{"vip"}, agentColumn[[]string](t, w, w.mike, "skills"))
		_, err := w.mike.rpc(t.Context(), "set_agent_skills($1, '{vip}', $2)", w.project, w.ann.id)
		refused(t, err, "PT404", "agent_not_found")
	})

	t.Run("have bounds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, skills := range []string{`array[repeat('s', 101)]`, `array(select 'skill ' || n from generate_series(1, 51) as n)`} {
			_, err := w.owner.rpc(t.Context(), "set_agent_skills($1, "+skills+")", w.project)
			refused(t, err, "PT400", "skills_out_of_range")
		}
	})
}
