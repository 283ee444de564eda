package main

import (
	"fmt"
	"os"
	"path/filepath"

	charts "github.com/supportbase/handoff/bench/plot"
)

// drawGrowth writes one plot for each curve that was measured.
func drawGrowth(report *Report, folder string) error {
	for _, one := range curves {
		chart := charts.Chart{
			Title: titled(one.name), Note: "what one call costs, in milliseconds", XLabel: one.unit, LogX: true, LogY: true,
			LogTicks: []float64{0.1, 1, 10, 100, 1000, 10_000, 100_000},
		}
		for _, step := range one.steps {
			if series := stepSeries(report, one, step); len(series.X) > 0 {
				chart.Series = append(chart.Series, series)
			}
		}
		if len(chart.Series) == 0 {
			continue
		}
		if err := drawChart(chart, filepath.Join(folder, "growth-"+one.name+".svg")); err != nil {
			return fmt.Errorf("draw %s: %w", one.name, err)
		}
	}
	return nil
}

func stepSeries(report *Report, one curve, step string) charts.Series {
	series := charts.Series{Name: step, Dots: true}
	for _, size := range one.sizes {
		if found := report.find(growthPoint(one, size), step); found != nil {
			series.X, series.Y = append(series.X, float64(size)), append(series.Y, found.Value)
		}
	}
	return series
}

func drawChart(chart charts.Chart, path string) error {
	file, err := os.Create(path) //nolint:gosec // part of a checkout
	if err != nil {
		return err
	}
	err = chart.Write(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
