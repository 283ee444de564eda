package rules_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zone data that does not come from the machine, as Postgres's may

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// The clock changes that are looked at: those of five years, from a fixed day so that every run asks the same.
var (
	clocksFrom  = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	clocksUntil = clocksFrom.AddDate(5, 0, 0)
)

// clockChange is the instant at which a zone's offset from UTC changes.
type clockChange struct {
	zone          *time.Location
	at            time.Time
	before, after time.Duration
}

// clockChanges walks the zone's changes of offset in the years looked at.
func clockChanges(zone *time.Location) []clockChange {
	var changes []clockChange
	for moment := clocksFrom.In(zone); ; {
		_, end := moment.ZoneBounds()
		if end.IsZero() || end.After(clocksUntil) {
			return changes
		}
		change := clockChange{zone: zone, at: end, before: offsetAt(end.Add(-time.Second), zone), after: offsetAt(end, zone)}
		if change.before != change.after {
			changes = append(changes, change)
		}
		moment = end
	}
}

func offsetAt(moment time.Time, zone *time.Location) time.Duration {
	_, seconds := moment.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// shifts are a week's hours, each from a wall time to a later one within 24 hours. Wall times are kept as if in UTC; of
// their date only the weekday counts.
type shifts []struct{ from, to time.Time }

// json writes the hours in the form of handoff_settings.business_hours.
func (s shifts) json() string {
	days := map[string][]string{}
	for _, shift := range s {
		midnight := shift.from.Truncate(24 * time.Hour)
		end, overnight := shift.to.Format("15:04"), ""
		switch {
		case shift.to.Equal(midnight.AddDate(0, 0, 1)):
			end = "24:00"
		case shift.to.After(midnight.AddDate(0, 0, 1)):
			overnight = `, "overnight": true`
		}
		weekday := strings.ToLower(shift.from.Weekday().String())
		days[weekday] = append(days[weekday], fmt.Sprintf(`{"start": %q, "end": %q%s}`, shift.from.Format("15:04"), end, overnight))
	}
	week := make([]string, 0, len(days))
	for weekday, ranges := range days {
		week = append(week, fmt.Sprintf(`%q: {"enabled": true, "ranges": [%s]}`, weekday, strings.Join(ranges, ", ")))
	}
	return "{" + strings.Join(week, ", ") + "}"
}

// span is a stretch of time; its end does not belong to it.
type span struct{ from, to time.Time }

// openings is what the database must find in the weeks around the one of the dates: in order, those that touch as one.
func (s shifts) openings(zone *time.Location) []span {
	var spans []span
	for week := -2; week <= 3; week++ {
		for _, shift := range s {
			from := instants(shift.from.AddDate(0, 0, 7*week), zone)[0]
			ends := instants(shift.to.AddDate(0, 0, 7*week), zone)
			if to := ends[len(ends)-1]; from.Before(to) {
				spans = append(spans, span{from, to})
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	return union(spans)
}

func union(sorted []span) []span {
	var joined []span
	for _, next := range sorted {
		last := len(joined) - 1
		if last < 0 || next.from.After(joined[last].to) {
			joined = append(joined, next)
		} else if next.to.After(joined[last].to) {
			joined[last].to = next.to
		}
	}
	return joined
}

// instants are the moments at which the zone's clock shows the wall time: one, two in a repeated hour, and in a skipped
// hour the one that the offset before the change leads to.
func instants(wall time.Time, zone *time.Location) []time.Time {
	var shown []time.Time
	earliest := wall.Add(-offsetAt(wall.Add(-36*time.Hour), zone))
	for moment := wall.Add(-36 * time.Hour).In(zone); moment.Before(wall.Add(36 * time.Hour)); {
		offset := offsetAt(moment, zone)
		candidate := wall.Add(-offset)
		if offsetAt(candidate, zone) == offset {
			shown = append(shown, candidate)
		}
		_, end := moment.ZoneBounds()
		if end.IsZero() {
			break
		}
		moment = end
	}
	if len(shown) == 0 {
		return []time.Time{earliest}
	}
	slices.SortFunc(shown, time.Time.Compare)
	return slices.CompactFunc(shown, time.Time.Equal)
}

// schedules puts opening and closing before, at, inside and after what the clock skips or repeats at the change.
func (c clockChange) schedules() []shifts {
	low, high := c.at.UTC().Add(min(c.before, c.after)), c.at.UTC().Add(max(c.before, c.after))
	half := 30 * time.Minute
	walls := []time.Time{low.Add(-half), low, low.Add(high.Sub(low) / 2).Truncate(time.Minute), high, high.Add(half)}
	var all []shifts
	for i, from := range walls {
		for _, to := range walls[i+1:] {
			all = append(all, shifts{{from, to}})
		}
		all = append(all, shifts{{from, from.Add(24 * time.Hour)}}, shifts{{from.Add(-24 * time.Hour), from}})
	}
	return append(all,
		shifts{{walls[0], walls[2]}, {walls[2], walls[4]}},
		shifts{{walls[0], walls[1]}, {walls[3], walls[4]}},
		shifts{{walls[0], walls[2]}, {walls[3], walls[4]}},
		shifts{{walls[1].Add(-24 * time.Hour), walls[1]}, {walls[1], walls[1].Add(24 * time.Hour)}},
	)
}

// question is one moment of one schedule, with the answer that Go computes.
type question struct {
	zone   string
	hours  string
	moment time.Time
	open   bool
	next   time.Time
	closes time.Time
}

// questions asks one second before the change, at it and one second after it, and on both sides of each opening and
// closing near it.
func (c clockChange) questions(schedule shifts) []question {
	spans := schedule.openings(c.zone)
	moments := []time.Time{c.at.Add(-time.Second), c.at, c.at.Add(time.Second)}
	for _, one := range spans {
		for _, edge := range []time.Time{one.from, one.to} {
			if edge.Sub(c.at).Abs() <= 2*time.Hour && !edge.Equal(c.at) {
				moments = append(moments, edge.Add(-time.Second), edge)
			}
		}
	}
	text := schedule.json()
	asked := make([]question, 0, len(moments))
	for _, moment := range moments {
		asked = append(asked, answered(spans, question{zone: c.zone.String(), hours: text, moment: moment}))
	}
	return asked
}

// answered fills in what the openings mean for the moment asked about.
func answered(openings []span, asked question) question {
	for _, opening := range openings {
		if !asked.moment.Before(opening.from) && asked.moment.Before(opening.to) {
			asked.open, asked.closes = true, opening.to
		}
		if asked.next.IsZero() && opening.from.After(asked.moment) {
			asked.next = opening.from
		}
	}
	return asked
}

// TestClockChanges compares the database with Go at every clock change of every zone in the next five years.
//
// Zones that change their clocks alike (links, mostly) share the work: the first of them is asked about all schedules,
// the others about two each, a different pair at each change.
func TestClockChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	zones, skipped := w.commonZones(t)
	asked := map[string]bool{}
	var questions []question
	changes := 0
	for number, zone := range zones {
		for index, change := range clockChanges(zone) {
			changes++
			schedules := change.schedules()
			likeness := fmt.Sprint(change.at.Unix(), change.before, change.after)
			if asked[likeness] {
				pick := (number + index) % (len(schedules) - 1)
				schedules = schedules[pick : pick+2]
			}
			asked[likeness] = true
			for _, schedule := range schedules {
				questions = append(questions, change.questions(schedule)...)
			}
		}
	}
	w.compare(t, questions)
	t.Logf("zones=%d skipped=%v changes=%d distinct=%d questions=%d", len(zones), skipped, changes, len(asked), len(questions))
	assert.Greater(t, len(zones), 400)
	assert.Greater(t, changes, 1000)
}

// commonZones are the zones for which Go and Postgres have the same clock in the years looked at; their data may be of
// different versions.
func (w *world) commonZones(t *testing.T) (common []*time.Location, skipped []string) {
	t.Helper()
	var zones []*time.Location
	names := read[[]string](t, w, `select array_agg(zone order by zone) from handoff.known_zones() as zone`)
	for _, name := range names {
		zone, err := time.LoadLocation(name)
		if err != nil {
			skipped = append(skipped, name)
			continue
		}
		zones = append(zones, zone)
	}
	different := w.differentZones(t, zones)
	for _, zone := range zones {
		if slices.Contains(different, zone.String()) {
			skipped = append(skipped, zone.String())
		} else {
			common = append(common, zone)
		}
	}
	return common, skipped
}

// differentZones looks at both sides of each change that Go knows, and at noon of every third day for changes that only
// Postgres knows.
func (w *world) differentZones(t *testing.T, zones []*time.Location) []string {
	t.Helper()
	var names []string
	var moments []time.Time
	var offsets []int64
	for _, zone := range zones {
		var samples []time.Time
		for _, change := range clockChanges(zone) {
			samples = append(samples, change.at.Add(-time.Second), change.at)
		}
		for day := clocksFrom.Add(12 * time.Hour); day.Before(clocksUntil); day = day.AddDate(0, 0, 3) {
			samples = append(samples, day)
		}
		for _, sample := range samples {
			names, moments = append(names, zone.String()), append(moments, sample)
			offsets = append(offsets, int64(offsetAt(sample, zone).Seconds()))
		}
	}
	return read[[]string](t, w, `
		select coalesce(array_agg(distinct sample.zone), '{}')
		  from unnest($1::text[], $2::timestamptz[], $3::bigint[]) as sample (zone, moment, seconds)
		 where sample.moment at time zone sample.zone <> sample.moment at time zone 'UTC' + sample.seconds * interval '1 second'`,
		names, moments, offsets)
}

// compare asks the database everything, in a few statements on two connections.
func (w *world) compare(t *testing.T, questions []question) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(2)
	for part := range slices.Chunk(questions, 5000) {
		group.Go(func() error { return w.comparePart(t.Context(), part) })
	}
	require.NoError(t, group.Wait())
}

func (w *world) comparePart(ctx context.Context, questions []question) error {
	zones, hours, moments := make([]string, len(questions)), make([]string, len(questions)), make([]time.Time, len(questions))
	for i, one := range questions {
		zones[i], hours[i], moments[i] = one.zone, one.hours, one.moment
	}
	rows, err := w.root.Query(ctx, `
		select handoff.is_open(asked.settings, asked.moment), handoff.next_opening(asked.settings, asked.moment),
		       handoff.closes_at(asked.settings, asked.moment)
		  from (select jsonb_populate_record(null::public.handoff_settings, jsonb_build_object(
		                 'business_hours_enabled', true, 'timezone', question.zone, 'business_hours', question.hours::jsonb)) as settings,
		               question.moment, question.place
		          from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality as question (zone, hours, moment, place)
		        offset 0) as asked
		 order by asked.place`, zones, hours, moments)
	if err != nil {
		return err
	}
	answers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[hoursAt])
	if err != nil {
		return err
	}
	for i, answer := range answers {
		one := questions[i]
		if answer.Open != one.open || !same(answer.Next, one.next) || !same(answer.Closes, one.closes) {
			return fmt.Errorf("%s with %s at %s: the database says %s, Go %v, %s, %s", one.zone, one.hours, one.moment.Format(time.RFC3339),
				answer, one.open, one.next.Format(time.RFC3339), one.closes.Format(time.RFC3339))
		}
	}
	return nil
}

// same says whether the database's instant is Go's, where none is the zero time.
func same(got *time.Time, want time.Time) bool {
	if got == nil {
		return want.IsZero()
	}
	return got.Equal(want)
}
