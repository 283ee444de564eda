package gauge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/supportbase/handoff/bench/gauge"
)

var errAct = errors.New("it does not work")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestArrivals(t *testing.T) {
	t.Parallel()
	const warmUp = 4
	a := gauge.NewArrivals(warmUp + 2)
	a.Commits(warmUp)
	a.Commits(warmUp + 1)
	frame := []byte(`{"content": "` + gauge.Mark(warmUp) + `xxx"}`)
	a.Hear(frame, time.Now().Add(time.Second))
	a.Hear(frame, time.Now().Add(time.Hour))
	a.Hear([]byte(`{"content": "bench-number-999999-"}`), time.Now())
	a.Hear([]byte(`something else`), time.Now())

	assert.Len(t, a.Latencies(warmUp), 1, "what never came has no latency")
	assert.InDelta(t, float64(time.Second), float64(a.Latencies(warmUp)[0]), float64(500*time.Millisecond), "the first arrival counts")
	assert.Equal(t, warmUp+1, a.Missing())
	assert.True(t, a.Await(t.Context(), warmUp, 0))
	assert.Empty(t, a.LatenciesOf(warmUp+1, 2), "each step-th from there")

	assert.False(t, a.Await(t.Context(), warmUp+1, 20*time.Millisecond), "what does not come is not waited for")
	go a.Hear([]byte(gauge.Mark(0)), time.Now())
	a.All(t.Context(), 2, time.Minute)
	assert.Equal(t, 2, a.Count())
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	durations := make([]time.Duration, 200)
	for i := range durations {
		durations[i] = time.Duration(200-i) * time.Millisecond
	}
	assert.Equal(t, gauge.Percentiles{P50: 101, P95: 191, P99: 199}, gauge.PercentilesOf(durations))
	assert.Equal(t, gauge.Percentiles{P50: 7, P95: 7, P99: 7}, gauge.PercentilesOf([]time.Duration{7 * time.Millisecond}))
	assert.Zero(t, gauge.PercentilesOf(nil))
}

func TestPace(t *testing.T) {
	t.Parallel()
	seen := make([]bool, 50)
	reached, err := gauge.Pace(t.Context(), 5000, len(seen), func(_ context.Context, n int) error {
		seen[n] = true
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, reached)
	assert.NotContains(t, seen, false, "each act is called once")

	_, err = gauge.Pace(t.Context(), 5000, 50, func(context.Context, int) error { return errAct })
	require.ErrorIs(t, err, errAct)
}
