package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/supportbase/handoff/bench/plot"
)

// decades are the round numbers of logarithmic axes.
var decades = []float64{0.1, 1, 10, 100, 1000, 10_000, 100_000}

// drawGrowth writes one plot for each curve that was measured.
func drawGrowth(report *Report, folder string) error {
	for _, one := range curves {
		chart := plot.Chart{
			Title: titled(one.name), Note: "what one call costs, in milliseconds", XLabel: one.unit, LogX: true, LogY: true,
			LogTicks: decades,
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

func stepSeries(report *Report, one curve, step string) plot.Series {
	series := plot.Series{Name: step, Dots: true}
	for _, size := range one.sizes {
		if found := report.find(growthPoint(one, size), step); found != nil {
			series.X, series.Y = append(series.X, float64(size)), append(series.Y, found.Value)
		}
	}
	return series
}

func drawChart(chart plot.Chart, path string) error {
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

var (
	atRate  = regexp.MustCompile(`^(.*) at (\d+)/s$`)
	ofBurst = regexp.MustCompile(`^` + ourselves + `, burst of (\d+)$`)
)

// drawAssign draws latency against rate, for everybody, and the cost of a conversation against the length of the queue.
func drawAssign(report *Report, folder string) error {
	latency := plot.Chart{
		Title: "From waiting to assigned", Note: "median, in milliseconds", XLabel: "conversations a second",
		LogX: true, LogY: true, LogTicks: decades,
	}
	cost := plot.Chart{
		Title: "Cost of a conversation in a burst", Note: "microseconds each", XLabel: "conversations in the burst",
		LogX: true, LogY: true, LogTicks: decades,
	}
	burst := map[float64]float64{}
	for _, one := range report.Measurements {
		if match := atRate.FindStringSubmatch(one.What); match != nil && one.Name == "p50" {
			latency.Series = addPoint(latency.Series, match[1], number(match[2]), one.Value)
		}
		if match := ofBurst.FindStringSubmatch(one.What); match != nil && one.Name == "assigned" && one.Value > 0 {
			burst[number(match[1])] = 1e6 / one.Value
		}
	}
	for _, size := range slices.SortedFunc(maps.Keys(burst), cmp.Compare) {
		cost.Series = addPoint(cost.Series, ourselves, size, burst[size])
	}
	return errors.Join(
		drawUnlessEmpty(latency, filepath.Join(folder, "assign-latency.svg")),
		drawUnlessEmpty(cost, filepath.Join(folder, "assign-cost.svg")))
}

func drawUnlessEmpty(chart plot.Chart, path string) error {
	if len(chart.Series) == 0 {
		return nil
	}
	return drawChart(chart, path)
}

// addPoint appends a point to the series of that name.
func addPoint(all []plot.Series, name string, x, y float64) []plot.Series {
	for i := range all {
		if all[i].Name == name {
			all[i].X, all[i].Y = append(all[i].X, x), append(all[i].Y, y)
			return all
		}
	}
	return append(all, plot.Series{Name: name, Dots: true, X: []float64{x}, Y: []float64{y}})
}

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}
