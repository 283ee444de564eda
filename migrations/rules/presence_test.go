package rules_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is one connection of somebody: a tab.
type page struct {
	actor

	id string
}

// enter opens a page so long from now.
func (a actor) enter(t *testing.T, after time.Duration) page {
	t.Helper()
	p := page{actor: a, id: uuid.NewString()}
	require.Equal(t, true, p.again(t, after)["known"])
	return p
}

// again enters with the page's own id, as after a reload.
func (p page) again(t *testing.T, after time.Duration) map[string]any {
	t.Helper()
	return p.call(t, `presence_enter($2, $3, null, null, null, $4, null, null, null, null, null, now() + $1::interval)`,
		after, p.w.project, p.id, "visitor-"+p.actor.id)
}

// beat sends what a client would; state "" is none.
func (p page) beat(t *testing.T, after time.Duration, state string, nextBeat int) map[string]any {
	t.Helper()
	return p.call(t, `presence_heartbeat($2, nullif($3, ''), nullif($4, 0), 0, null, now() + $1::interval)`, after, p.id, state, nextBeat)
}

func (p page) leave(t *testing.T, after time.Duration, reason string) map[string]any {
	t.Helper()
	return p.call(t, `presence_leave($2, $3, null, null, now() + $1::interval)`, after, p.id, reason)
}

// numbered beats with the client's own count.
func (p page) numbered(t *testing.T, after time.Duration, beat int) map[string]any {
	t.Helper()
	return p.call(t, `presence_heartbeat($2, 'hidden', 60, 0, $3, now() + $1::interval)`, after, p.id, beat)
}

// hides says good-bye after so many beats, as a page that is closed or reloaded.
func (p page) hides(t *testing.T, after time.Duration, beat int) map[string]any {
	t.Helper()
	return p.call(t, `presence_leave($2, 'pagehide', null, $3, now() + $1::interval)`, after, p.id, beat)
}

// call calls a private body, which takes the moment, as the actor.
func (a actor) call(t *testing.T, call string, args ...any) map[string]any {
	t.Helper()
	answer, err := a.private(t, call, args...)
	require.NoError(t, err, call)
	return answer
}

func (a actor) private(t *testing.T, call string, args ...any) (map[string]any, error) {
	t.Helper()
	var answer map[string]any
	err := a.do(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), "select handoff."+call, args...).Scan(&answer)
	})
	return answer, err
}

// presenceEvents lists the presence events of the project in order, as "kind who" for connections and persons.
func (w *world) presenceEvents(t *testing.T) []string {
	t.Helper()
	return read[[]string](t, w, `
		select coalesce(array_agg(kind || ' ' || (payload ->> 'role') || coalesce(' ' || (payload ->> 'status'), '')
		                                     || coalesce(' ' || (payload ->> 'reason'), '') order by xid, id), '{}')
		  from handoff.outbox where kind like 'presence%' or kind = 'visitor_presence'`)
}

// members lists the states of those who are there.
func (w *world) members(t *testing.T, after time.Duration) []string {
	t.Helper()
	var members []struct {
		Role, Connection string
		State            *string
	}
	err := w.owner.do(t.Context(), func(tx pgx.Tx) error {
		var text string
		err := tx.QueryRow(t.Context(), `select handoff.presence_members($1, null, null, null, now() + $2::interval)::text`, w.project, after).Scan(&text)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &members)
	})
	require.NoError(t, err)
	states := []string{}
	for _, member := range members {
		state := "-"
		if member.State != nil {
			state = *member.State
		}
		states = append(states, member.Role+" "+state+" "+member.Connection)
	}
	return states
}

// payloads lists one field of the events of a kind in order.
func (w *world) payloads(t *testing.T, kind, field string) []any {
	t.Helper()
	return read[[]any](t, w, `select coalesce(jsonb_agg(payload -> $2 order by xid, id), '[]') from handoff.outbox where kind = $1`, kind, field)
}

// withoutChanges keeps the events of the named kinds.
func withoutChanges(events []string, kinds ...string) []string {
	return slices.DeleteFunc(events, func(event string) bool {
		return !slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(event, kind+" ") })
	})
}

func TestPresenceEnter(t *testing.T) {
	t.Parallel()

	t.Run("the role is what the caller is to the project", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		outsider := w.person(t, "paul@example.com", "Paul")
		for who, role := range map[actor]string{w.owner: "agent", w.sarah: "agent", w.ann: "customer", outsider: "customer"} {
			answer := who.must(t, "presence_enter($1, gen_random_uuid())", w.project)
			assert.Equal(t, role, answer["role"])
			assert.Equal(t, map[string]any{"agent": 30.0, "customer": 60.0}[role], answer["next_beat_seconds"])
		}
		bot := w.robot.must(t, "presence_enter($1, gen_random_uuid(), p_client_id := 'gpt', p_data := '{\"model\": \"x\"}')", w.project)
		assert.Equal(t, "bot", bot["role"])
		assert.Len(t, w.members(t, 0), 5)
	})

	t.Run("is announced once: the connection, and the person with the first one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.ann.enter(t, 0)
		w.ann.enter(t, 0)
		assert.Equal(t, true, first.again(t, time.Second)["resumed"])
		assert.Equal(t, []string{"presence_enter customer", "visitor_presence customer online", "presence_enter customer"},
			withoutChanges(w.presenceEvents(t), "presence_enter", "visitor_presence"))
	})

	t.Run("brings back what the agent wanted", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		tab := w.sarah.enter(t, 0)
		assert.Equal(t, "live", agentColumn[string](t, w, w.sarah, "connection"))
		tab.leave(t, time.Second, "signed_out")
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, "connection_gone", agentColumn[string](t, w, w.sarah, "effective_reason"))
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "status"), "what is wanted is not overwritten")
		w.sarah.enter(t, time.Minute)
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"))
	})

	t.Run("is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		mine := w.ann.enter(t, 0)
		for arguments, code := range map[string][2]string{
			`'{project}', null`:                                              {"PT400", "connection_required"},
			`gen_random_uuid(), gen_random_uuid()`:                           {"PT404", "project_not_found"},
			`'{project}', '{taken}'`:                                         {"PT409", "connection_taken"},
			`'{project}', gen_random_uuid(), 'active'`:                       {"PT400", "unknown_state"},
			`'{project}', gen_random_uuid(), p_data := '[]'`:                 {"PT400", "data_invalid"},
			`'{project}', gen_random_uuid(), p_data := '{large}'`:            {"PT400", "data_invalid"},
			`'{project}', gen_random_uuid(), p_conversation_id := '{taken}'`: {"PT404", "conversation_not_found"},
		} {
			call := strings.NewReplacer("{project}", w.project, "{taken}", mine.id,
				"{large}", `{"a": "`+strings.Repeat("x", 5000)+`"}`).Replace("presence_enter(" + arguments + ")")
			_, err := w.bob.rpc(t.Context(), call)
			refused(t, err, code[0], code[1])
		}
		_, err := w.robot.rpc(t.Context(), "presence_enter($1, gen_random_uuid())", w.project)
		refused(t, err, "PT400", "client_required")
		_, err = actor{w: w, role: "authenticated"}.rpc(t.Context(), "presence_enter($1, gen_random_uuid())", w.project)
		refused(t, err, "PT401", "sign_in_required")
	})
}

func TestPresenceHeartbeat(t *testing.T) {
	t.Parallel()

	t.Run("answers the interval and the lease of docs/presence.md", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.conversation(t, w.ann)
		agent, visitor := w.sarah.enter(t, 0), w.ann.enter(t, 0)
		for _, row := range []struct {
			page        page
			state       string
			promised    int
			next, lease float64
		}{
			{agent, "active", 30, 30, 90},
			{agent, "hidden", 60, 60, 180},
			{agent, "idle", 600, 30, 180},
			{visitor, "online", 60, 60, 180},
			{visitor, "online", 10, 60, 180},
			{visitor, "background", 60, 60, 180},
			{visitor, "idle", 1, 60, 180},
		} {
			answer := row.page.beat(t, time.Second, row.state, row.promised)
			assert.Equal(t, []any{row.next, row.lease}, []any{answer["next_beat_seconds"], answer["lease_seconds"]}, row.state)
		}
		w.ann.must(t, "request_handoff($1, 'button_click')", id)
		told := visitor.beat(t, 2*time.Second, "online", 60)
		assert.Equal(t, []any{10.0, 30.0}, []any{told["next_beat_seconds"], told["lease_seconds"]}, "somebody wants to know")
		assert.InDelta(t, 60, visitor.beat(t, 3*time.Second, "background", 60)["next_beat_seconds"], 0)
	})

	t.Run("writes nothing that is logged unless it changes something", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		agent, visitor := w.sarah.enter(t, 0), w.ann.enter(t, 0)
		visitor.beat(t, time.Second, "typing", 10)
		before := read[string](t, w, fingerprintOfLogged)
		for second := 10; second < 300; second += 10 {
			visitor.beat(t, time.Duration(second)*time.Second, "typing", 10)
			if second%30 == 0 {
				agent.beat(t, time.Duration(second)*time.Second, []string{"active", "idle", "hidden"}[second/30%3], 30)
			}
		}
		assert.Equal(t, before, read[string](t, w, fingerprintOfLogged))
		visitor.beat(t, 301*time.Second, "online", 10)
		assert.NotEqual(t, before, read[string](t, w, fingerprintOfLogged))
		assert.Equal(t, "online", read[string](t, w, `select customer_presence from public.conversations where id = $1`, id))
	})

	t.Run("is unknown when nobody entered, after leaving, and to others", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tab := w.ann.enter(t, 0)
		assert.Equal(t, false, page{w.bob, tab.id}.beat(t, 0, "", 0)["known"])
		assert.Equal(t, false, page{w.robot, tab.id}.beat(t, 0, "", 0)["known"])
		assert.Equal(t, false, page{w.ann, uuid.NewString()}.beat(t, 0, "", 0)["known"])
		assert.Equal(t, true, tab.beat(t, 0, "", 0)["known"])
		tab.leave(t, 0, "left")
		assert.Equal(t, false, tab.beat(t, 0, "", 0)["known"])
	})

	t.Run("is limited by connection; a change of state gets through", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tab := w.sarah.enter(t, 0)
		for range 6 {
			tab.beat(t, time.Second, "active", 30)
		}
		_, err := w.sarah.private(t, `presence_heartbeat($2, 'active', 30, 0, null, now() + $1::interval)`, 2*time.Second, tab.id)
		refused(t, err, "PGRST", `{"status" : 429, "headers" : {"Retry-After" : "58"}}`)
		tab.beat(t, 3*time.Second, "hidden", 60)
		tab.beat(t, 63*time.Second, "hidden", 60)
		assert.Equal(t, []string{"agent hidden live"}, w.members(t, 64*time.Second))
	})

	t.Run("measures intervals, late, missed and lost beats", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tab := w.sarah.enter(t, 0)
		for count, second := range []int{30, 60, 120, 150} {
			w.sarah.call(t, `presence_heartbeat($2, 'active', 30, 0, $3, now() + $1::interval)`,
				time.Duration(second)*time.Second, tab.id, []int{1, 2, 4, 5}[count])
		}
		tab.leave(t, 151*time.Second, "left")
		got := read[map[string]any](t, w, `select to_jsonb(s) from public.presence_sessions as s`)
		assert.Equal(t, []any{5.0, 1.0, 1.0, 1.0, 60.0}, []any{got["beats"], got["missed"], got["late"], got["lost"], got["longest_gap_seconds"]})
		assert.Equal(t, []any{0.0, 0.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0}, got["intervals"])
	})

	t.Run("of a removed member ends the connection", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		tab := w.sarah.enter(t, 0)
		w.owner.must(t, "remove_member($1)", w.memberID(t, w.sarah))
		assert.Equal(t, false, tab.beat(t, time.Second, "active", 30)["known"])
		assert.Empty(t, w.members(t, time.Second))
		assert.Equal(t, "customer", w.sarah.must(t, "presence_enter($1, gen_random_uuid())", w.project)["role"], "the page sees that it is no agent's")
	})

	t.Run("finds its connection again after a crash of the database", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		tab := w.sarah.enter(t, 0)
		w.exec(t, `truncate handoff.presence_leases, handoff.presence_marker`)
		assert.Equal(t, []string{"agent - unknown"}, w.members(t, time.Minute), "unknown is not offline")
		assert.Equal(t, true, tab.beat(t, time.Minute, "active", 30)["known"])
		assert.Equal(t, []string{"agent active live"}, w.members(t, time.Minute))
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"))
	})
}

// fingerprintOfLogged changes whenever a row of a logged table that presence could write does.
const fingerprintOfLogged = `
	select (select count(*) from handoff.outbox)::text
	    || (select string_agg(xmin::text, ' ' order by id) from public.conversations)
	    || (select string_agg(xmin::text, ' ' order by id) from public.agent_availability)
	    || (select string_agg(xmin::text, ' ' order by id) from public.presence_sessions)`

// handoff.renew has the rules written out, because calls cost a beat more than arithmetic.
func TestBeatsGoByTheRules(t *testing.T) {
	t.Parallel()
	w := online(t)
	bot := page{w.robot, uuid.NewString()}
	w.robot.must(t, "presence_enter($1, $2, p_client_id := 'gpt')", w.project, bot.id)
	agent, visitor := w.sarah.enter(t, 0), w.ann.enter(t, 0)
	second := 0
	for _, row := range []struct {
		page
		states   []string
		promises []int
	}{
		{agent, []string{"active", "hidden", "idle"}, []int{1, 5, 29, 30, 45, 60, 1000}},
		{visitor, []string{"online", "background", "typing"}, []int{60}},
		{bot, []string{"", " thinks  ", strings.Repeat("long ", 20)}, []int{1, 30, 100, 299, 301}},
	} {
		for n, promised := range row.promises {
			second += 70
			state := row.states[n%len(row.states)]
			w.exec(t, `update handoff.presence_leases set bucket = 9e15, floor_seconds = $2, remain_seconds = $3 where connection_id = $1`, row.id, 30+n%3/2*100, 40)
			row.call(t, `presence_heartbeat($2, $3, $4, 0, null, now() + $1::interval)`, time.Duration(second)*time.Second, row.id, state, promised)
			assert.Equal(t, "same", read[string](t, w, beatByTheRules, row.id, state, promised), "%s %q %d", row.role, state, promised)
		}
	}
}

const beatByTheRules = `
	select case when (state, next_beat, lease_seconds, expires_at, bucket) is not distinct from (
	         handoff.checked_state(role, $2), handoff.promised_beat(role, $3), wanted.seconds, beat_at + make_interval(secs => wanted.seconds),
	         handoff.wheel_tick(beat_at + make_interval(secs => case role
	           when 'agent' then least(wanted.seconds, handoff.suspect_after(next_beat)) else wanted.seconds end)))
	       then 'same' else to_jsonb(lease)::text end
	  from handoff.presence_leases as lease
	 cross join lateral (select handoff.lease_for(role, handoff.promised_beat(role, $3), floor_seconds, remain_seconds) as seconds) as wanted
	 where connection_id = $1`

func TestPresenceLeave(t *testing.T) {
	t.Parallel()

	t.Run("one of two pages does not take the person offline; the last does, on all devices", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		first, second := w.sarah.enter(t, 0), w.sarah.enter(t, 0)
		first.leave(t, time.Second, "left")
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"))
		second.leave(t, 2*time.Second, "signed_out")
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, []string{"presence_leave agent left", "presence_leave agent signed_out", "presence_offline agent signed_out"},
			withoutChanges(w.presenceEvents(t), "presence_leave", "presence_offline"))
	})

	t.Run("a customer is offline with a reason and last seen, and comes back", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		tab := w.ann.enter(t, 0)
		tab.leave(t, time.Minute, "switched_pages")
		row := read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, []any{"offline", "switched_pages"}, []any{row["customer_presence"], row["customer_left_reason"]})
		assert.True(t, read[bool](t, w, `select customer_last_seen_at > now() + interval '50 seconds' from public.conversations where id = $1`, id))
		w.ann.enter(t, 2*time.Minute)
		row = read[map[string]any](t, w, `select to_jsonb(c) from public.conversations as c where id = $1`, id)
		assert.Equal(t, []any{"online", nil}, []any{row["customer_presence"], row["customer_left_reason"]})
		assert.Equal(t, []any{"online", "offline", "online"}, w.payloads(t, "customer_presence_update", "status"))
		assert.Equal(t, []any{nil, "switched_pages", nil}, w.payloads(t, "customer_presence_update", "reason"))
	})

	t.Run("a reload makes neither leave nor enter", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		tab := w.ann.enter(t, 0)
		before := w.presenceEvents(t)
		assert.Equal(t, map[string]any{"left": true, "remains_seconds": 15.0}, tab.leave(t, 10*time.Second, "pagehide"))
		assert.Equal(t, true, tab.again(t, 14*time.Second)["resumed"])
		assert.Equal(t, before, w.presenceEvents(t))
		assert.Equal(t, "online", read[string](t, w, `select customer_presence from public.conversations where id = $1`, id))
	})

	t.Run("a good-bye is not taken back by a beat that was sent before it", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		tab.numbered(t, seconds(10), 2)
		tab.hides(t, seconds(20), 3)
		assert.Equal(t, false, tab.numbered(t, seconds(21), 3)["known"], "it was on its way when the page went")
		assert.Equal(t, 1, w.sweep(t, seconds(36)).Ended, "15 seconds after the good-bye")
		assert.Equal(t, "pagehide", read[string](t, w, `select leave_reason from public.presence_sessions`))
	})

	t.Run("a good-bye that comes after the next page's beats means nothing", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		tab.numbered(t, seconds(10), 2)
		tab.again(t, seconds(20))
		assert.Equal(t, map[string]any{"left": false, "remains_seconds": 0.0}, tab.hides(t, seconds(21), 2), "the next page has entered")
		tab.numbered(t, seconds(25), 4)
		assert.Equal(t, false, tab.hides(t, seconds(26), 3)["left"])
		assert.Zero(t, w.sweep(t, seconds(60)).Ended)
		assert.Equal(t, 0, read[int](t, w, `select lost from handoff.presence_leases`), "entering is a beat, too")
	})

	t.Run("a page that has beaten since its good-bye is there", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		tab.hides(t, seconds(1), 1)
		assert.Equal(t, true, tab.numbered(t, seconds(6), 3)["known"])
		assert.Zero(t, w.sweep(t, seconds(60)).Ended)
	})

	t.Run("is no error for who is not there, and nobody leaves for another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tab := w.ann.enter(t, 0)
		assert.Equal(t, false, page{w.bob, tab.id}.leave(t, 0, "left")["left"])
		assert.Equal(t, []string{"customer online live"}, w.members(t, 0))
		assert.Equal(t, true, tab.leave(t, 0, "left")["left"])
		assert.Equal(t, false, tab.leave(t, 0, "left")["left"])
	})
}

func TestPresenceOfCustomers(t *testing.T) {
	t.Parallel()

	t.Run("of several pages the liveliest counts", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		first, second := w.ann.enter(t, 0), w.ann.enter(t, 0)
		for _, step := range []struct {
			page  page
			state string
			want  string
		}{
			{first, "typing", "typing"}, {second, "idle", "typing"}, {first, "background", "idle"}, {second, "online", "online"},
		} {
			step.page.beat(t, time.Second, step.state, 10)
			assert.Equal(t, step.want, read[string](t, w, `select customer_presence from public.conversations where id = $1`, id), step.state)
		}
	})

	t.Run("a chat that begins while its visitor is there knows it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ann.enter(t, 0)
		id := w.conversation(t, w.ann)
		assert.Equal(t, "online", read[string](t, w, `select customer_presence from public.conversations where id = $1`, id))
	})

	t.Run("idle is told with the time of the last activity, and drives the clock", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.assign(t, id, w.sarah)
		tab := w.ann.enter(t, 0)
		w.ann.call(t, `presence_heartbeat($2, 'idle', 10, 120, null, now() + $1::interval)`, 4*time.Minute, tab.id)
		assert.Equal(t, 1, w.clock(t, "warn_inactive", 7*time.Minute+5*time.Second))
		tab.beat(t, 8*time.Minute, "online", 10)
		assert.False(t, w.warned(t, id), "a sign of life cancels it")
	})

	t.Run("the lease goes by what the page was told, not by what it promised before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.served(t)
		id := w.conversation(t, w.ann)
		visitor, agent := w.ann.enter(t, 0), w.sarah.enter(t, 0)
		w.sarah.must(t, "watch_conversation($1, $2)", id, agent.id)
		visitor.beat(t, seconds(1), "online", 60)
		assert.Zero(t, w.sweep(t, seconds(30)).Ended)
		assert.Equal(t, 1, w.sweep(t, seconds(32)).Ended, "told to beat every 10 seconds with its last beat")

		visitor.again(t, seconds(40))
		w.sarah.must(t, "unwatch_conversation($1, $2)", id, agent.id)
		visitor.beat(t, seconds(41), "online", 10)
		agent.beat(t, seconds(60), "active", 30)
		assert.Zero(t, w.sweep(t, seconds(102)).Ended, "told to beat once a minute")
		assert.Equal(t, true, visitor.beat(t, seconds(101), "online", 60)["known"])
	})

	t.Run("an update is no beat: what it is told changes no lease", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.served(t)
		id := w.conversation(t, w.ann)
		visitor, agent := w.ann.enter(t, 0), w.sarah.enter(t, 0)
		w.sarah.must(t, "watch_conversation($1, $2)", id, agent.id)
		told := w.ann.call(t, `presence_update($2, null, null, null, now() + $1::interval)`, seconds(5), visitor.id)
		assert.Equal(t, []any{10.0, 180.0}, []any{told["next_beat_seconds"], told["lease_seconds"]})
		assert.Zero(t, w.sweep(t, seconds(60)).Ended, "it may go on as it promised")
	})

	t.Run("a watch is demand, pushed at once, and ends with its connection", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		visitor, agent := w.ann.enter(t, 0), w.sarah.enter(t, 0)
		watch := w.sarah.must(t, "watch_conversation($1, $2)", id, agent.id)
		assert.Equal(t, []any{w.sarah.id}, watch["watchers"])
		w.sarah.must(t, "watch_conversation($1, $2)", id, agent.id)
		assert.Equal(t, []any{10.0}, w.payloads(t, "presence_demand", "next_beat_seconds"), "once")
		assert.InDelta(t, 10, visitor.beat(t, time.Second, "online", 10)["next_beat_seconds"], 0)
		assert.InDelta(t, 60, visitor.beat(t, 3*time.Minute, "online", 10)["next_beat_seconds"], 0, "it lasts two minutes")
		agent.leave(t, time.Second, "left")
		assert.InDelta(t, 60, visitor.beat(t, 2*time.Second, "online", 10)["next_beat_seconds"], 0)
		_, err := w.ann.rpc(t.Context(), "watch_conversation($1)", id)
		refused(t, err, "PT403", "not_a_member")
		_, err = w.bob.rpc(t.Context(), "watch_conversation($1)", id)
		refused(t, err, "PT404", "conversation_not_found")
	})
}
