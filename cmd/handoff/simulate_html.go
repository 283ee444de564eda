package main

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"time"

	"github.com/supportbase/handoff/bench/plot"
	"github.com/supportbase/handoff/worker/simulation"
)

//go:embed simulate.html
var staffingPage string

var staffingTemplate = template.Must(template.New("staffing").Funcs(template.FuncMap{
	"words": waitWords, "percent": func(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) },
	"permille": func(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) },
}).Parse(staffingPage))

// page is what the template shows.
type page struct {
	Style    template.CSS
	Headline string
	Detail   string
	Best     *simulation.Outcome
	Charts   []template.HTML
	Outcomes []simulation.Outcome
	Target   float64
	Several  bool
}

func (s staffing) render(out io.Writer) error {
	best := s.enough()
	p := page{
		Style: plot.Style, Best: best, Outcomes: s.Outcomes, Target: s.target.Seconds(), Several: len(s.strategies) > 1,
		Detail: fmt.Sprintf("%s over %s; %d chats at once for each agent.", s.source, inWords(s.traffic.length), s.slots),
	}
	p.Headline = fmt.Sprintf("No team of up to %d keeps nine of ten waits under %s", slices.Max(s.sizes), inWords(s.target))
	if best != nil {
		p.Headline = fmt.Sprintf("%d agents keep nine of ten waits under %s", best.Agents, inWords(s.target))
		if best.Agents == 1 {
			p.Headline = fmt.Sprintf("One agent keeps nine of ten waits under %s", inWords(s.target))
		}
	}
	for _, chart := range []plot.Chart{s.waitsChart(), s.loadChart(), s.within(), s.dayChart(), s.arrivalsChart(), s.queueChart()} {
		p.Charts = append(p.Charts, template.HTML(chart.SVG())) //nolint:gosec // the chart escapes its words
	}
	return staffingTemplate.Execute(out, p)
}

// first are the outcomes of the first strategy, one for each size.
func (s staffing) first() []simulation.Outcome {
	var found []simulation.Outcome
	for i := 0; i < len(s.Outcomes); i += len(s.strategies) {
		found = append(found, s.Outcomes[i])
	}
	return found
}

// near are the outcomes around the team that is enough: one size less, that one, one more.
func (s staffing) near() []simulation.Outcome {
	all := s.first()
	middle := len(all) - 1
	if best := s.enough(); best != nil {
		middle = slices.IndexFunc(all, func(one simulation.Outcome) bool { return one.Agents == best.Agents })
	}
	return all[max(middle-1, 0):min(middle+2, len(all))]
}

func (s staffing) bySize(name string, of func(simulation.Outcome) float64) plot.Series {
	series := plot.Series{Name: name, Dots: true}
	for _, one := range s.first() {
		series.X, series.Y = append(series.X, float64(one.Agents)), append(series.Y, of(one))
	}
	return series
}

// roundWaits are the lengths of time that an axis names, in seconds.
var roundWaits = []float64{1, 10, 60, 600, 3600, 36_000, 172_800, 1_728_000}

// aSecond keeps no wait at all on a logarithmic axis.
func aSecond(wait float64) float64 { return math.Max(wait, 1) }

func (s staffing) waitsChart() plot.Chart {
	return plot.Chart{
		Title: "How long customers wait", Note: "of those who got an agent; the axis grows tenfold", XLabel: "agents",
		Series: []plot.Series{
			s.bySize("half of them", func(one simulation.Outcome) float64 { return aSecond(one.Wait.P50) }),
			s.bySize("nine of ten", func(one simulation.Outcome) float64 { return aSecond(one.Wait.P90) }),
			s.bySize("99 of 100", func(one simulation.Outcome) float64 { return aSecond(one.Wait.P99) }),
		},
		Marks: []plot.Mark{{Name: "target " + inWords(s.target), Y: aSecond(s.target.Seconds())}},
		LogY:  true, LogTicks: roundWaits, YText: waitWords, XTicks: s.sizeTicks(),
	}
}

// sizeTicks names every size while there is room.
func (s staffing) sizeTicks() []float64 {
	every := (len(s.sizes) + 19) / 20
	var ticks []float64
	for i := 0; i < len(s.sizes); i += every {
		ticks = append(ticks, float64(s.sizes[i]))
	}
	return ticks
}

func (s staffing) loadChart() plot.Chart {
	percent := func(value float64) string { return fmt.Sprintf("%.0f%%", value) }
	return plot.Chart{
		Title: "What it costs, and what it saves", Note: "slots taken, customers served in time, customers who left", XLabel: "agents",
		Series: []plot.Series{
			s.bySize("busy", func(one simulation.Outcome) float64 { return 100 * one.Utilisation }),
			s.bySize("in time", func(one simulation.Outcome) float64 { return 100 * one.InTime }),
			s.bySize("left", func(one simulation.Outcome) float64 { return 100 * one.LeftShare }),
		},
		YText: percent, YMax: 100, YSteps: []float64{20}, XTicks: s.sizeTicks(),
	}
}

// within is how many were served within how long.
func (s staffing) within() plot.Chart {
	chart := plot.Chart{
		Title: "Served within", Note: "the share of all who asked, by how long they waited", XLabel: "waited", LogX: true, LogTicks: roundWaits,
		XText: waitWords, YText: func(value float64) string { return fmt.Sprintf("%.0f%%", value) }, YMax: 100, YSteps: []float64{20},
		Marks: []plot.Mark{{Name: "target", Y: aSecond(s.target.Seconds()), Upright: true}},
	}
	for _, one := range s.near() {
		chart.Series = append(chart.Series, served(one))
	}
	return chart
}

// points is how many points a curve has at most.
const points = 160

func served(outcome simulation.Outcome) plot.Series {
	var waits []float64
	for _, chat := range outcome.Result.Chats {
		if !chat.Left {
			waits = append(waits, aSecond(chat.Wait.Seconds()))
		}
	}
	slices.Sort(waits)
	series := plot.Series{Name: agents(outcome.Agents), Step: true}
	for i := range points {
		place := (len(waits) - 1) * i / (points - 1)
		if len(waits) == 0 || (i > 0 && waits[place] == series.X[len(series.X)-1]) {
			continue
		}
		upTo, _ := slices.BinarySearch(waits, math.Nextafter(waits[place], math.Inf(1)))
		series.X = append(series.X, waits[place])
		series.Y = append(series.Y, 100*float64(upTo)/float64(max(outcome.Arrived, 1)))
	}
	return series
}

func agents(count int) string {
	if count == 1 {
		return "1 agent"
	}
	return fmt.Sprintf("%d agents", count)
}

// hourOf is the hour of the day; drawn arrivals begin at midnight.
func (s staffing) hourOf(at time.Duration) int {
	return s.traffic.begins.Add(at).Hour()
}

func (s staffing) dayChart() plot.Chart {
	chart := plot.Chart{
		Title: "Nine of ten wait, by the hour", Note: "when they asked, " + s.zone(), XLabel: "hour of the day", YText: waitWords,
		YSteps: []float64{1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600}, XTicks: hours,
	}
	for _, one := range s.near() {
		var waits [24][]float64
		for _, chat := range one.Result.Chats {
			if !chat.Left {
				hour := s.hourOf(chat.At)
				waits[hour] = append(waits[hour], chat.Wait.Seconds())
			}
		}
		series := plot.Series{Name: agents(one.Agents)}
		for hour := range waits {
			series.X, series.Y = append(series.X, float64(hour)), append(series.Y, ninety(waits[hour]))
		}
		chart.Series = append(chart.Series, series)
	}
	return chart
}

var hours = []float64{0, 3, 6, 9, 12, 15, 18, 21, 23}

func (s staffing) zone() string {
	if s.traffic.begins.IsZero() {
		return "the first arrival at midnight"
	}
	return "in UTC"
}

// ninety is the P90; a gap when nobody waited.
func ninety(waits []float64) float64 {
	if len(waits) == 0 {
		return math.NaN()
	}
	slices.Sort(waits)
	return waits[int(math.Ceil(0.9*float64(len(waits))))-1]
}

func (s staffing) arrivalsChart() plot.Chart {
	series := plot.Series{Name: "arrivals", Bars: true, X: make([]float64, 24), Y: make([]float64, 24)}
	for hour := range series.X {
		series.X[hour] = float64(hour)
	}
	for _, one := range s.traffic.arrivals {
		series.Y[s.hourOf(one.At)] += 1 / s.wholeDays()
	}
	return plot.Chart{
		Title: "When customers ask for a person", Note: "a day, on average; " + s.zone(), XLabel: "hour of the day",
		Series: []plot.Series{series}, XTicks: hours,
	}
}

func (s staffing) wholeDays() float64 { return math.Max(math.Ceil(s.traffic.length.Hours()/24), 1) }

// queueChart is how many wait at once: what all who came in an hour waited together, over the hour.
func (s staffing) queueChart() plot.Chart {
	chart := plot.Chart{
		Title: "How many wait at once", Note: "on average of each hour; " + s.zone(), XLabel: "hour of the day", XTicks: hours,
	}
	for _, one := range s.near() {
		series := plot.Series{Name: agents(one.Agents), X: make([]float64, 24), Y: make([]float64, 24)}
		for hour := range series.X {
			series.X[hour] = float64(hour)
		}
		for _, chat := range one.Result.Chats {
			series.Y[s.hourOf(chat.At)] += chat.Wait.Hours() / s.wholeDays()
		}
		chart.Series = append(chart.Series, series)
	}
	return chart
}
