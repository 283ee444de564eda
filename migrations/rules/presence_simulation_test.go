package rules_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The simulation plays pages in virtual time through the real functions: `moment` is their clock. HANDOFF_PRESENCE_SESSIONS
// sets how many; make test plays a few hundred.
const (
	simulatedSessions = 400
	simulatedTime     = 12 * time.Minute
	simulatedStep     = 5 * time.Second // the worker's rhythm
	// workerAway and databaseDown begin at these times and last so long; the crash also empties the unlogged tables.
	workerAwayAt, workerAwayFor     = 3 * time.Minute, time.Minute
	databaseDownAt, databaseDownFor = 6 * time.Minute, 20 * time.Second
	graceAfterCrash                 = 180 * time.Second
)

// simulatedPage is one page: what it promises, how its timer really fires, and when it dies.
type simulatedPage struct {
	id, user   string
	agent      bool
	state      string
	promised   time.Duration // what each beat declares
	fires      time.Duration // what the browser makes of it
	lease      time.Duration // as it was told last
	next, last time.Duration // the next beat, and the last one that arrived
	diesAt     time.Duration // 0: lives on
}

// habits are how pages beat, with how many of them there are.
var habits = []struct {
	share           int
	agent           bool
	state           string
	promised, fires time.Duration
	lease           time.Duration
}{
	{3, true, "active", 30 * time.Second, 30 * time.Second, 90 * time.Second},
	{2, true, "hidden", 60 * time.Second, 60 * time.Second, 180 * time.Second},
	{1, true, "active", 30 * time.Second, 60 * time.Second, 90 * time.Second}, // throttled before it could say so
	{4, false, "online", 10 * time.Second, 10 * time.Second, 30 * time.Second},
	{6, false, "online", 60 * time.Second, 60 * time.Second, 180 * time.Second},
	{4, false, "background", 60 * time.Second, 60 * time.Second, 180 * time.Second},
}

type simulation struct {
	w       *world
	random  *rand.Rand
	begins  time.Time
	pages   []*simulatedPage
	byID    map[string]*simulatedPage
	beats   int
	drops   int
	ended   map[string]time.Duration // when each was shown offline
	wrongly int
	late    int
	slowest time.Duration
	crash   func(t *testing.T, now time.Duration) // what the database loses while it is down
}

func TestPresenceSimulation(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, newWorld(t), countFrom(t, "HANDOFF_PRESENCE_SESSIONS", simulatedSessions))
	s.crash = func(t *testing.T, _ time.Duration) {
		t.Helper()
		s.w.exec(t, `truncate handoff.presence_leases, handoff.presence_marker`)
	}
	s.play(t, "presence_simulation")
}

// countFrom is what the variable says, if it says anything.
func countFrom(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	count, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return count
}

// play lets the time go by and judges.
func (s *simulation) play(t *testing.T, name string) {
	t.Helper()
	for now := simulatedStep; now <= simulatedTime; now += simulatedStep {
		s.step(t, now)
	}
	died := s.died()
	s.missing(died)
	flaps := read[int](t, s.w, `select count(*) from public.presence_sessions`) - len(s.pages)
	t.Logf("RESULT %s sessions=%d beats=%d dropped=%d died=%d false_offline=%d late_offline=%d flaps=%d slowest_after_lease_seconds=%.1f",
		name, len(s.pages), s.beats, s.drops, len(died), s.wrongly, s.late, flaps, s.slowest.Seconds())
	assert.Zero(t, s.wrongly, "a beating page was shown offline")
	assert.Zero(t, s.late, "a dead page was not shown offline within its lease and 5 seconds")
	assert.Zero(t, flaps, "a page had to come back")
	assert.Positive(t, s.drops)
	assert.NotEmpty(t, died)
}

func newSimulation(t *testing.T, w *world, count int) *simulation {
	t.Helper()
	s := &simulation{
		w: w, random: rand.New(rand.NewPCG(7, 11)),
		begins: time.Now().Truncate(time.Millisecond), byID: map[string]*simulatedPage{}, ended: map[string]time.Duration{},
	}
	for len(s.pages) < count {
		for _, habit := range habits {
			for range habit.share {
				page := &simulatedPage{
					id: uuid.NewString(), user: uuid.NewString(), agent: habit.agent, state: habit.state,
					promised: habit.promised, fires: habit.fires, lease: habit.lease,
				}
				page.next = time.Duration(s.random.Int64N(int64(page.fires)))
				if s.random.IntN(10) == 0 { // a tenth die, in time to be found
					page.diesAt = time.Duration(s.random.Int64N(int64(simulatedTime - 4*time.Minute)))
				}
				s.pages = append(s.pages, page)
				s.byID[page.id] = page
			}
		}
	}
	s.pages = s.pages[:count]
	s.enter(t)
	return s
}

// enter puts everybody there as presence_enter does, all at once.
func (s *simulation) enter(t *testing.T) {
	t.Helper()
	var ids, users, states []string
	var agents []bool
	var promises []int
	for _, page := range s.pages {
		ids, users, states = append(ids, page.id), append(users, page.user), append(states, page.state)
		agents, promises = append(agents, page.agent), append(promises, int(page.promised.Seconds()))
	}
	s.w.exec(t, `insert into auth.users (id, aud, role, email, is_anonymous)
		select id, 'authenticated', 'authenticated', case when agent then id::text || '@example.com' end, not agent
		  from unnest($1::uuid[], $2::boolean[]) as person (id, agent)`, users, agents)
	s.w.exec(t, `insert into public.project_members (project_id, user_id, email, status, accepted_at)
		select $3, id, id::text || '@example.com', 'active', now() from unnest($1::uuid[], $2::boolean[]) as person (id, agent) where agent`,
		users, agents, s.w.project)
	s.w.exec(t, `update public.agent_availability set status = 'online'`)
	s.w.exec(t, `with page as (
			select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::integer[]) as page (id, person, agent, state, promised)
		), opened as (
			insert into public.presence_sessions (project_id, connection_id, role, user_id, client_id, floor_seconds, remain_seconds, entered_at)
			select $6, id, case when agent then 'agent' else 'customer' end, person, person::text, case when agent then 90 else 30 end, 15, $7 from page)
		insert into handoff.presence_leases
		select lease.*
		  from page
		 cross join lateral handoff.new_lease($6, id, case when agent then 'agent' else 'customer' end, person, person::text, state, promised, 15, 0, $7) as lease`,
		ids, users, agents, states, promises, s.w.project, s.begins)
	s.w.exec(t, `update public.agent_availability set connection = 'live' where user_id = any ($1)`, users)
	s.watch(t)
	s.w.exec(t, `select handoff.sweep_presence($1::timestamptz - interval '1 hour')`, s.begins)
	s.w.exec(t, `analyze`)
}

// watch gives the visitors who beat every ten seconds conversations that somebody looks at: why else would they beat.
func (s *simulation) watch(t *testing.T) {
	t.Helper()
	var watched []string
	for _, page := range s.pages {
		if page.promised == 10*time.Second {
			watched = append(watched, page.user)
		}
	}
	s.w.exec(t, `insert into public.conversations (project_id, visitor_id, visitor_user_id, customer_presence)
		select $2, visitor::text, visitor, 'online' from unnest($1::uuid[]) as visitor`, watched, s.w.project)
	s.watchOn(t, 0)
}

// watchOn says so again, as dashboards do each minute.
func (s *simulation) watchOn(t *testing.T, now time.Duration) {
	t.Helper()
	s.w.exec(t, `insert into handoff.conversation_watchers as watching (conversation_id, watcher, user_id, until)
		select id, $1, $1, $2::timestamptz + interval '120 seconds' from public.conversations
		    on conflict on constraint conversation_watchers_pkey do update set until = excluded.until`, s.w.sarah.id, s.begins.Add(now))
}

func (s *simulation) databaseIsDown(now time.Duration) bool {
	return now > databaseDownAt && now <= databaseDownAt+databaseDownFor
}

// step sends the beats of the last five seconds, then sweeps, unless what is needed for it is away.
func (s *simulation) step(t *testing.T, now time.Duration) {
	t.Helper()
	if s.databaseIsDown(now) {
		return // beats that are due fail and come again once it is back
	}
	if now-simulatedStep == databaseDownAt+databaseDownFor {
		s.crash(t, now)
	}
	if now%time.Minute == 0 {
		s.watchOn(t, now)
	}
	s.send(t, now)
	if now > workerAwayAt && now <= workerAwayAt+workerAwayFor {
		return
	}
	for more := true; more; {
		var done swept
		require.NoError(t, json.Unmarshal([]byte(read[string](t, s.w, `select handoff.sweep_presence($1, 5000)::text`, s.begins.Add(now))), &done))
		more = done.More
	}
	s.look(t, now)
}

// send lets the pages beat whose timers fire. One beat in ten is lost on its way, as long as another can still arrive in the
// lease: more than that is not what is promised.
func (s *simulation) send(t *testing.T, now time.Duration) {
	t.Helper()
	var ids, users, states []string
	var promises []int
	var moments []time.Time
	for _, page := range s.pages {
		for page.next <= now && (page.diesAt == 0 || page.next < page.diesAt) {
			at := max(page.next, now-simulatedStep+time.Millisecond) // those of an outage come at its end
			jitter := 1 - 0.15*s.random.Float64()
			page.next = at + time.Duration(float64(page.fires)*jitter)
			if s.random.IntN(10) == 0 && page.next-page.last < page.lease-time.Second {
				s.drops++
				continue
			}
			page.last = at
			s.beats++
			ids, users, states = append(ids, page.id), append(users, page.user), append(states, page.state)
			promises, moments = append(promises, int(page.promised.Seconds())), append(moments, s.begins.Add(at))
		}
	}
	rows, err := s.w.root.Query(t.Context(), `
		with beat as materialized (
			select set_config('request.jwt.claims', jsonb_build_object('sub', person, 'role', 'authenticated')::text, true),
			       id, handoff.presence_heartbeat(id, state, promised, 0, null, moment) as answer
			  from unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[]) as page (id, person, state, promised, moment)
		)
		select id::text, (answer ->> 'known')::boolean, (answer ->> 'lease_seconds')::integer from beat`, ids, users, states, promises, moments)
	require.NoError(t, err)
	s.hear(t, now, rows)
}

// hear takes the answers to the beats.
func (s *simulation) hear(t *testing.T, now time.Duration, answers pgx.Rows) {
	t.Helper()
	var id string
	var known bool
	var seconds, unknown int
	_, err := pgx.ForEachRow(answers, []any{&id, &known, &seconds}, func() error {
		if !known {
			unknown++
			return nil
		}
		s.byID[id].lease = time.Duration(seconds) * time.Second
		return nil
	})
	require.NoError(t, err)
	assert.Zero(t, unknown, "at %s: a beating page was not known", now)
}

// look judges who was shown offline since the last time.
func (s *simulation) look(t *testing.T, now time.Duration) {
	t.Helper()
	rows, err := s.w.root.Query(t.Context(), `select connection_id::text from public.presence_sessions where left_at = $1`, s.begins.Add(now))
	require.NoError(t, err)
	gone, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, id := range gone {
		page := s.byID[id]
		s.ended[id] = now
		if page.diesAt == 0 || now < page.last+page.lease {
			s.wrongly++
			continue
		}
		after := now - s.due(page)
		s.slowest = max(s.slowest, after)
		if after > simulatedStep {
			t.Logf("late: %+v at %s, due %s", *page, now, s.due(page))
			s.late++
		}
	}
}

// due is when a dead page's lease was over, later if nobody could sweep then or the crash gave it a lease of grace.
func (s *simulation) due(page *simulatedPage) time.Duration {
	over := page.last + page.lease
	back := databaseDownAt + databaseDownFor + simulatedStep
	if over > databaseDownAt && page.last < back {
		over = max(over, back+max(graceAfterCrash, page.lease)) // a whole lease since beats can arrive again
	}
	if over > workerAwayAt-simulatedStep && over < workerAwayAt+workerAwayFor {
		over = workerAwayAt + workerAwayFor
	}
	return over
}

func (s *simulation) died() []*simulatedPage {
	var dead []*simulatedPage
	for _, page := range s.pages {
		if page.diesAt > 0 && s.due(page)+simulatedStep < simulatedTime {
			dead = append(dead, page)
		}
	}
	return dead
}

// missing counts the dead who were never shown offline.
func (s *simulation) missing(dead []*simulatedPage) {
	for _, page := range dead {
		if _, found := s.ended[page.id]; !found {
			s.late++
		}
	}
}
