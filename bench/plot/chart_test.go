package plot_test

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/bench/plot"
)

func TestChartIsWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.IntRange(1, 20).Draw(t, "points")
		series := plot.Series{
			Name: rapid.String().Draw(t, "name"), Bars: rapid.Bool().Draw(t, "bars"), Area: rapid.Bool().Draw(t, "area"),
			Step: rapid.Bool().Draw(t, "step"), Dots: rapid.Bool().Draw(t, "dots"),
		}
		for i := range points {
			series.X = append(series.X, float64(i+1))
			series.Y = append(series.Y, rapid.SampledFrom([]float64{0, 1, 17, 1e6, math.NaN(), math.Inf(1), 0.001}).Draw(t, "y"))
		}
		chart := plot.Chart{
			Title: "a < b & \"c\"", Series: []plot.Series{series, {Name: "other", X: series.X, Y: series.X}},
			LogY: rapid.Bool().Draw(t, "log"), Marks: []plot.Mark{{Name: "target", Y: 5}},
		}
		var out strings.Builder
		require.NoError(t, chart.Write(&out))
		for decoder := xml.NewDecoder(strings.NewReader(out.String())); ; {
			_, err := decoder.Token()
			if err == io.EOF { //nolint:errorlint // the decoder's own answer
				break
			}
			require.NoError(t, err)
		}
		assert.False(t, strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf"))
	})
}

func TestNumbersAreShort(t *testing.T) {
	t.Parallel()
	for number, want := range map[float64]string{0: "0", 5: "5", 0.25: "0.25", 1.5: "1.5", 1000: "1000", 12_500: "12.5k", 3e6: "3M"} {
		assert.Equal(t, want, plot.Number(number))
	}
}
