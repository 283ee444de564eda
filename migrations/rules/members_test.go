package rules_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// lockTimeout bounds how long a test waits for two transactions to meet.
const lockTimeout = 10 * time.Second

// rowsOf calls a function that returns a table and decodes its rows.
func (a actor) rowsOf(t *testing.T, call string, args ...any) ([]map[string]any, error) {
	t.Helper()
	var rows []map[string]any
	err := a.do(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), "select coalesce(jsonb_agg(line), '[]') from public."+call+" as line", args...).Scan(&rows)
	})
	return rows, err
}

// confirmed is somebody with an account whose address is confirmed.
func (w *world) confirmed(t *testing.T, email, name string) actor {
	t.Helper()
	person := w.person(t, email, name)
	w.exec(t, `update auth.users set email_confirmed_at = now() where id = $1`, person.id)
	return person
}

// memberID is the id of the actor's membership.
func (w *world) memberID(t *testing.T, who actor) string {
	t.Helper()
	return read[string](t, w, `select id::text from public.project_members where project_id = $1 and user_id = $2`, w.project, who.id)
}

// invited is the id of a new invitation of the owner and its token, as the mail has it.
func (w *world) invited(t *testing.T, email string) (id, token string) {
	t.Helper()
	id = w.owner.must(t, "invite_member($1, $2)", w.project, email)["id"].(string)
	return id, w.tokenFor(t, email)
}

func (w *world) tokenFor(t *testing.T, email string) string {
	t.Helper()
	return read[string](t, w, `select data ->> 'token' from handoff.mail_outbox where recipient = $1 and kind = 'invitation' and sent_at is null`, email)
}

// presence lists "status/slots" of what was announced about the agent, oldest first.
func (w *world) presence(t *testing.T, who actor) []string {
	t.Helper()
	return read[[]string](t, w, `
		select coalesce(array_agg((payload ->> 'effective_status') || '/' || (payload ->> 'available_slots') order by id), '{}')
		  from handoff.outbox where kind = 'presence_change' and payload ->> 'user_id' = $1`, who.id)
}

func TestInviteMember(t *testing.T) {
	t.Parallel()

	t.Run("makes a pending member and one mail", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `update public.handoff_settings set default_max_concurrent_chats = 3`)
		answer := w.owner.must(t, "invite_member($1, ' Nina@Example.com ', 'admin', 'Nina')", w.project)
		assert.Equal(t, "nina@example.com", answer["email"])
		assert.Equal(t, "pending", answer["status"])
		assert.Equal(t, "admin", answer["role"])
		assert.InDelta(t, 3, answer["max_concurrent_chats"], 0, "the project's default")
		assert.Nil(t, answer["user_id"])
		mail := read[map[string]any](t, w, `select to_jsonb(mail) from handoff.mail_outbox as mail`)
		assert.Equal(t, "nina@example.com", mail["recipient"])
		data := mail["data"].(map[string]any)
		assert.Equal(t, "Acme", data["project_name"])
		assert.Equal(t, "Olivia", data["invited_by"])
		assert.Equal(t, answer["id"], data["member_id"])
		assert.Equal(t, answer["invitation_expires_at"], data["expires_at"])
		assert.True(t, read[bool](t, w, `select invitation_expires_at = invited_at + interval '7 days'
			from public.project_members where status = 'pending'`))
	})

	t.Run("keeps the token in the mail only, and there until it is sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.owner.must(t, "invite_member($1, 'nina@example.com')", w.project)
		token := w.tokenFor(t, "nina@example.com")
		assert.Regexp(t, `^[0-9a-f]{64}$`, token)
		told, err := json.Marshal(answer)
		require.NoError(t, err)
		assert.NotContains(t, string(told), token)
		assert.Zero(t, read[int](t, w, `select count(*) from public.project_members as member where to_jsonb(member)::text like '%' || $1 || '%'`, token))
		assert.Zero(t, read[int](t, w, `select count(*) from handoff.outbox as event where to_jsonb(event)::text like '%' || $1 || '%'`, token))
		assert.Equal(t, 1, read[int](t, w, `select count(*) from handoff.invitation_tokens where token_hash = sha256($1::bytea)`, []byte(token)))
		w.exec(t, `update handoff.mail_outbox set sent_at = now()`)
		assert.False(t, read[bool](t, w, `select data ? 'token' from handoff.mail_outbox`))
	})

	t.Run("again renews it, and the earlier token is dead", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first, old := w.invited(t, "nina@example.com")
		again := w.owner.must(t, "invite_member($1, 'nina@example.com', 'admin')", w.project)
		assert.Equal(t, first, again["id"])
		assert.Equal(t, "admin", again["role"])
		token := w.tokenFor(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", "Nina")
		_, err := nina.rpc(t.Context(), "accept_invitation($1)", old)
		refused(t, err, "PT404", "invitation_not_found")
		assert.Equal(t, "active", nina.must(t, "accept_invitation($1)", token)["status"])
	})

	t.Run("by many at once makes one member and one mail", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				_, err := w.owner.rpc(t.Context(), "invite_member($1, 'nina@example.com')", w.project)
				return err
			})
		}
		require.NoError(t, group.Wait())
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.project_members where email = 'nina@example.com'`))
		token := w.tokenFor(t, "nina@example.com")
		w.confirmed(t, "nina@example.com", "Nina").must(t, "accept_invitation($1)", token)
	})

	t.Run("is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, try := range map[string]struct {
			who   actor
			call  string
			state string
			code  string
		}{
			"to an agent":               {w.sarah, "invite_member($1, 'nina@example.com')", "PT403", "not_an_admin"},
			"to a visitor":              {w.ann, "invite_member($1, 'nina@example.com')", "PT403", "not_a_member"},
			"with an unknown role":      {w.owner, "invite_member($1, 'nina@example.com', 'owner')", "PT400", "unknown_role"},
			"without an address":        {w.owner, "invite_member($1, 'nina')", "PT400", "email_invalid"},
			"for the owner":             {w.owner, "invite_member($1, 'OWNER@example.com')", "PT409", "already_a_member"},
			"for an active member":      {w.owner, "invite_member($1, 'Sarah@example.com')", "PT409", "already_a_member"},
			"with a limit that is none": {w.owner, "invite_member($1, 'nina@example.com', 'agent', 'Nina', 0)", "23514", ""},
			"with a name of a thousand": {w.owner, "invite_member($1, 'nina@example.com', 'agent', repeat('n', 1000))", "23514", ""},
			"to the anonymous role":     {actor{w: w, role: "anon"}, "invite_member($1, 'nina@example.com')", "42501", ""},
		} {
			t.Log(name)
			_, err := try.who.rpc(t.Context(), try.call, w.project)
			refused(t, err, try.state, try.code)
		}
		assert.Zero(t, read[int](t, w, `select count(*) from handoff.mail_outbox`))
	})
}

func TestAcceptInvitation(t *testing.T) {
	t.Parallel()

	t.Run("by token makes an agent with the name and picture of the account", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, token := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", " Nina ")
		w.exec(t, `update auth.users set raw_user_meta_data = raw_user_meta_data || '{"avatar_url": "https://example.com/nina.png"}' where id = $1`, nina.id)
		answer := nina.must(t, "accept_invitation($1)", token)
		assert.Equal(t, "active", answer["status"])
		assert.Equal(t, nina.id, answer["user_id"])
		assert.Equal(t, "Nina", answer["name"])
		assert.Equal(t, "https://example.com/nina.png", answer["avatar_url"])
		assert.NotNil(t, answer["accepted_at"])
		assert.Equal(t, []string{"offline/5"}, w.presence(t, nina), "the team sees the new agent")
		assert.Equal(t, 3, nina.count(t, "project_members"))
		assert.Equal(t, "online", nina.must(t, "set_agent_status($1, 'online')", w.project)["effective_status"])
		assert.Zero(t, read[int](t, w, `select count(*) from handoff.invitation_tokens`))
		assert.Zero(t, read[int](t, w, `select count(*) from handoff.mail_outbox`), "nothing is sent about an answered invitation")
	})

	t.Run("takes no picture that a page must not load", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, token := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", "Nina")
		w.exec(t, `update auth.users set raw_user_meta_data = '{"avatar_url": "javascript:alert(1)"}' where id = $1`, nina.id)
		answer := nina.must(t, "accept_invitation($1)", token)
		assert.Nil(t, answer["avatar_url"])
		assert.Nil(t, read[map[string]any](t, w, `select handoff.agent_profile($1, $2)`, w.project, nina.id)["avatar_url"])
	})

	t.Run("by id out of the own invitations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, _ := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "Nina@example.com", "Nina")
		mine, err := nina.rowsOf(t, "my_invitations()")
		require.NoError(t, err)
		require.Len(t, mine, 1)
		assert.Equal(t, id, mine[0]["invitation_id"])
		assert.Equal(t, "Acme", mine[0]["project_name"])
		assert.Equal(t, "Olivia", mine[0]["invited_by"])
		nina.must(t, "accept_invitation(p_invitation_id => $1)", id)
		mine, err = nina.rowsOf(t, "my_invitations()")
		require.NoError(t, err)
		assert.Empty(t, mine)
	})

	t.Run("is for the invited address only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, token := w.invited(t, "nina@example.com")
		eve := w.confirmed(t, "eve@example.com", "Eve")
		_, err := eve.rpc(t.Context(), "accept_invitation($1)", token)
		refused(t, err, "PT403", "invited_by_another_address")
		_, err = eve.rpc(t.Context(), "accept_invitation(p_invitation_id => $1)", id)
		refused(t, err, "PT404", "invitation_not_found")
		mine, err := eve.rowsOf(t, "my_invitations()")
		require.NoError(t, err)
		assert.Empty(t, mine)
		assert.Zero(t, eve.count(t, "project_members"))
	})

	t.Run("needs a confirmed address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, token := w.invited(t, "nina@example.com")
		nina := w.person(t, "nina@example.com", "Nina")
		anonymous := w.confirmed(t, "visitor@example.com", "")
		w.exec(t, `update auth.users set is_anonymous = true where id = $1`, anonymous.id)
		w.invited(t, "visitor@example.com")
		for _, who := range []actor{nina, w.ann, anonymous} {
			_, err := who.rpc(t.Context(), "accept_invitation($1, $2)", token, id)
			refused(t, err, "PT403", "email_not_confirmed")
			mine, err := who.rowsOf(t, "my_invitations()")
			require.NoError(t, err)
			assert.Empty(t, mine)
		}
	})

	t.Run("ends after seven days", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, token := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", "Nina")
		late := read[time.Time](t, w, `select invitation_expires_at from public.project_members where id = $1`, id)
		refused(t, nina.run(t, `select handoff.accept_invitation($1, null, $2)`, token, late), "PT410", "invitation_expired")
		refused(t, nina.run(t, `select handoff.accept_invitation(null, $1, $2)`, id, late), "PT410", "invitation_expired")
		require.NoError(t, nina.run(t, `select handoff.accept_invitation($1, null, $2)`, token, late.Add(-time.Microsecond)))
	})

	t.Run("is refused once it was answered or withdrawn, and to who belongs already", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, token := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", "Nina")
		w.owner.must(t, "remove_member($1)", id)
		_, err := nina.rpc(t.Context(), "accept_invitation($1)", token)
		refused(t, err, "PT404", "invitation_not_found")
		_, err = nina.rpc(t.Context(), "accept_invitation($1)", strings.Repeat("0", 64))
		refused(t, err, "PT404", "invitation_not_found")
		_, err = nina.rpc(t.Context(), "accept_invitation()")
		refused(t, err, "PT404", "invitation_not_found")

		_, token = w.invited(t, "sarah.new@example.com")
		w.exec(t, `update auth.users set email = 'sarah.new@example.com', email_confirmed_at = now() where id = $1`, w.sarah.id)
		_, err = w.sarah.rpc(t.Context(), "accept_invitation($1)", token)
		refused(t, err, "PT409", "already_a_member")
	})

	t.Run("works once, however often it is tried at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, token := w.invited(t, "nina@example.com")
		nina := w.confirmed(t, "nina@example.com", "Nina")
		errs := make(chan error, 8)
		for range cap(errs) {
			go func() {
				_, err := nina.rpc(t.Context(), "accept_invitation($1)", token)
				errs <- err
			}()
		}
		accepted := 0
		for range cap(errs) {
			if err := <-errs; err != nil {
				refused(t, err, "PT404", "invitation_not_found")
				continue
			}
			accepted++
		}
		assert.Equal(t, 1, accepted)
		assert.Equal(t, []string{"offline/5"}, w.presence(t, nina))
	})
}

func TestChangeMember(t *testing.T) {
	t.Parallel()

	t.Run("a new limit holds at once, is announced, and takes nothing away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		for _, visitor := range []actor{w.ann, w.bob} {
			w.assign(t, w.waiting(t, visitor), w.sarah)
		}
		w.owner.must(t, "change_member($1, p_max_concurrent_chats => 1)", w.memberID(t, w.sarah))
		assert.Equal(t, []string{"offline/5", "online/5", "online/0"}, w.presence(t, w.sarah))
		assert.Equal(t, []int32{1, 2}, read[[]int32](t, w, `
			select array[max_concurrent_chats, current_chat_count] from public.agent_availability where user_id = $1`, w.sarah.id))
		id := w.waiting(t, w.person(t, "", ""))
		answer := w.sarah.must(t, "claim_conversation($1)", id)
		assert.Equal(t, "NO_CAPACITY", answer["error"])
	})

	t.Run("what is not given stays, an empty name is none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.memberID(t, w.sarah)
		answer := w.owner.must(t, "change_member($1, 'admin', 7, ' Sarah S. ')", id)
		assert.Equal(t, []any{"admin", 7.0, "Sarah S."}, []any{answer["role"], answer["max_concurrent_chats"], answer["name"]})
		answer = w.sarah.must(t, "change_member($1)", id)
		assert.Equal(t, []any{"admin", 7.0, "Sarah S."}, []any{answer["role"], answer["max_concurrent_chats"], answer["name"]})
		answer = w.sarah.must(t, "change_member($1, p_name => '')", id)
		assert.Nil(t, answer["name"])
		assert.Equal(t, "agent", w.owner.must(t, "change_member($1, 'agent')", id)["role"])
		_, err := w.sarah.rpc(t.Context(), "change_member($1, 'admin')", id)
		refused(t, err, "PT403", "not_an_admin")
	})

	t.Run("is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		mike := w.memberID(t, w.mike)
		gone, _ := w.invited(t, "nina@example.com")
		w.owner.must(t, "remove_member($1)", gone)
		for name, try := range map[string]struct {
			who    actor
			call   string
			member string
			state  string
			code   string
		}{
			"to an agent":              {w.sarah, "change_member($1, 'admin')", mike, "PT403", "not_an_admin"},
			"to an agent about itself": {w.mike, "change_member($1, 'admin')", mike, "PT403", "not_an_admin"},
			"to a visitor":             {w.ann, "change_member($1, 'admin')", mike, "PT404", "member_not_found"},
			"for nobody":               {w.owner, "change_member($1, 'admin')", uuid.NewString(), "PT404", "member_not_found"},
			"for a removed member":     {w.owner, "change_member($1, 'admin')", gone, "PT409", "member_removed"},
			"with an unknown role":     {w.owner, "change_member($1, 'boss')", mike, "PT400", "unknown_role"},
			"with too high a limit":    {w.owner, "change_member($1, null, 51)", mike, "23514", ""},
			"in the table itself":      {w.owner, "change_member($1, null, 0)", mike, "23514", ""},
		} {
			t.Log(name)
			_, err := try.who.rpc(t.Context(), try.call, try.member)
			refused(t, err, try.state, try.code)
		}
		refused(t, w.owner.run(t, `update public.project_members set role = 'admin'`), "42501", "")
	})
}

func TestUpdateMyProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := w.sarah.must(t, "update_my_profile($1, ' Sarah ', 'https://example.com/s.png')", w.project)
	assert.Equal(t, []any{"Sarah", "https://example.com/s.png"}, []any{answer["name"], answer["avatar_url"]})
	answer = w.sarah.must(t, "update_my_profile($1, p_avatar_url => '')", w.project)
	assert.Equal(t, []any{"Sarah", nil}, []any{answer["name"], answer["avatar_url"]})
	assert.Zero(t, read[int](t, w, `select count(*) from public.project_members where name is not null and user_id <> $1`, w.sarah.id), "the own row only")

	_, err := w.sarah.rpc(t.Context(), "update_my_profile($1, 'Sarah', 'javascript:alert(1)')", w.project)
	refused(t, err, "23514", "")
	_, err = w.owner.rpc(t.Context(), "update_my_profile($1, 'Olivia')", w.project)
	refused(t, err, "PT409", "owner_without_profile")
	_, err = w.ann.rpc(t.Context(), "update_my_profile($1, 'Ann')", w.project)
	refused(t, err, "PT403", "not_a_member")
}
