package rules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// write runs a statement on tables as the actor, as PostgREST does, and counts the rows it touched.
func (a actor) write(ctx context.Context, sql string, args ...any) (int64, error) {
	var rows int64
	err := a.do(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}

// admin makes Mike an admin of the project.
func (w *world) admin(t *testing.T) actor {
	t.Helper()
	w.exec(t, `update public.project_members set role = 'admin' where user_id = $1`, w.mike.id)
	return w.mike
}

func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `delete from public.handoff_settings`)

	before := w.sarah.must(t, "get_handoff_settings($1)", w.project)
	w.exec(t, `insert into public.handoff_settings (project_id) values ($1)`, w.project)
	after := w.sarah.must(t, "get_handoff_settings($1)", w.project)
	delete(before, "updated_at")
	delete(after, "updated_at")
	assert.Equal(t, before, after, "the answer without a row is what a fresh row says")

	assert.Equal(t, false, after["enabled"])
	assert.Equal(t, "both", after["trigger_mode"])
	assert.InDelta(t, 5, after["default_max_concurrent_chats"], 0)
	assert.InDelta(t, 15, after["session_keep_alive_minutes"], 0)
	assert.Equal(t, "balanced", after["assignment_strategy"])
	assert.InDelta(t, 60, after["preferred_wait_seconds"], 0)
	assert.Equal(t, map[string]any{
		"low_confidence_enabled": true, "low_confidence_threshold": 0.6, "keywords_enabled": true,
		"keywords": []any{"human", "agent", "person", "speak to someone", "talk to someone"},
	}, after["auto_triggers"])
	assert.Len(t, after["business_hours"], 7)
}

func TestSettingsRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("x", 101)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`"word %d"`, i)
	}
	for _, c := range []struct{ name, settings, code string }{
		{"not an object", `[]`, "setting_invalid"},
		{"an unknown setting", `{"enable": true}`, "unknown_setting"},
		{"the id of the row", `{"id": "0b9a8bd0-0000-0000-0000-000000000000"}`, "unknown_setting"},
		{"null", `{"enabled": null}`, "setting_invalid"},
		{"a text for a boolean", `{"enabled": "yes"}`, "setting_invalid"},
		{"half a chat", `{"default_max_concurrent_chats": 2.5}`, "setting_invalid"},
		{"a number beyond integers", `{"default_max_concurrent_chats": 99999999999}`, "setting_invalid"},
		{"no chats", `{"default_max_concurrent_chats": 0}`, "chats_out_of_range"},
		{"51 chats", `{"default_max_concurrent_chats": 51}`, "chats_out_of_range"},
		{"no minutes to be idle", `{"inactivity_timeout_minutes": 0}`, "minutes_out_of_range"},
		{"over a day after the warning", `{"auto_close_after_warning_minutes": 1441}`, "minutes_out_of_range"},
		{"a negative session", `{"session_keep_alive_minutes": -1}`, "minutes_out_of_range"},
		{"an unknown strategy", `{"assignment_strategy": "random"}`, "unknown_strategy"},
		{"a strategy that is no text", `{"assignment_strategy": 1}`, "setting_invalid"},
		{"a negative wait", `{"preferred_wait_seconds": -1}`, "seconds_out_of_range"},
		{"over an hour for one agent", `{"preferred_wait_seconds": 3601}`, "seconds_out_of_range"},
		{"an unknown mode", `{"trigger_mode": "always"}`, "unknown_trigger_mode"},
		{"triggers that are no object", `{"auto_triggers": []}`, "setting_invalid"},
		{"an unknown trigger", `{"auto_triggers": {"loop_detection_enabled": true}}`, "unknown_setting"},
		{"a trigger of another type", `{"auto_triggers": {"keywords_enabled": 1}}`, "setting_invalid"},
		{"a threshold over 1", `{"auto_triggers": {"low_confidence_threshold": 1.01}}`, "threshold_out_of_range"},
		{"a threshold below 0", `{"auto_triggers": {"low_confidence_threshold": -0.01}}`, "threshold_out_of_range"},
		{"a threshold that is no number", `{"auto_triggers": {"low_confidence_threshold": "0.5"}}`, "setting_invalid"},
		{"no keywords", `{"auto_triggers": {"keywords": []}}`, "keywords_invalid"},
		{"a blank keyword", `{"auto_triggers": {"keywords": ["human", " \t"]}}`, "keywords_invalid"},
		{"a keyword that is no text", `{"auto_triggers": {"keywords": ["human", 7]}}`, "keywords_invalid"},
		{"a number that reads like a keyword before it", `{"auto_triggers": {"keywords": ["7", 7]}}`, "keywords_invalid"},
		{"a null keyword", `{"auto_triggers": {"keywords": [null]}}`, "keywords_invalid"},
		{"a very long keyword", `{"auto_triggers": {"keywords": ["` + long + `"]}}`, "keywords_invalid"},
		{"very many keywords", `{"auto_triggers": {"keywords": [` + strings.Join(many, ",") + `]}}`, "keywords_invalid"},
		{"keywords that are no list", `{"auto_triggers": {"keywords": "human"}}`, "setting_invalid"},
		{"a zone that does not exist", `{"timezone": "Europe/Atlantis"}`, "unknown_timezone"},
		{"an empty zone", `{"timezone": ""}`, "unknown_timezone"},
		{"an abbreviation", `{"timezone": "PST"}`, "unknown_timezone"},
		{"an abbreviation that is a zone too", `{"timezone": "CET"}`, "unknown_timezone"},
		{"a POSIX string", `{"timezone": "EST5EDT"}`, "unknown_timezone"},
		{"a POSIX string with rules", `{"timezone": "CET-1CEST,M3.5.0,M10.5.0/3"}`, "unknown_timezone"},
		{"an offset", `{"timezone": "+02:00"}`, "unknown_timezone"},
		{"a zone with leap seconds", `{"timezone": "right/Europe/Berlin"}`, "unknown_timezone"},
		{"hours that are no object", `{"business_hours": 9}`, "setting_invalid"},
		{"an unknown weekday", `{"business_hours": {"mon": {}}}`, "unknown_setting"},
		{"a day that is no object", `{"business_hours": {"monday": true}}`, "setting_invalid"},
		{"an unknown key of a day", `{"business_hours": {"monday": {"open": "09:00"}}}`, "unknown_setting"},
		{"enabled by a text", `{"business_hours": {"monday": {"enabled": "true"}}}`, "setting_invalid"},
		{"a time without a zero", `{"business_hours": {"monday": {"start": "9:00", "end": "17:00"}}}`, "time_invalid"},
		{"a time of twelve hours", `{"business_hours": {"monday": {"start": "09:00", "end": "05:00 PM"}}}`, "time_invalid"},
		{"a 61st minute", `{"business_hours": {"monday": {"start": "09:60", "end": "17:00"}}}`, "time_invalid"},
		{"a start at 24:00", `{"business_hours": {"monday": {"start": "24:00", "end": "06:00", "overnight": true}}}`, "time_invalid"},
		{"a time that is a number", `{"business_hours": {"monday": {"start": 9, "end": "17:00"}}}`, "time_invalid"},
		{"an end before the start", `{"business_hours": {"monday": {"start": "22:00", "end": "06:00"}}}`, "range_invalid"},
		{"an end at the start", `{"business_hours": {"monday": {"start": "09:00", "end": "09:00"}}}`, "range_invalid"},
		{"wrong hours of a closed day", `{"business_hours": {"sunday": {"start": "17:00", "end": "09:00", "enabled": false}}}`, "range_invalid"},
		{"over 24 hours", `{"business_hours": {"monday": {"start": "09:00", "end": "17:00", "overnight": true}}}`, "range_invalid"},
		{"overnight by a text", `{"business_hours": {"monday": {"start": "22:00", "end": "06:00", "overnight": "yes"}}}`, "setting_invalid"},
		{"two forms of hours", `{"business_hours": {"monday": {"start": "09:00", "ranges": [{"start": "09:00", "end": "12:00"}]}}}`, "range_invalid"},
		{"an open day without ranges", `{"business_hours": {"monday": {"enabled": true, "ranges": []}}}`, "ranges_missing"},
		{"ranges that are no list", `{"business_hours": {"monday": {"ranges": {}}}}`, "setting_invalid"},
		{"a range that is no object", `{"business_hours": {"monday": {"ranges": ["09:00-12:00"]}}}`, "setting_invalid"},
		{"a range without an end", `{"business_hours": {"monday": {"ranges": [{"start": "09:00"}]}}}`, "time_invalid"},
		{"an unknown key of a range", `{"business_hours": {"monday": {"ranges": [{"start": "09:00", "end": "10:00", "enabled": true}]}}}`, "unknown_setting"},
		{
			"overlapping ranges, whatever their order",
			`{"business_hours": {"monday": {"ranges": [{"start": "13:00", "end": "17:00"}, {"start": "09:00", "end": "13:01"}]}}}`, "ranges_overlap",
		},
		{
			"a range after one past midnight",
			`{"business_hours": {"monday": {"ranges": [{"start": "20:00", "end": "02:00", "overnight": true}, {"start": "23:00", "end": "23:30"}]}}}`, "ranges_overlap",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := w.owner.rpc(t.Context(), "update_handoff_settings($1, $2)", w.project, c.settings)
			refused(t, err, "PT400", c.code)
		})
	}

	t.Run("a dashboard that writes the table hears the same", func(t *testing.T) {
		t.Parallel()
		for column, c := range map[string]struct{ value, code string }{
			"auto_triggers":                {`{"low_confidence_threshold": 2}`, "threshold_out_of_range"},
			"business_hours":               {`{"monday": {"start": "18:00", "end": "17:00"}}`, "range_invalid"},
			"timezone":                     {`Mars/Olympus`, "unknown_timezone"},
			"trigger_mode":                 {`never`, "unknown_trigger_mode"},
			"assignment_strategy":          {`random`, "unknown_strategy"},
			"preferred_wait_seconds":       {`3601`, "seconds_out_of_range"},
			"default_max_concurrent_chats": {`51`, "chats_out_of_range"},
			"inactivity_timeout_minutes":   {`0`, "minutes_out_of_range"},
		} {
			_, err := w.owner.write(t.Context(), fmt.Sprintf(`update public.handoff_settings set %s = '%s' where project_id = $1`, column, c.value), w.project)
			refused(t, err, "PT400", c.code)
		}
	})

	t.Run("nothing of a refused change is kept", func(t *testing.T) {
		t.Parallel()
		other := newWorld(t)
		_, err := other.owner.rpc(t.Context(), "update_handoff_settings($1, $2)", other.project, `{"enabled": false, "timezone": "Nowhere"}`)
		refused(t, err, "PT400", "unknown_timezone")
		assert.Equal(t, true, other.owner.must(t, "get_handoff_settings($1)", other.project)["enabled"])
	})
}

func TestSettingsAreNormalised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ name, settings, path, want string }{
		{
			"keywords are trimmed, lower-cased and said once, in their order", `{"auto_triggers": {"keywords": ["  Human\n", "MENSCH", "human", "Ärger"]}}`,
			`{auto_triggers,keywords}`, `["human", "mensch", "ärger"]`,
		},
		{"a zone gets its own spelling", `{"timezone": " europe/berlin "}`, `{timezone}`, `"Europe/Berlin"`},
		{"UTC is a zone", `{"timezone": "UTC"}`, `{timezone}`, `"UTC"`},
		{"an old name of a zone is one", `{"timezone": "Japan"}`, `{timezone}`, `"Japan"`},
		{"thresholds may be the ends", `{"auto_triggers": {"low_confidence_threshold": 1}}`, `{auto_triggers,low_confidence_threshold}`, `1`},
		{
			"ranges are put in order and may touch", `{"business_hours": {"tuesday": {"ranges": [{"start": "12:00", "end": "24:00"}, {"start": "09:00", "end": "12:00"}]}}}`,
			`{business_hours,tuesday}`, `{"enabled": true, "ranges": [{"start": "09:00", "end": "12:00"}, {"start": "12:00", "end": "24:00"}]}`,
		},
		{
			"past midnight is kept as said", `{"business_hours": {"friday": {"start": "22:00", "end": "06:00", "overnight": true}}}`,
			`{business_hours,friday}`, `{"start": "22:00", "end": "06:00", "overnight": true, "enabled": true}`,
		},
		{
			"a superfluous overnight is dropped", `{"business_hours": {"thursday": {"start": "08:00", "end": "16:00", "overnight": false}}}`,
			`{business_hours,thursday}`, `{"start": "08:00", "end": "16:00", "enabled": true}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, c.settings)
			assert.JSONEq(t, c.want, read[string](t, w, `select ($1::jsonb #> $2)::text`, answer, c.path))
		})
	}

	t.Run("what a direct write leaves out is filled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.owner.write(t.Context(), `update public.handoff_settings
			set auto_triggers = '{"keywords": ["help"]}', business_hours = '{"saturday": {"start": "10:00", "end": "14:00"}, "sunday": {}}'`+
			` where project_id = $1`, w.project)
		require.NoError(t, err)
		got := w.owner.must(t, "get_handoff_settings($1)", w.project)
		assert.Equal(t, map[string]any{
			"low_confidence_enabled": true, "low_confidence_threshold": 0.6, "keywords_enabled": true, "keywords": []any{"help"},
		}, got["auto_triggers"])
		week := got["business_hours"].(map[string]any)
		assert.Len(t, week, 7)
		assert.Equal(t, map[string]any{"start": "10:00", "end": "14:00", "enabled": true}, week["saturday"])
		assert.Equal(t, map[string]any{"start": "09:00", "end": "17:00", "enabled": false}, week["monday"], "a day that is left out is closed")
		assert.Equal(t, map[string]any{"start": "09:00", "end": "17:00", "enabled": false}, week["sunday"])
	})
}

func TestUpdateSettings(t *testing.T) {
	t.Parallel()

	t.Run("changes what is given and leaves the rest", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		before := w.owner.must(t, "get_handoff_settings($1)", w.project)
		after := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{
			"trigger_mode": "manual",
			"auto_triggers": {"low_confidence_threshold": 0.4},
			"business_hours": {"saturday": {"enabled": true}, "monday": {"ranges": [{"start": "08:00", "end": "12:00"}]}}}`)

		want := before
		want["trigger_mode"] = "manual"
		want["auto_triggers"].(map[string]any)["low_confidence_threshold"] = 0.4
		week := want["business_hours"].(map[string]any)
		week["saturday"].(map[string]any)["enabled"] = true
		week["monday"] = map[string]any{"enabled": true, "ranges": []any{map[string]any{"start": "08:00", "end": "12:00"}}}
		want["updated_at"] = after["updated_at"]
		assert.Equal(t, want, after)

		back := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"business_hours": {"monday": {"start": "09:00", "end": "17:00"}}}`)
		assert.Equal(t, map[string]any{"start": "09:00", "end": "17:00", "enabled": true}, back["business_hours"].(map[string]any)["monday"],
			"the plain form replaces the ranges")
	})

	t.Run("makes the row on first use, with the defaults for the rest", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `delete from public.handoff_settings`)
		answer := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": true}`)
		assert.Equal(t, true, answer["enabled"])
		assert.Equal(t, "both", answer["trigger_mode"])
		assert.NotContains(t, answer, "warning")
	})

	t.Run("accepts its own answer as it stands in the form of a settings page", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.owner.must(t, "get_handoff_settings($1)", w.project)
		delete(answer, "project_id")
		delete(answer, "updated_at")
		again := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, mustJSON(t, answer))
		delete(again, "project_id")
		delete(again, "updated_at")
		assert.Equal(t, answer, again)
	})

	t.Run("two admins who change different settings at once both get their way", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `delete from public.handoff_settings`)
		admin := w.admin(t)
		var group errgroup.Group
		for day := range 7 {
			who := []actor{w.owner, admin}[day%2]
			group.Go(func() error {
				_, err := who.rpc(t.Context(), "update_handoff_settings($1, jsonb_build_object('business_hours', jsonb_build_object($2::text, '{\"start\": \"10:00\", \"end\": \"11:00\"}'::jsonb)))",
					w.project, []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}[day])
				return err
			})
		}
		require.NoError(t, group.Wait())
		for day, hours := range w.owner.must(t, "get_handoff_settings($1)", w.project)["business_hours"].(map[string]any) {
			assert.Equal(t, "10:00", hours.(map[string]any)["start"], day)
		}
	})
}

func TestNoAgentsWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `update public.project_members set status = 'pending'`)
	on := w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": true}`)
	assert.Equal(t, "no_agents", on["warning"])
	assert.Equal(t, "no_agents", w.owner.must(t, "get_handoff_settings($1)", w.project)["warning"])
	assert.NotContains(t, w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": false}`), "warning")

	w.owner.must(t, "presence_enter($1, $2)", w.project, uuid.NewString())
	assert.Equal(t, "no_agents", w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": true}`)["warning"],
		"an owner who only has the dashboard open is nobody who could answer")

	w.owner.must(t, "set_agent_status($1, 'offline')", w.project)
	assert.NotContains(t, w.owner.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": true}`), "warning",
		"an owner who works as an agent is one")
}

func TestSettingsAccess(t *testing.T) {
	t.Parallel()

	t.Run("members read them, nobody else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.sarah.must(t, "get_handoff_settings($1)", w.project)
		_, err := w.ann.rpc(t.Context(), "get_handoff_settings($1)", w.project)
		refused(t, err, "PT403", "not_a_member")
		_, err = actor{w: w, role: "anon"}.rpc(t.Context(), "get_handoff_settings($1)", w.project)
		refused(t, err, "42501", "")
		assert.Equal(t, 1, w.sarah.count(t, "handoff_settings"))
		assert.Zero(t, w.ann.count(t, "handoff_settings"))
	})

	t.Run("only the owner and admins change them", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.sarah.rpc(t.Context(), "update_handoff_settings($1, $2)", w.project, `{"enabled": false}`)
		refused(t, err, "PT403", "not_an_admin")
		_, err = w.ann.rpc(t.Context(), "update_handoff_settings($1, $2)", w.project, `{"enabled": false}`)
		refused(t, err, "PT403", "not_a_member")
		admin := w.admin(t)
		assert.Equal(t, false, admin.must(t, "update_handoff_settings($1, $2)", w.project, `{"enabled": false}`)["enabled"])
	})

	t.Run("the table says the same to those who write it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		admin := w.admin(t)
		change := `update public.handoff_settings set enabled = false where project_id = $1`
		for who, rows := range map[actor]int64{w.owner: 1, admin: 1, w.sarah: 0, w.ann: 0} {
			touched, err := who.write(t.Context(), change, w.project)
			require.NoError(t, err)
			assert.Equal(t, rows, touched, "%+v", who.id)
		}
		for _, who := range []actor{w.owner, w.sarah} {
			_, err := who.write(t.Context(), `delete from public.handoff_settings where project_id = $1`, w.project)
			refused(t, err, "42501", "")
			_, err = who.write(t.Context(), `update public.handoff_settings set created_at = now() where project_id = $1`, w.project)
			refused(t, err, "42501", "")
		}
	})

	t.Run("a new project's row is made by an upsert of its owner", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `delete from public.handoff_settings`)
		upsert := `insert into public.handoff_settings (project_id, enabled) values ($1, $2)
			on conflict (project_id) do update set project_id = excluded.project_id, enabled = excluded.enabled`
		_, err := w.sarah.write(t.Context(), upsert, w.project, true)
		refused(t, err, "42501", "")
		for _, enabled := range []bool{true, false} {
			_, err = w.owner.write(t.Context(), upsert, w.project, enabled)
			require.NoError(t, err)
			assert.Equal(t, enabled, read[bool](t, w, `select enabled from public.handoff_settings`))
		}
	})
}

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
