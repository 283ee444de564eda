package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	report := newReport("assign")
	for _, name := range []string{ourselves, riverName} {
		report.add(name+" at 10/s", "p50", 2, "ms")
		report.add(name+" at 1000/s", "p50", 4, "ms")
	}
	report.add(ourselves+", burst of 100", "assigned", 5000, "/s")
	report.add(ourselves+", burst of 10000", "assigned", 20_000, "/s")
	report.goal("p50", "ms", 4, []Anchor{{riverName, 2}}, aim{of: riverName, most: 1, meaning: "no worse"})
	report.goal("burst", "/s", 21_000, nil, aim{least: 20_000, meaning: "at least 20,000/s"})
	report.goal("for information", "ms", 1, nil)
	require.NoError(t, report.write(folder, io.Discard))
	var out bytes.Buffer
	page := filepath.Join(folder, "page.md")
	require.NoError(t, os.WriteFile(page, []byte("| assign: burst | at least 20,000/s | it is met |\n"), 0o600))
	require.NoError(t, summarize(folder, page, &out))

	t.Run("one table has the goals of all benches, met or not", func(t *testing.T) {
		t.Parallel()
		assert.Regexp(t, `assign: p50 +4.00 ms +River 2.00 +2.00 of River +no worse +NO`, out.String())
		assert.Regexp(t, `assign: burst +21000 /s +at least 20,000/s +yes`, out.String())
		assert.Contains(t, out.String(), "RESULT bench=missed goals=3 missed=1 explained=0")
	})
	t.Run("a miss that the page explains is none of the result", func(t *testing.T) {
		t.Parallel()
		why := filepath.Join(t.TempDir(), "why.md")
		require.NoError(t, os.WriteFile(why, []byte("| figure | target | why |\n|---|---|---|\n| assign: p50 | no worse | asleep |\n"), 0o600))
		var out bytes.Buffer
		require.NoError(t, summarize(folder, why, &out))
		assert.Contains(t, out.String(), "RESULT bench=ok goals=3 missed=1 explained=1")
	})
	t.Run("what was not measured is said", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, out.String(), "bridge: not measured")
	})
	for _, name := range []string{"assign-latency.svg", "assign-cost.svg"} {
		t.Run(name+" is well-formed", func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(folder, name))
			require.NoError(t, err)
			decoder := xml.NewDecoder(bytes.NewReader(text))
			for err == nil {
				_, err = decoder.Token()
			}
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	t.Run("an anchor that was not measured is no target", func(t *testing.T) {
		t.Parallel()
		report := newReport("example")
		report.goal("figure", "ms", 1, []Anchor{{riverName, 0}}, aim{of: riverName, most: 1, meaning: "no worse"})
		assert.Empty(t, report.Goals)
		assert.Contains(t, report.Left[0], "was not measured")
		report.goal("figure", "ms", 1, []Anchor{{riverName, 0}, {"other", 2}})
		assert.Equal(t, []Anchor{{"other", 2}}, report.Goals[0].Anchors)
	})
	t.Run("the best anchor is the smallest that was measured", func(t *testing.T) {
		t.Parallel()
		best, found := smallest([]Anchor{{"a", 0}, {"b", 3}, {"c", 2}})
		assert.True(t, found)
		assert.Equal(t, "c", best.Name)
	})
}
