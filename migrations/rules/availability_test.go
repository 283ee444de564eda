package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A Monday at ten and at eight in the evening, where the project works from nine to five.
const (
	withinHours  = "2026-11-23T10:00:00-05:00"
	outsideHours = "2026-11-23T20:00:00-05:00"
	opensFriday  = "2026-11-27T14:00:00+00:00"
)

// available asks as the widget does, at a moment of the test's choice.
func (w *world) available(t *testing.T, moment string) map[string]any {
	t.Helper()
	return read[map[string]any](t, w, `select handoff.availability($1, $2::text::timestamptz)`, w.project, moment)
}

// situation is one row of the decision matrix of F001 5.10.3 and what leads to it.
type situation struct {
	name    string
	enabled bool
	agents  bool
	hours   bool
	online  bool
	moment  string
	want    map[string]any
}

func (s situation) arrange(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if s.hours {
		w.works(t, "America/New_York", officeWeek)
	}
	if s.online {
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	}
	if !s.agents {
		w.exec(t, `delete from public.agent_availability`)
		w.exec(t, `update public.project_members set status = 'pending'`)
	}
	w.exec(t, `update public.handoff_settings set enabled = $1`, s.enabled)
	return w
}

func no(reason string, more map[string]any) map[string]any {
	answer := map[string]any{"available": false, "reason": reason, "show_button": false, "show_offline_form": false}
	for key, value := range more {
		answer[key] = value
	}
	return answer
}

func TestAvailabilityMatrix(t *testing.T) {
	t.Parallel()
	yes := map[string]any{"available": true, "show_button": true, "show_offline_form": false}
	form := map[string]any{"show_offline_form": true}
	for _, row := range []situation{
		{name: "disabled: AI only", agents: true, online: true, moment: withinHours, want: no("disabled", nil)},
		{name: "disabled, with hours and nobody: AI only", hours: true, moment: outsideHours, want: no("disabled", nil)},
		{name: "no agents: AI only", enabled: true, moment: withinHours, want: no("no_agents", nil)},
		{name: "no agents, outside of hours: AI only", enabled: true, hours: true, moment: outsideHours, want: no("no_agents", nil)},
		{name: "no hours, nobody online: AI only", enabled: true, agents: true, moment: outsideHours, want: no("all_offline", nil)},
		{name: "no hours, somebody online: button", enabled: true, agents: true, online: true, moment: outsideHours, want: yes},
		{
			name: "outside of hours, nobody online: offline form", enabled: true, agents: true, hours: true, moment: outsideHours,
			want: no("outside_hours", map[string]any{"show_offline_form": true, "opens_at": opensFriday}),
		},
		{
			name: "outside of hours, somebody online: offline form", enabled: true, agents: true, hours: true, online: true, moment: outsideHours,
			want: no("outside_hours", map[string]any{"show_offline_form": true, "opens_at": opensFriday}),
		},
		{name: "within hours, nobody online: no button", enabled: true, agents: true, hours: true, moment: withinHours, want: no("all_offline", form)},
		{name: "within hours, somebody online: button", enabled: true, agents: true, hours: true, online: true, moment: withinHours, want: yes},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, row.want, row.arrange(t).available(t, row.moment))
		})
	}
}

func TestAvailability(t *testing.T) {
	t.Parallel()

	t.Run("the button is shown if the settings say so, in every trigger mode", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		for _, mode := range []string{"auto", "manual", "both"} {
			for _, shown := range []bool{true, false} {
				w.exec(t, `update public.handoff_settings set trigger_mode = $1, show_human_button = $2`, mode, shown)
				answer := w.available(t, withinHours)
				assert.Equal(t, true, answer["available"], mode)
				assert.Equal(t, shown, answer["show_button"], mode)
			}
		}
	})

	t.Run("without a row of settings handoff is disabled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `delete from public.handoff_settings`)
		assert.Equal(t, no("disabled", nil), w.available(t, withinHours))
	})

	t.Run("agents who are busy or away are not online", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'busy')", w.project)
		w.mike.must(t, "set_agent_status($1, 'away')", w.project)
		assert.Equal(t, "all_offline", w.available(t, withinHours)["reason"])
	})

	t.Run("an owner who works as an agent is one, a member who left is none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
		w.exec(t, `update public.project_members set status = 'removed'`)
		assert.Equal(t, "no_agents", w.available(t, withinHours)["reason"])
		w.owner.must(t, "set_agent_status($1, 'offline')", w.project)
		assert.Equal(t, "all_offline", w.available(t, withinHours)["reason"])
		w.owner.must(t, "set_agent_status($1, 'online')", w.project)
		assert.Equal(t, true, w.available(t, withinHours)["available"])
	})

	t.Run("a holiday is outside of hours", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", officeWeek)
		w.except(t, "2026-11-23", "")
		assert.Equal(t, opensFriday, w.available(t, withinHours)["opens_at"])
	})

	t.Run("opens_at is left out when no opening is known", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{}`)
		assert.Equal(t, no("outside_hours", map[string]any{"show_offline_form": true}), w.available(t, withinHours))
	})

	t.Run("anybody may ask, for a project that does not exist too", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		for _, who := range []actor{w.ann, w.sarah, {w: w, role: "anon"}} {
			assert.Equal(t, true, who.must(t, "get_handoff_availability($1)", w.project)["available"])
			assert.Equal(t, "disabled", who.must(t, "get_handoff_availability(gen_random_uuid())")["reason"])
		}
	})
}

// Rows of the behaviour matrix of F001 5.8.3. Assigning is the worker's: for the database both rows within hours wait.
func TestBusinessHoursMatrix(t *testing.T) {
	t.Parallel()
	always := `{"start": "00:00", "end": "24:00"}`
	openWeek := `{"monday": ` + always + `, "tuesday": ` + always + `, "wednesday": ` + always + `, "thursday": ` + always +
		`, "friday": ` + always + `, "saturday": ` + always + `, "sunday": ` + always + `}`
	ask := func(t *testing.T, w *world) map[string]any {
		t.Helper()
		return w.ann.must(t, "request_handoff($1, 'button_click')", w.conversation(t, w.ann))
	}

	t.Run("hours disabled: handoff is available", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		assert.Equal(t, "waiting", ask(t, w)["status"])
	})

	t.Run("within hours, agent with a free slot: to the queue, from which the worker gives it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", openWeek)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		assert.Equal(t, "waiting", ask(t, w)["status"])
	})

	t.Run("within hours, every agent full: to the queue", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", openWeek)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		w.exec(t, `update public.agent_availability set max_concurrent_chats = 1`)
		w.assign(t, w.waiting(t, w.bob), w.sarah)
		assert.Equal(t, "waiting", ask(t, w)["status"])
	})

	t.Run("outside of hours, whoever is online: offline form with the next opening", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{}`)
		w.exec(t, `insert into public.business_hours_exceptions (project_id, date, ranges)
			values ($1, (now() at time zone 'UTC')::date + 40, '[{"start": "09:00", "end": "10:00"}]')`, w.project)
		w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
		answer := ask(t, w)
		assert.Equal(t, "offline", answer["status"])
		assert.Equal(t, true, answer["show_offline_form"])
		hours := answer["business_hours"].(map[string]any)
		assert.Regexp(t, `^[A-Z][a-z]+day, [A-Z][a-z]+ \d{1,2}, 9:00 AM$`, hours["next_available"])
		assert.Equal(t, "UTC", hours["timezone"])
	})
}

func TestOfflineAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(t, "America/New_York", officeWeek)
	answer := func(moment string) map[string]any {
		return read[map[string]any](t, w,
			`select handoff.offline_answer($1, handoff.availability($1, $2::text::timestamptz), $2::text::timestamptz)`, w.project, moment)
	}

	assert.Equal(t, map[string]any{
		"status": "offline", "reason": "outside_hours", "message": "Our team is currently offline", "show_offline_form": true,
		"business_hours": map[string]any{"timezone": "America/New_York", "next_available": "Friday 9:00 AM", "opens_at": opensFriday},
	}, answer(outsideHours))
	inside := answer(withinHours)
	assert.Equal(t, "all_offline", inside["reason"])
	assert.Equal(t, "Friday 9:00 AM", inside["business_hours"].(map[string]any)["next_available"])
	w.exec(t, `update public.handoff_settings set enabled = false`)
	assert.Nil(t, answer(withinHours)["business_hours"], "where handoff is off the hours promise nothing")
}
