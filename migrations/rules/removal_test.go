package rules_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openToEverybody are the functions that a removed member may call like any signed-in user: about the own visits and connections.
var openToEverybody = []string{
	"accept_invitation", "get_handoff_availability", "identify_customer", "my_invitations", "start_conversation", "track_visit",
	"presence_enter", "presence_heartbeat", "presence_update", "presence_leave",
}

func TestRemoveMember(t *testing.T) {
	t.Parallel()

	t.Run("ends access to every table at once", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.assign(t, w.waiting(t, w.ann), w.sarah)
		w.ann.must(t, "send_message($1, 'Hello')", w.conversationOf(t, w.ann))
		tables := read[[]string](t, w, `
			select array_agg(relation.relname::text order by relation.relname) from pg_catalog.pg_class as relation
			 where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('r', 'v', 'p')
			   and has_table_privilege('authenticated', relation.oid, 'select')`)
		for _, table := range []string{"agent_availability", "conversations", "customers", "handoff_settings", "messages", "project_members", "projects"} {
			require.Contains(t, tables, table)
			assert.Positive(t, w.sarah.count(t, table), table)
		}
		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		for _, table := range tables {
			assert.Zero(t, w.sarah.count(t, table), table)
		}
		rows, err := w.sarah.write(t.Context(), `update public.agent_availability set status = 'online'`)
		require.NoError(t, err)
		assert.Zero(t, rows)
		require.Error(t, w.sarah.insertMessage(t.Context(), w.conversationOf(t, w.ann), "agent", w.sarah.id))
	})

	t.Run("ends access to every function at once", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.assign(t, w.waiting(t, w.ann), w.sarah)
		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		for _, function := range w.callable(t) {
			assert.Regexp(t, `SQLSTATE (PT403|PT404)|ACCESS_DENIED`, w.outcome(t, w.sarah, function), function.Name)
		}
	})

	t.Run("ends listening at the next join", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		topics := []string{"conversation:" + id, "project:" + w.project + ":agents", "presence:" + w.project}
		for _, topic := range topics {
			assert.True(t, w.sarah.canListen(t, topic), topic)
		}
		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		for _, topic := range topics {
			assert.False(t, w.sarah.canListen(t, topic), topic)
		}
	})

	t.Run("the chats wait again at their old places, and are nobody's preference", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		chat := w.waiting(t, w.ann)
		entered := read[string](t, w, `select queue_entered_at::text from public.conversations where id = $1`, chat)
		w.assign(t, chat, w.sarah)
		waiting := w.waiting(t, w.bob)
		w.exec(t, `update public.conversations set preferred_agent_id = $1 where id = $2`, w.sarah.id, waiting)
		mikes := w.waiting(t, w.person(t, "", ""))
		w.assign(t, mikes, w.mike)

		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		assert.Equal(t, "waiting", w.status(t, chat))
		assert.Equal(t, entered, read[string](t, w, `select queue_entered_at::text from public.conversations where id = $1`, chat))
		assert.Equal(t, "agent_active", w.status(t, mikes))
		assert.Zero(t, read[int](t, w, `select count(*) from public.conversations where $1 in (assigned_agent_id, preferred_agent_id)`, w.sarah.id))
		assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability where user_id = $1`, w.sarah.id))
		assert.Equal(t, []string{"offline/5", "online/5", "offline/0"}, w.presence(t, w.sarah), "the team is told")
		assertCountsAreTrue(t, w)
		assertNumbersHaveNoGap(t, w, chat)
	})

	t.Run("no chat can be given to who is gone", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.mike)
		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		_, err := w.mike.rpc(t.Context(), "transfer_conversation($1, $2)", id, w.sarah.id)
		refused(t, err, "PT409", "agent_not_online")
		_, err = w.owner.rpc(t.Context(), "set_agent_status($1, 'online', $2)", w.project, w.sarah.id)
		refused(t, err, "PT404", "agent_not_found")
	})

	t.Run("by an admin or the owner, again without harm, and never of the owner", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.sarah.rpc(t.Context(), "remove_member($1)", w.memberID(t, w.mike))
		refused(t, err, "PT403", "not_an_admin")
		_, err = w.ann.rpc(t.Context(), "remove_member($1)", w.memberID(t, w.mike))
		refused(t, err, "PT404", "member_not_found")
		w.exec(t, `insert into public.project_members (project_id, user_id, email, role, status) values ($1, $2, 'owner@example.com', 'admin', 'active')`,
			w.project, w.owner.id)
		_, err = w.admin(t).rpc(t.Context(), "remove_member($1)", w.memberID(t, w.owner))
		refused(t, err, "PT403", "owner_stays")
		sarah := w.memberID(t, w.sarah)
		assert.Equal(t, "removed", w.mike.must(t, "remove_member($1)", sarah)["status"])
		assert.Equal(t, "removed", w.mike.must(t, "remove_member($1)", sarah)["status"])
		assert.Equal(t, "removed", w.mike.must(t, "remove_member($1)", w.memberID(t, w.mike))["status"], "an admin may leave")
	})

	t.Run("who is invited again comes back without the old chats", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.assign(t, w.waiting(t, w.ann), w.sarah)
		id := w.memberID(t, w.sarah)
		w.owner.must(t, "remove_member($1)", id)
		w.exec(t, `update auth.users set email_confirmed_at = now() where id = $1`, w.sarah.id)
		again, token := w.invited(t, "sarah@example.com")
		assert.Equal(t, id, again)
		assert.Zero(t, w.sarah.count(t, "conversations"), "not before it is accepted")
		w.sarah.must(t, "accept_invitation($1)", token)
		answer := w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		assert.InDelta(t, 0, answer["current_chat_count"], 0)
		assertCountsAreTrue(t, w)
	})
}

// A member can end in other ways than remove_member; the rule is the same.
func TestMembershipEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"by the service role":       `update public.project_members set status = 'removed' where user_id = $1`,
		"with the row":              `delete from public.project_members where user_id = $1`,
		"with the account":          `delete from auth.users where id = $1`,
		"by another user's account": `update public.project_members set user_id = (select id from auth.users where is_anonymous limit 1) where user_id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := online(t)
			id := w.waiting(t, w.ann)
			w.assign(t, id, w.sarah)
			w.exec(t, end, w.sarah.id)
			assert.Equal(t, "waiting", w.status(t, id))
			assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability where user_id = $1`, w.sarah.id))
			assert.Equal(t, []string{"offline/5", "online/5", "offline/0"}, w.presence(t, w.sarah))
			assertCountsAreTrue(t, w)
		})
	}

	t.Run("but an owner who had a row too stays an agent", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.exec(t, `insert into public.project_members (project_id, user_id, email, role, status) values ($1, $2, 'owner@example.com', 'admin', 'active')`,
			w.project, w.owner.id)
		w.owner.must(t, "set_agent_status($1, 'online')", w.project)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.owner)
		w.exec(t, `delete from public.project_members where user_id = $1`, w.owner.id)
		assert.Equal(t, "agent_active", w.status(t, id))
		assertCountsAreTrue(t, w)
	})

	t.Run("and nothing is moved when the project is deleted", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		before := w.kinds(t, id)
		w.exec(t, `delete from public.projects where id = $1`, w.project)
		assert.Equal(t, before, w.kinds(t, id))
	})
}

// The worker has given a chat to the agent and is about to commit while the agent is removed.
func TestRemovalMeetsAssignment(t *testing.T) {
	t.Parallel()
	w := online(t)
	id, member := w.waiting(t, w.ann), w.memberID(t, w.sarah)
	held := w.waiting(t, w.bob)
	w.assign(t, held, w.sarah)

	worker, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = worker.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = worker.Exec(t.Context(), `update public.conversations set status = 'agent_active', assigned_agent_id = $2 where id = $1`, id, w.sarah.id)
	require.NoError(t, err)
	removed := make(chan error, 1)
	go func() {
		_, err := w.owner.rpc(t.Context(), "remove_member($1)", member)
		removed <- err
	}()
	w.awaitLock(t)
	require.NoError(t, worker.Commit(t.Context()))

	select {
	case err := <-removed:
		require.NoError(t, err)
	case <-time.After(lockTimeout):
		require.Fail(t, "the removal does not end")
	}
	for _, one := range []string{id, held} {
		assert.Equal(t, "waiting", w.status(t, one))
		assertNumbersHaveNoGap(t, w, one)
	}
	assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability where user_id = $1`, w.sarah.id))
	assertCountsAreTrue(t, w)
}

// A status is set at the moment of the removal: no agent without membership is left behind.
func TestRemovalMeetsStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member := w.memberID(t, w.sarah)
	removal, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = removal.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = removal.Exec(t.Context(), `update public.project_members set status = 'removed' where id = $1`, member)
	require.NoError(t, err)
	set := make(chan error, 1)
	go func() {
		_, err := w.sarah.rpc(t.Context(), "set_agent_status($1, 'online')", w.project)
		set <- err
	}()
	w.awaitLock(t)
	require.NoError(t, removal.Commit(t.Context()))
	refused(t, <-set, "PT404", "agent_not_found")
	assert.Zero(t, read[int](t, w, `select count(*) from public.agent_availability where user_id = $1`, w.sarah.id))
}

// awaitLock returns once a session of this database waits for a lock.
func (w *world) awaitLock(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return read[bool](t, w, `
			select exists (select 1 from pg_catalog.pg_locks as lock join pg_catalog.pg_stat_activity as session using (pid)
			                where session.datname = current_database() and not lock.granted)`)
	}, lockTimeout, 5*time.Millisecond)
}

func (w *world) conversationOf(t *testing.T, visitor actor) string {
	t.Helper()
	return read[string](t, w, `select id::text from public.conversations where visitor_user_id = $1`, visitor.id)
}

// callableFunction is a function of ours that every signed-in user may call.
type callableFunction struct {
	Name      string
	Arguments []string // "name type" of each
}

// callable lists the functions of schema public that are for members or for the visitor of a conversation.
func (w *world) callable(t *testing.T) []callableFunction {
	t.Helper()
	functions := read[[]callableFunction](t, w, `
		select jsonb_agg(jsonb_build_object('Name', function.proname, 'Arguments', (
		         select jsonb_agg(argument.name || ' ' || argument.type::regtype order by argument.place)
		           from unnest(function.proargnames[:function.pronargs], function.proargtypes::oid[]) with ordinality as argument (name, type, place))))
		  from pg_catalog.pg_proc as function
		 where function.pronamespace = 'public'::regnamespace
		   and has_function_privilege('authenticated', function.oid, 'execute')
		   and function.prosrc like '%handoff.%'
		   and function.proname <> all ($1)`, openToEverybody)
	require.Greater(t, len(functions), 15)
	return functions
}

// outcome is what the actor gets for a call: the error, or the answer.
func (w *world) outcome(t *testing.T, who actor, function callableFunction) string {
	t.Helper()
	var answer string
	err := who.do(t.Context(), func(tx pgx.Tx) error {
		call := fmt.Sprintf("select public.%s(%s)::text", function.Name, w.arguments(t, function.Arguments))
		return tx.QueryRow(t.Context(), call).Scan(&answer)
	})
	if err != nil {
		return err.Error()
	}
	return answer
}

// arguments fills the parameters of a function with what is really there, so that only the caller is wrong.
func (w *world) arguments(t *testing.T, parameters []string) string {
	t.Helper()
	known := map[string]string{
		"p_project_id": w.project, "p_conversation_id": w.conversationOf(t, w.ann), "p_member_id": w.memberID(t, w.mike),
		"p_customer_id": read[string](t, w, `select customer_id::text from public.conversations where visitor_user_id = $1`, w.ann.id),
		"p_user_id":     w.mike.id, "p_status": "online", "p_role": "agent", "p_email": "nina@example.com", "p_list": "all",
		"p_reason": "button_click", "p_rating": "5", "p_date": "2030-01-01",
	}
	list := ""
	for i, parameter := range parameters {
		var name, kind string
		_, err := fmt.Sscan(parameter, &name, &kind)
		require.NoError(t, err)
		if i > 0 {
			list += ", "
		}
		list += fmt.Sprintf("%s => %s", name, argument(known, name, kind))
	}
	return list
}

func argument(known map[string]string, name, kind string) string {
	if value, ok := known[name]; ok {
		return "'" + value + "'"
	}
	if kind == "text" {
		return "'text'"
	}
	return "null"
}
