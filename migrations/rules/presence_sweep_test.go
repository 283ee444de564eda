package rules_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// swept is what one sweep did.
type swept struct {
	LookedAt      int  `json:"looked_at"`
	Ended         int  `json:"ended"`
	Suspected     int  `json:"suspected"`
	FirstBeatOnly int  `json:"first_beat_only"`
	More          bool `json:"more"`
}

// sweep runs the worker's sweep as it is so long from now.
func (w *world) sweep(t *testing.T, after time.Duration) swept {
	t.Helper()
	var done swept
	answer := read[string](t, w, `select handoff.sweep_presence(now() + $1::interval)::text`, after)
	require.NoError(t, json.Unmarshal([]byte(answer), &done))
	return done
}

// served makes the sweep know the database's start long before now, so that no grace is left.
func (w *world) served(t *testing.T) {
	t.Helper()
	w.sweep(t, -time.Hour)
}

func seconds(count int) time.Duration { return time.Duration(count) * time.Second }

func TestPresenceSweep(t *testing.T) {
	t.Parallel()

	t.Run("an agent is suspect after 75 seconds, gone after 90, and back with the next beat", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		state := func() []string {
			return []string{
				agentColumn[string](t, w, w.sarah, "connection"), agentColumn[string](t, w, w.sarah, "effective_status"),
				agentColumn[string](t, w, w.sarah, "effective_reason"), agentColumn[string](t, w, w.sarah, "status"),
			}
		}
		w.sweep(t, seconds(74))
		assert.Equal(t, []string{"live", "online", "wanted", "online"}, state())
		assert.Equal(t, 1, w.sweep(t, seconds(76)).Suspected)
		assert.Equal(t, []string{"suspect", "away", "connection_suspect", "online"}, state())
		tab.beat(t, seconds(77), "active", 30)
		assert.Equal(t, []string{"live", "online", "wanted", "online"}, state())
		assert.Zero(t, w.sweep(t, seconds(77+74)).Suspected)
		w.sweep(t, seconds(77+76))
		assert.Zero(t, w.sweep(t, seconds(77+89)).Ended)
		assert.Equal(t, 1, w.sweep(t, seconds(77+91)).Ended)
		assert.Equal(t, []string{"gone", "offline", "connection_gone", "online"}, state())
		assert.Equal(t, false, tab.beat(t, seconds(170), "active", 30)["known"])
		tab.again(t, seconds(171))
		assert.Equal(t, []string{"live", "online", "wanted", "online"}, state())
	})

	t.Run("a suspect agent is given no chat and is away, not gone, to customers", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		w.sarah.enter(t, 0)
		chat := w.waiting(t, w.ann)
		w.assign(t, chat, w.sarah)
		w.sweep(t, seconds(80))
		assert.Zero(t, w.clock(t, "tell_agents_gone", seconds(80)))
		w.sweep(t, seconds(95))
		assert.Equal(t, 1, w.clock(t, "tell_agents_gone", seconds(95)))
	})

	t.Run("a throttled tab that beats once a minute is never offline", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		promises, silent := w.sarah.enter(t, 0), w.mike.enter(t, 0)
		for minute := 1; minute <= 10; minute++ {
			promises.beat(t, seconds(60*minute), "hidden", 60)
			silent.beat(t, seconds(60*minute), "active", 30) // throttled before it could say so
			for second := 5; second < 60; second += 5 {
				done := w.sweep(t, seconds(60*minute+second))
				require.Zero(t, done.Ended+done.Suspected)
			}
		}
	})

	t.Run("a customer whom somebody waits for is offline 30 seconds after the last beat, one in the background after 180", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		presence := func(id string) string {
			return read[string](t, w, `select customer_presence from public.conversations where id = $1`, id)
		}
		anns, bobs := w.waiting(t, w.ann), w.conversation(t, w.bob)
		w.ann.enter(t, 0).beat(t, seconds(1), "online", 10)
		w.bob.enter(t, 0).beat(t, seconds(1), "background", 60)
		w.sweep(t, seconds(30))
		assert.Equal(t, "online", presence(anns))
		w.sweep(t, seconds(32))
		assert.Equal(t, "offline", presence(anns))
		assert.Equal(t, "lost", read[string](t, w, `select customer_left_reason from public.conversations where id = $1`, anns))
		assert.True(t, read[bool](t, w, `select customer_last_seen_at < now() + interval '2 seconds' from public.conversations where id = $1`, anns),
			"last seen at the last beat")
		w.sweep(t, seconds(180))
		assert.Equal(t, "idle", presence(bobs))
		w.sweep(t, seconds(182))
		assert.Equal(t, "offline", presence(bobs))
	})

	t.Run("a closed page is gone 15 seconds later, for its reason", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.served(t)
		tab := w.ann.enter(t, 0)
		tab.leave(t, seconds(2), "pagehide")
		assert.Zero(t, w.sweep(t, seconds(16)).Ended)
		assert.Equal(t, 1, w.sweep(t, seconds(18)).Ended)
		assert.Equal(t, []string{"presence_leave customer pagehide", "presence_offline customer pagehide"},
			withoutChanges(w.presenceEvents(t), "presence_leave", "presence_offline"))
	})

	t.Run("no activity for auto_offline_minutes is offline, and the next touch is not", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		idle := func(after, idle int) any {
			return w.sarah.call(t, `presence_heartbeat($2, 'idle', 30, $3, null, now() + $1::interval)`, seconds(after), tab.id, idle)["effective_reason"]
		}
		assert.Equal(t, "wanted", idle(1790, 1780))
		assert.Equal(t, "inactive", idle(1820, 1810))
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, "wanted", idle(1850, 2))
		w.exec(t, `update public.agent_availability set auto_offline_enabled = false`)
		assert.Equal(t, "wanted", idle(9000, 7000))
	})

	t.Run("an agent who never used presence, and one who set a status by hand since, need no beats", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		w.sarah.enter(t, 0)
		w.sweep(t, seconds(91))
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"))
		assert.Equal(t, "online", agentColumn[string](t, w, w.mike, "effective_status"), "never entered")
		w.owner.must(t, "set_agent_status($1, 'online', $2)", w.project, w.sarah.id)
		assert.Equal(t, "offline", agentColumn[string](t, w, w.sarah, "effective_status"), "an admin's word is no sign of life")
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"), "an older dashboard")
		w.sweep(t, seconds(4000))
		assert.Equal(t, "online", agentColumn[string](t, w, w.sarah, "effective_status"))
	})

	t.Run("who is lost and back within two minutes flaps, and it is counted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		assert.Equal(t, 1, w.sweep(t, seconds(95)).FirstBeatOnly, "the signal of a client whose beats stop after the first")
		tab.again(t, seconds(100))
		assert.Equal(t, []bool{false, true}, read[[]bool](t, w, `select array_agg(came_back order by id) from public.presence_sessions`))
	})
}

func TestPresenceAfterRestart(t *testing.T) {
	t.Parallel()

	t.Run("after a crash nobody who beats flips, and who does not gets no new chats and is gone by the longest lease", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		stays := w.sarah.enter(t, 0)
		w.mike.enter(t, 0)
		w.exec(t, `truncate handoff.presence_leases, handoff.presence_marker`)
		events := len(w.presenceEvents(t))
		w.sweep(t, seconds(200))
		assert.Equal(t, []string{"agent active live", "agent active live"}, w.members(t, seconds(200)), "a lease of grace")
		w.sweep(t, seconds(289))
		stays.beat(t, seconds(289), "active", 30)
		assert.Len(t, w.presenceEvents(t), events, "nobody heard of it")
		assert.Equal(t, 1, w.sweep(t, seconds(291)).Suspected)
		assert.Equal(t, "away", agentColumn[string](t, w, w.mike, "effective_status"))
		stays.beat(t, seconds(370), "hidden", 60)
		assert.Zero(t, w.sweep(t, seconds(379)).Ended, "a hidden page may have missed two beats of its three")
		assert.Equal(t, 1, w.sweep(t, seconds(381)).Ended)
		assert.Equal(t, "gone", agentColumn[string](t, w, w.mike, "connection"))
		assert.Equal(t, "live", agentColumn[string](t, w, w.sarah, "connection"))
	})

	t.Run("while the database was down nobody could beat", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		stays := w.sarah.enter(t, 0)
		w.exec(t, `update handoff.presence_marker set postmaster_started = postmaster_started - interval '1 day'`)
		assert.Zero(t, w.sweep(t, seconds(600)).Ended, "ten minutes later it is back")
		assert.Len(t, w.members(t, seconds(601)), 1)
		assert.Equal(t, true, stays.beat(t, seconds(620), "active", 30)["known"])
		assert.Zero(t, w.sweep(t, seconds(700)).Ended)
		assert.Equal(t, 1, w.sweep(t, seconds(711)).Ended)
	})

	t.Run("a page that is closed soon after a start of the database is not kept for longer", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.sweep(t, 0)
		tab := w.sarah.enter(t, seconds(5))
		tab.leave(t, seconds(10), "pagehide")
		assert.Zero(t, w.sweep(t, seconds(24)).Ended)
		assert.Equal(t, 1, w.sweep(t, seconds(26)).Ended)
	})

	t.Run("orphans are collected: sessions, agents and customers whom nothing stands behind", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.served(t)
		id := w.conversation(t, w.ann)
		w.sarah.enter(t, 0)
		w.ann.enter(t, 0)
		w.mike.enter(t, 0)
		w.exec(t, `delete from handoff.presence_leases`)
		w.exec(t, `update public.presence_sessions set left_at = now(), leave_reason = 'left', last_seen_at = now() where user_id <> $1`, w.mike.id)
		w.exec(t, `select handoff.collect_orphans(now())`)
		assert.Equal(t, "gone", agentColumn[string](t, w, w.sarah, "connection"))
		assert.Equal(t, "offline", read[string](t, w, `select customer_presence from public.conversations where id = $1`, id))
		assert.Equal(t, "live", agentColumn[string](t, w, w.mike, "connection"), "a session without a lease gets one of grace")
		w.sweep(t, seconds(185))
		assert.Equal(t, "gone", agentColumn[string](t, w, w.mike, "connection"))
	})

	t.Run("old sessions and traces go", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.enter(t, 0).leave(t, 0, "left")
		w.exec(t, `select handoff.collect_orphans(now() + interval '29 days')`)
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.presence_sessions`))
		w.exec(t, `select handoff.collect_orphans(now() + interval '31 days')`)
		assert.Zero(t, read[int](t, w, `select count(*) from public.presence_sessions`))
	})
}
