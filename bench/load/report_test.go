package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	report := newReport("example")
	durations := make([]time.Duration, 100)
	for i := range durations {
		durations[i] = time.Duration(i+1) * time.Millisecond
	}
	report.addLatencies("bridge at 50/s", durations)
	report.add("anchor at 50/s", "p50", 102, "ms")
	report.relate("bridge at 50/s", "anchor at 50/s")
	report.addLatencies("nobody", nil)
	folder := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, report.write(folder, &out))

	t.Run("percentiles are those of the sorted durations", func(t *testing.T) {
		t.Parallel()
		assert.InDelta(t, 51, report.find("bridge at 50/s", "p50").Value, 0)
		assert.InDelta(t, 100, report.find("bridge at 50/s", "p99").Value, 0)
	})
	t.Run("ratios are to the anchor's measurement of the same name", func(t *testing.T) {
		t.Parallel()
		assert.InDelta(t, 0.5, report.find("bridge at 50/s", "p50").Ratio, 0.001)
		assert.Zero(t, report.find("bridge at 50/s", "p95").Ratio)
	})
	t.Run("the table says what was left out, and each line is for programs too", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, out.String(), "left out: nobody: nothing arrived")
		assert.Contains(t, out.String(), "RESULT bench=example what=bridge_at_50_per_s p50_ms=51.0 p50_ratio=0.50")
	})
	t.Run("the file holds the same numbers", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(filepath.Join(folder, "example.json"))
		require.NoError(t, err)
		var saved Report
		require.NoError(t, json.Unmarshal(text, &saved))
		assert.Equal(t, report.Measurements, saved.Measurements)
	})
}

func TestArrivals(t *testing.T) {
	t.Parallel()
	a := newArrivals(warmUp + 2)
	a.commits(warmUp)
	a.commits(warmUp + 1)
	frame := []byte(payload("conversation:x", warmUp))
	a.hear(frame, time.Now().Add(time.Second))
	a.hear(frame, time.Now().Add(time.Hour))
	a.hear([]byte(`{"content": "bench-number-999999-"}`), time.Now())
	a.hear([]byte(`something else`), time.Now())

	assert.Len(t, a.latencies(), 1, "what never came has no latency")
	assert.InDelta(t, float64(time.Second), float64(a.latencies()[0]), float64(500*time.Millisecond), "the first arrival counts")
	assert.Equal(t, warmUp+1, a.missing())
}

func TestPace(t *testing.T) {
	t.Parallel()
	seen := make([]bool, 50)
	reached, err := pace(t.Context(), 5000, len(seen), func(_ context.Context, n int) error {
		seen[n] = true
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, reached)
	assert.NotContains(t, seen, false, "each act is called once")

	_, err = pace(t.Context(), 5000, 50, func(context.Context, int) error { return errUnknown })
	require.ErrorIs(t, err, errUnknown)
}
