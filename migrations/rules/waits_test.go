package rules_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foreseen is a range as the worker passes it to refresh_positions.
type foreseen struct {
	ID  string `json:"id"`
	P50 int    `json:"p50"`
	P90 int    `json:"p90"`
}

// forecast refreshes the queue with these ranges, so many seconds from now, and says how many were told.
func (w *world) forecast(t *testing.T, later int, ranges ...foreseen) int {
	t.Helper()
	described, err := json.Marshal(append([]foreseen{}, ranges...))
	require.NoError(t, err)
	return read[int](t, w, `select handoff.refresh_positions($1, forecast => $2, moment => now() + make_interval(secs => $3))`,
		w.project, string(described), later)
}

func TestRangesAreTold(t *testing.T) {
	t.Parallel()

	t.Run("with the place, and by queue_status as what is left of them", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		status := func() map[string]any { return w.ann.must(t, "queue_status($1)", id) }
		assert.Nil(t, status()["wait_p50_seconds"])
		assert.Contains(t, status(), "wait_p90_seconds", "null, not absent")

		assert.Equal(t, 1, w.forecast(t, 0, foreseen{id, 100, 300}))
		assert.JSONEq(t, `{"conversation_id": "`+id+`", "position": 1, "estimated_wait_minutes": 3, "wait_p50_seconds": 100, "wait_p90_seconds": 300}`,
			read[string](t, w, `select payload::text from handoff.outbox where kind = 'queue_position'`))
		w.exec(t, `update handoff.queue_positions set updated_at = now() - interval '40 seconds'`)
		assert.InDelta(t, 60, status()["wait_p50_seconds"], 1)
		assert.InDelta(t, 260, status()["wait_p90_seconds"], 1)
		w.exec(t, `update handoff.queue_positions set updated_at = now() - interval '250 seconds'`)
		assert.InDelta(t, 0, status()["wait_p50_seconds"], 0, "at any moment, never less")
		w.exec(t, `update handoff.queue_positions set updated_at = now() - interval '400 seconds'`)
		assert.Nil(t, status()["wait_p50_seconds"], "a range that nobody has renewed is not worth telling")
	})

	t.Run("again only when they are off by more than half a minute and a fifth", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		require.Equal(t, 1, w.forecast(t, 0, foreseen{id, 100, 1000}))
		assert.Zero(t, w.forecast(t, 60, foreseen{id, 40, 940}), "as it was counted down")
		assert.Zero(t, w.forecast(t, 60, foreseen{id, 65, 1100}), "a little off")
		assert.Equal(t, 1, w.forecast(t, 60, foreseen{id, 75, 940}), "35 seconds more than what is left of the P50")
		assert.Zero(t, w.forecast(t, 60, foreseen{id, 75, 940}))
		assert.Equal(t, 1, w.forecast(t, 60, foreseen{id, 75, 1300}), "the P90 a quarter more")
		assert.Equal(t, 1, w.forecast(t, 60), "not known any more")
		assert.Zero(t, w.forecast(t, 60))
	})
}

func TestPromisesMeetTheirOutcome(t *testing.T) {
	t.Parallel()
	w := online(t)
	carl, dora := w.person(t, "", ""), w.person(t, "", "")
	served, closed, left, waits := w.waiting(t, w.ann), w.waiting(t, w.bob), w.waiting(t, carl), w.waiting(t, dora)
	w.forecast(t, 0, foreseen{served, 10, 60}, foreseen{closed, 20, 70}, foreseen{left, 30, 80}, foreseen{waits, 40, 90})
	w.forecast(t, 0, foreseen{served, 500, 600}, foreseen{waits, 900, 1000})
	outcomes := func() map[string]any {
		return read[map[string]any](t, w, `
			select jsonb_object_agg(conversation_id, format('%s %s %s', wait_p50_seconds, wait_p90_seconds, coalesce(outcome, '-')))
			  from handoff.wait_promises`)
	}
	assert.Equal(t, map[string]any{served: "10 60 -", closed: "20 70 -", left: "30 80 -", waits: "40 90 -"}, outcomes(),
		"the first range is the promise")

	w.assign(t, served, w.sarah)
	w.sarah.must(t, "resolve_conversation($1)", served)
	w.owner.must(t, "mark_spam($1)", closed)
	carl.must(t, "close_conversation($1)", left)
	w.forecast(t, 0)
	assert.Equal(t, map[string]any{served: "10 60 assigned", closed: "20 70 closed", left: "30 80 left", waits: "40 90 -"}, outcomes())
	assert.True(t, read[bool](t, w, `select bool_and(waited_seconds between 0 and 60) from handoff.wait_promises where outcome is not null`))

	w.ann.must(t, "send_message($1, 'one more thing')", served)
	if w.status(t, served) != "waiting" {
		w.sarah.must(t, "transfer_conversation($1)", served)
	}
	w.forecast(t, 0, foreseen{served, 11, 61})
	assert.Equal(t, 2, read[int](t, w, `select count(*) from handoff.wait_promises where conversation_id = $1`, served),
		"a second wait is another promise")
}

// promise writes a promise of so long ago that was kept or broken.
func (w *world) promise(t *testing.T, secondsAgo, p50, p90, estimate int, outcome any, waited float64) {
	t.Helper()
	w.exec(t, `
		with chat as (
		  insert into public.conversations (project_id, visitor_id) values ($1, gen_random_uuid()::text) returning id, project_id
		)
		insert into handoff.wait_promises (conversation_id, waiting_since, project_id, promised_at, position,
		       wait_p50_seconds, wait_p90_seconds, estimated_wait_minutes, outcome, ended_at)
		select id, now(), project_id, now() - make_interval(secs => $2), 1, $3, $4, $5, $6::text,
		       case when $6::text is not null then now() - make_interval(secs => $2) + make_interval(secs => $7) end
		  from chat`, w.project, secondsAgo, p50, p90, estimate, outcome, waited)
}

func TestWaitCalibration(t *testing.T) {
	t.Parallel()
	w := online(t)
	for _, waited := range []float64{20, 50, 110, 400} {
		w.promise(t, 3600, 60, 120, 5, "assigned", waited)
	}
	w.promise(t, 3600, 0, 0, 5, "assigned", 1) // told "now", and so it was: nobody who waited
	w.promise(t, 3600, 60, 120, 5, "left", 130)
	w.promise(t, 3600, 60, 120, 5, "left", 10)
	w.promise(t, 3600, 60, 120, 5, "closed", 10)
	w.promise(t, 60, 60, 120, 5, nil, 0)
	w.promise(t, 8*86400, 60, 120, 5, "assigned", 9999)

	t.Run("tells members how the promises of the last days were kept, beside the estimate", func(t *testing.T) {
		t.Parallel()
		answer, err := json.Marshal(w.sarah.must(t, "wait_calibration($1)", w.project))
		require.NoError(t, err)
		assert.JSONEq(t, `{"days": 7, "promises": 4, "p50_coverage": 0.5, "p90_coverage": 0.75, "median_wait_seconds": 80,
			"median_absolute_error_seconds": 45, "bias_seconds": 85,
			"baseline": {"coverage": 0.75, "median_absolute_error_seconds": 220, "bias_seconds": -155},
			"left": 2, "left_after_p90": 1, "closed": 1, "still_waiting": 1}`, string(answer))
		assert.InDelta(t, 5, w.sarah.must(t, "wait_calibration($1, 30)", w.project)["promises"], 0)
	})

	t.Run("knows no errors where nothing was promised", func(t *testing.T) {
		t.Parallel()
		empty := online(t)
		answer := empty.owner.must(t, "wait_calibration($1)", empty.project)
		assert.InDelta(t, 0, answer["promises"], 0)
		assert.Nil(t, answer["p90_coverage"])
	})

	t.Run("is for members", func(t *testing.T) {
		t.Parallel()
		_, err := w.ann.rpc(t.Context(), "wait_calibration($1)", w.project)
		refused(t, err, "PT403", "not_a_member")
	})

	t.Run("forgets promises after thirty days", func(t *testing.T) {
		t.Parallel()
		other := online(t)
		other.promise(t, 31*86400, 1, 2, 1, "assigned", 3)
		other.promise(t, 31*86400, 1, 2, 1, nil, 3)
		other.promise(t, 29*86400, 1, 2, 1, "assigned", 3)
		assert.Equal(t, 1, read[int](t, other, `select handoff.prune_promises(now(), 1)`), "bounded")
		read[int](t, other, `select handoff.prune(null)`)
		assert.Equal(t, 1, read[int](t, other, `select count(*) from handoff.wait_promises`))
	})
}
