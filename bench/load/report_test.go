package main

import (
	"bytes"
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
