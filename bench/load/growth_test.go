package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// grown is a report in which every statement costs what cost says.
func grown(cost func(one curve, size int) float64) *Report {
	report := newReport("growth")
	for _, one := range curves {
		for _, size := range one.sizes {
			for _, step := range one.steps {
				report.add(growthPoint(one, size), step, cost(one, size), "ms")
			}
		}
	}
	historyGoals(report)
	return report
}

func TestGrowthIsDrawn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, drawGrowth(grown(func(_ curve, size int) float64 { return float64(size) / 100 }), folder))
	for _, one := range curves {
		drawn, err := os.ReadFile(filepath.Join(folder, "growth-"+one.name+".svg"))
		require.NoError(t, err)
		require.NoError(t, xml.Unmarshal(drawn, new(struct{})))
		assert.Contains(t, string(drawn), one.steps[0])
	}
}

func TestGrowthWithTheHistoryMissesItsGoal(t *testing.T) {
	t.Parallel()
	flat := grown(func(curve, int) float64 { return 5 })
	assert.Len(t, flat.Goals, len(curves[0].steps))
	assert.Zero(t, missed(flat.Goals))
	steep := grown(func(_ curve, size int) float64 { return float64(size) / 1000 })
	assert.Equal(t, len(curves[0].steps), missed(steep.Goals))
	noise := grown(func(_ curve, size int) float64 { return float64(size) / 100_000 * growthNoise })
	assert.Zero(t, missed(noise.Goals), "what is that quick may be noise")
}
