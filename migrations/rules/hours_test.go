package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hoursAt is what the functions of 32_business_hours say about one moment.
type hoursAt struct {
	Open   bool
	Next   *time.Time
	Closes *time.Time
}

func (h hoursAt) String() string {
	return fmt.Sprintf("%v, %v, %v", h.Open, h.Next, h.Closes)
}

// during asks about the project at a moment such as "2026-11-23T09:00:00-05:00".
func (w *world) during(t *testing.T, moment string) hoursAt {
	t.Helper()
	var answer hoursAt
	require.NoError(t, w.root.QueryRow(t.Context(), `
		select handoff.is_open(s, $2::timestamptz), handoff.next_opening(s, $2::timestamptz), handoff.closes_at(s, $2::timestamptz)
		  from public.handoff_settings as s where project_id = $1`, w.project, moment).Scan(&answer.Open, &answer.Next, &answer.Closes))
	return answer
}

// works gives the project these hours; days that are not named are closed.
func (w *world) works(t *testing.T, zone, week string) {
	t.Helper()
	w.exec(t, `update public.handoff_settings set business_hours_enabled = true, timezone = $2, business_hours = $3 where project_id = $1`,
		w.project, zone, week)
}

func (w *world) except(t *testing.T, date, ranges string) {
	t.Helper()
	w.exec(t, `insert into public.business_hours_exceptions (project_id, date, ranges) values ($1, $2::text::date, nullif($3, '')::jsonb)`,
		w.project, date, ranges)
}

// asks is one row of a table of moments; empty texts stand for null.
type asks struct {
	moment string
	open   bool
	next   string
	closes string
}

func (w *world) answers(t *testing.T, rows ...asks) {
	t.Helper()
	for _, row := range rows {
		got := w.during(t, row.moment)
		assert.Equal(t, row.open, got.Open, "open at %s", row.moment)
		assertInstant(t, row.next, got.Next, "next opening after "+row.moment)
		assertInstant(t, row.closes, got.Closes, "closing of "+row.moment)
	}
}

func assertInstant(t *testing.T, want string, got *time.Time, what string) {
	t.Helper()
	if want == "" {
		assert.Nil(t, got, what)
		return
	}
	instant, err := time.Parse(time.RFC3339, want)
	require.NoError(t, err)
	if assert.NotNil(t, got, what) {
		assert.Equal(t, instant.UTC().Format(time.RFC3339Nano), got.UTC().Format(time.RFC3339Nano), what)
	}
}

const officeWeek = `{"monday": {"start": "09:00", "end": "17:00", "enabled": true}, "friday": {"start": "09:00", "end": "17:00", "enabled": true}}`

func TestBusinessHours(t *testing.T) {
	t.Parallel()

	t.Run("without business hours the project is always open", func(t *testing.T) {
		t.Parallel()
		newWorld(t).answers(t, asks{"2026-11-22T03:00:00Z", true, "", ""})
	})

	t.Run("a plain day opens at its start and is closed at its end", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", officeWeek)
		w.answers(
			t,
			asks{"2026-11-23T08:59:59-05:00", false, "2026-11-23T09:00:00-05:00", ""},
			asks{"2026-11-23T09:00:00-05:00", true, "2026-11-27T09:00:00-05:00", "2026-11-23T17:00:00-05:00"},
			asks{"2026-11-23T16:59:59-05:00", true, "2026-11-27T09:00:00-05:00", "2026-11-23T17:00:00-05:00"},
			asks{"2026-11-23T17:00:00-05:00", false, "2026-11-27T09:00:00-05:00", ""},
			asks{"2026-11-27T17:00:00-05:00", false, "2026-11-30T09:00:00-05:00", ""},
		)
	})

	t.Run("the day is that of the project's zone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "Pacific/Kiritimati", officeWeek)
		w.answers(t, asks{"2026-11-22T19:00:00Z", true, "2026-11-26T19:00:00Z", "2026-11-23T03:00:00Z"})
	})

	t.Run("several ranges leave a break", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "Europe/Madrid", `{"monday": {"enabled": true, "ranges": [{"start": "09:00", "end": "14:00"}, {"start": "16:00", "end": "20:00"}]}}`)
		w.answers(
			t,
			asks{"2026-11-23T13:00:00+01:00", true, "2026-11-23T16:00:00+01:00", "2026-11-23T14:00:00+01:00"},
			asks{"2026-11-23T14:00:00+01:00", false, "2026-11-23T16:00:00+01:00", ""},
			asks{"2026-11-23T19:00:00+01:00", true, "2026-11-30T09:00:00+01:00", "2026-11-23T20:00:00+01:00"},
		)
	})

	t.Run("ranges that touch are one opening", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{"monday": {"enabled": true, "ranges": [{"start": "09:00", "end": "12:00"}, {"start": "12:00", "end": "24:00"}]},
			"tuesday": {"enabled": true, "start": "00:00", "end": "02:00"}}`)
		w.answers(
			t,
			asks{"2026-11-23T10:00:00Z", true, "2026-11-30T09:00:00Z", "2026-11-24T02:00:00Z"},
			asks{"2026-11-23T12:00:00Z", true, "2026-11-30T09:00:00Z", "2026-11-24T02:00:00Z"},
			asks{"2026-11-24T01:59:59Z", true, "2026-11-30T09:00:00Z", "2026-11-24T02:00:00Z"},
		)
	})

	t.Run("hours past midnight belong to the day they begin on", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{"friday": {"start": "22:00", "end": "06:00", "overnight": true}}`)
		w.answers(
			t,
			asks{"2026-11-27T05:59:59Z", false, "2026-11-27T22:00:00Z", ""},
			asks{"2026-11-28T05:59:59Z", true, "2026-12-04T22:00:00Z", "2026-11-28T06:00:00Z"},
			asks{"2026-11-28T06:00:00Z", false, "2026-12-04T22:00:00Z", ""},
		)
	})

	t.Run("a whole day from noon to noon is possible", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{"friday": {"start": "12:00", "end": "12:00", "overnight": true}}`)
		w.answers(t, asks{"2026-11-28T11:59:59Z", true, "2026-12-04T12:00:00Z", "2026-11-28T12:00:00Z"})
	})

	t.Run("a week without an end never closes and never opens", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		always := `{"start": "00:00", "end": "24:00"}`
		w.works(t, "Europe/Berlin", `{"monday": `+always+`, "tuesday": `+always+`, "wednesday": `+always+`, "thursday": `+always+
			`, "friday": `+always+`, "saturday": `+always+`, "sunday": `+always+`}`)
		w.answers(t, asks{"2026-10-25T02:30:00+02:00", true, "", ""})
		w.except(t, "2027-05-01", "")
		w.answers(t, asks{"2026-10-25T02:30:00+02:00", true, "2027-05-02T00:00:00+02:00", "2027-05-01T00:00:00+02:00"})
	})

	t.Run("a week without hours never opens", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{}`)
		w.answers(t, asks{"2026-11-23T10:00:00Z", false, "", ""})
		w.except(t, "2027-06-01", `[{"start": "10:00", "end": "11:00"}]`)
		w.answers(t, asks{"2026-11-23T10:00:00Z", false, "2027-06-01T10:00:00Z", ""})
	})
}

func TestBusinessHoursOnClockChanges(t *testing.T) {
	t.Parallel()

	t.Run("a start that the clock skips moves on by an hour", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "02:30", "end": "12:00"}}`)
		w.answers(
			t,
			asks{"2027-03-14T03:29:59-04:00", false, "2027-03-14T03:30:00-04:00", ""},
			asks{"2027-03-14T03:30:00-04:00", true, "2027-03-21T02:30:00-04:00", "2027-03-14T12:00:00-04:00"},
		)
	})

	t.Run("hours around the skipped hour are one hour shorter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "01:00", "end": "04:00"}}`)
		w.answers(t, asks{"2027-03-14T01:59:59-05:00", true, "2027-03-21T01:00:00-04:00", "2027-03-14T04:00:00-04:00"})
	})

	t.Run("hours that end before their moved start are left out for that day", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "02:30", "end": "03:10"}}`)
		w.answers(t, asks{"2027-03-14T01:00:00-05:00", false, "2027-03-21T02:30:00-04:00", ""})
	})

	t.Run("hours over the repeated hour are open through both", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "00:30", "end": "03:00"}}`)
		w.answers(
			t,
			asks{"2026-11-01T01:30:00-04:00", true, "2026-11-08T00:30:00-05:00", "2026-11-01T03:00:00-05:00"},
			asks{"2026-11-01T01:30:00-05:00", true, "2026-11-08T00:30:00-05:00", "2026-11-01T03:00:00-05:00"},
		)
	})

	t.Run("hours that begin in the repeated hour begin the first time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "01:30", "end": "03:00"}}`)
		w.answers(
			t,
			asks{"2026-11-01T01:29:59-04:00", false, "2026-11-01T01:30:00-04:00", ""},
			asks{"2026-11-01T01:00:00-05:00", true, "2026-11-08T01:30:00-05:00", "2026-11-01T03:00:00-05:00"},
		)
	})

	t.Run("hours that end in the repeated hour end the second time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/New_York", `{"sunday": {"start": "00:30", "end": "01:30"}}`)
		w.answers(
			t,
			asks{"2026-11-01T01:30:00-04:00", true, "2026-11-08T00:30:00-05:00", "2026-11-01T01:30:00-05:00"},
			asks{"2026-11-01T01:30:00-05:00", false, "2026-11-08T00:30:00-05:00", ""},
		)
	})

	t.Run("a skipped midnight ends and begins a day at one o'clock", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "Africa/Cairo", `{"thursday": {"start": "20:00", "end": "24:00"}, "friday": {"start": "00:00", "end": "02:00"}}`)
		w.answers(t, asks{"2027-04-29T23:59:59+02:00", true, "2027-05-06T20:00:00+03:00", "2027-04-30T02:00:00+03:00"})
	})
}

// Clock changes that no zone plans any more, but may again.
func TestBusinessHoursOnOddClockChanges(t *testing.T) {
	t.Parallel()

	t.Run("the first minute of a date, shown before the last hour of the date before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "America/St_Johns", `{"sunday": {"start": "00:00", "end": "09:00"}}`)
		w.answers(
			t,
			asks{"2010-11-07T00:00:00-02:30", true, "2010-11-14T00:00:00-03:30", "2010-11-07T09:00:00-03:30"},
			asks{"2010-11-06T23:30:00-03:30", true, "2010-11-14T00:00:00-03:30", "2010-11-07T09:00:00-03:30"},
		)
	})

	t.Run("a date that never came", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "Pacific/Apia", `{"thursday": {"start": "20:00", "end": "23:00"}, "friday": {"start": "09:00", "end": "17:00"}}`)
		w.answers(t, asks{"2011-12-29T22:59:59-10:00", true, "2011-12-31T09:00:00+14:00", "2011-12-29T23:00:00-10:00"})
	})
}

func TestBusinessHoursExceptions(t *testing.T) {
	t.Parallel()

	t.Run("replace the hours that begin on their date, and only those", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		night := `{"start": "22:00", "end": "06:00", "overnight": true}`
		w.works(t, "UTC", `{"thursday": `+night+`, "friday": `+night+`}`)
		w.except(t, "2026-12-25", "")
		w.except(t, "2026-12-27", `[{"start": "10:00", "end": "11:00"}, {"start": "09:00", "end": "10:00"}]`)
		w.answers(
			t,
			asks{"2026-12-25T05:00:00Z", true, "2026-12-27T09:00:00Z", "2026-12-25T06:00:00Z"},
			asks{"2026-12-25T23:00:00Z", false, "2026-12-27T09:00:00Z", ""},
			asks{"2026-12-27T09:30:00Z", true, "2026-12-31T22:00:00Z", "2026-12-27T11:00:00Z"},
		)
	})

	t.Run("a long closure is looked past", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", officeWeek)
		w.exec(t, `insert into public.business_hours_exceptions (project_id, date, label)
			select $1, '2026-11-20'::date + n, 'Winter sleep' from generate_series(0, 99) as n`, w.project)
		w.answers(t, asks{"2026-11-23T10:00:00Z", false, "2027-03-01T09:00:00Z", ""})
	})

	t.Run("one that is further off than a year is not promised", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", `{}`)
		w.except(t, "2028-01-01", `[{"start": "10:00", "end": "11:00"}]`)
		w.answers(t, asks{"2026-11-23T10:00:00Z", false, "", ""})
	})

	t.Run("those of another project do not count", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.works(t, "UTC", officeWeek)
		other := uuid.NewString()
		w.exec(t, `insert into public.projects (id, user_id) values ($1, $2)`, other, w.bob.id)
		w.exec(t, `insert into public.business_hours_exceptions (project_id, date) values ($1, '2026-11-23')`, other)
		w.answers(t, asks{"2026-11-23T10:00:00Z", true, "2026-11-27T09:00:00Z", "2026-11-23T17:00:00Z"})
	})

	t.Run("are closed or have ranges", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		add := func(columns, values string) error {
			_, err := w.owner.write(t.Context(), `insert into public.business_hours_exceptions (project_id, date`+columns+`)
				values ('`+w.project+`', '2026-12-24'`+values+`)`)
			return err
		}
		refused(t, add(", closed, ranges", `, true, '[{"start": "09:00", "end": "12:00"}]'`), "PT400", "exception_contradicts")
		refused(t, add(", closed", ", false"), "PT400", "exception_contradicts")
		refused(t, add(", ranges", ", '[]'"), "PT400", "ranges_missing")
		refused(t, add(", ranges", `, '[{"start": "12:00", "end": "09:00"}]'`), "PT400", "range_invalid")
		refused(t, add(", label", ", ''"), "23514", "")
		require.NoError(t, add(", ranges", `, '[{"start": "13:00", "end": "14:00"}, {"start": "09:00", "end": "12:00"}]'`))
		refused(t, add(", closed", ", true"), "23505", "")

		exception := func(change string) string {
			_, err := w.owner.write(t.Context(), `update public.business_hours_exceptions set `+change+` where project_id = $1`, w.project)
			require.NoError(t, err)
			return read[string](t, w, `select closed || ' ' || coalesce(ranges::text, 'none') from public.business_hours_exceptions`)
		}
		assert.Equal(t, `false [{"end": "12:00", "start": "09:00"}, {"end": "14:00", "start": "13:00"}]`, exception("label = 'Christmas Eve'"))
		assert.Equal(t, "true none", exception("closed = true"))
		assert.Equal(t, `false [{"end": "11:00", "start": "09:00"}]`, exception(`ranges = '[{"start": "09:00", "end": "11:00"}]'`))
		assert.Equal(t, "true none", exception("ranges = null"))
	})

	t.Run("are read by members and written by the owner and admins", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		admin := w.admin(t)
		add := `insert into public.business_hours_exceptions (project_id, date, label) values ($1, $2::text::date, 'Holiday')`
		for _, who := range []actor{w.sarah, w.ann} {
			_, err := who.write(t.Context(), add, w.project, "2026-12-24")
			refused(t, err, "42501", "")
		}
		for who, date := range map[actor]string{w.owner: "2026-12-25", admin: "2026-12-26"} {
			_, err := who.write(t.Context(), add, w.project, date)
			require.NoError(t, err)
		}
		assert.Equal(t, 2, w.sarah.count(t, "business_hours_exceptions"))
		assert.Zero(t, w.ann.count(t, "business_hours_exceptions"))
		for _, statement := range []string{
			`update public.business_hours_exceptions set label = 'Mine' where project_id = $1`,
			`delete from public.business_hours_exceptions where project_id = $1`,
		} {
			for who, rows := range map[actor]int64{w.sarah: 0, w.ann: 0} {
				touched, err := who.write(t.Context(), statement, w.project)
				require.NoError(t, err)
				assert.Equal(t, rows, touched)
			}
			touched, err := admin.write(t.Context(), statement, w.project)
			require.NoError(t, err)
			assert.EqualValues(t, 2, touched)
		}
	})
}

func TestOpeningText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for opening, want := range map[string]string{
		"2026-11-23T14:00:00Z": "Monday 9:00 AM",
		"2026-11-28T17:05:00Z": "Saturday 12:05 PM",
		"2026-11-29T04:30:00Z": "Saturday 11:30 PM",
		"2026-11-29T14:00:00Z": "Sunday, November 29, 9:00 AM",
		"2027-01-04T14:00:00Z": "Monday, January 4, 9:00 AM",
	} {
		assert.Equal(t, want, read[string](t, w,
			`select handoff.opening_text($1::text::timestamptz, 'America/New_York', '2026-11-22T23:00:00-05:00')`, opening))
	}
}
