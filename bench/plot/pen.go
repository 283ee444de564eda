package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// pen draws one chart.
type pen struct {
	Chart

	x, y scale
	out  strings.Builder
}

func newPen(c Chart) *pen {
	var xs, ys []float64
	for _, series := range c.Series {
		xs, ys = append(xs, series.X...), append(ys, series.Y...)
	}
	for _, mark := range c.Marks {
		if !mark.Upright {
			ys = append(ys, mark.Y)
		}
	}
	if c.YMax > 0 {
		ys = append(ys, c.YMax)
	}
	p := &pen{Chart: c}
	p.x, p.y = c.across(xs), c.up(ys)
	p.x.low, p.x.far = left, width-right
	if c.crowded() {
		p.x.far = width - c.roomForNames()
	}
	p.y.low, p.y.far = height-bottom, top
	return p
}

func (c Chart) up(ys []float64) scale {
	least, most := span(ys, c.LogY)
	if c.LogY {
		return logarithmic(least, most, c.LogTicks)
	}
	return linear(least, most, c.YSteps)
}

func (c Chart) across(xs []float64) scale {
	least, most := span(xs, c.LogX)
	if c.LogX {
		return logarithmic(least, most, c.LogTicks)
	}
	s := scale{from: least, to: most, ticks: c.XTicks}
	if c.bars() { // the first and the last bar need room
		half := (most - least) / math.Max(float64(len(c.Series[0].X)-1), 1) / 2
		s.from, s.to = least-math.Max(half, 0.5), most+math.Max(half, 0.5)
	}
	if s.ticks == nil {
		step := roundStep(math.Max(most-least, 1e-9)/8, nil)
		for tick := math.Ceil(least/step) * step; tick <= most+step*1e-9; tick += step {
			s.ticks = append(s.ticks, tick)
		}
	}
	return s
}

func (c Chart) bars() bool { return len(c.Series) > 0 && c.Series[0].Bars }

func (p *pen) text(x, y float64, class, anchor, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(&p.out, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, escape(text))
}

func (p *pen) stroke(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.out, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (p *pen) axes() {
	for _, tick := range p.y.ticks {
		at := p.y.at(tick)
		p.stroke("grid", p.x.low, at, p.x.far, at)
		p.text(p.x.low-8, at+4, "", "end", p.YText(tick))
	}
	p.stroke("axis", p.x.low, p.y.low, p.x.far, p.y.low)
	for _, tick := range p.x.ticks {
		at := p.x.at(tick)
		p.stroke("axis", at, p.y.low, at, p.y.low+4)
		p.text(at, p.y.low+18, "", "middle", p.XText(tick))
	}
	p.text((p.x.low+p.x.far)/2, height-12, "", "middle", p.XLabel)
	p.text(p.x.low-8, p.y.far-12, "", "end", p.YLabel)
}

func (p *pen) series(series Series, colour int) {
	if series.Bars {
		p.bar(series, colour)
		return
	}
	for _, part := range parts(series) {
		points := p.points(part)
		if part.Area {
			fmt.Fprintf(&p.out, `<path d="%sL%.1f %.1fL%.1f %.1fZ" fill="var(--s%d)" fill-opacity="0.14"/>`,
				points, p.x.at(part.X[len(part.X)-1]), p.y.low, p.x.at(part.X[0]), p.y.low, colour)
		}
		class := "line"
		if part.Dashed {
			class += " dashed"
		}
		fmt.Fprintf(&p.out, `<path class="%s" d="%s" stroke="var(--s%d)"/>`, class, points, colour)
		if part.Dots {
			p.dots(part, colour)
		}
	}
}

// points is the path through the points.
func (p *pen) points(series Series) string {
	var path strings.Builder
	for i := range series.X {
		x, y := p.x.at(series.X[i]), p.y.at(series.Y[i])
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x, y)
		case series.Step:
			fmt.Fprintf(&path, "H%.1fV%.1f", x, y)
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x, y)
		}
	}
	return path.String()
}

func (p *pen) dots(series Series, colour int) {
	for i := range series.X {
		fmt.Fprintf(&p.out, `<circle cx="%.1f" cy="%.1f" r="3.2" fill="var(--s%d)"><title>%s: %s</title></circle>`,
			p.x.at(series.X[i]), p.y.at(series.Y[i]), colour,
			escape(p.XText(series.X[i])), escape(p.YText(series.Y[i])))
	}
}

func (p *pen) bar(series Series, colour int) {
	room := (p.x.far - p.x.low) / float64(max(len(series.X), 1))
	for i := range series.X {
		if isGap(series.Y[i]) {
			continue
		}
		at := p.y.at(series.Y[i])
		fmt.Fprintf(&p.out, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="var(--s%d)" fill-opacity="0.85"><title>%s: %s</title></rect>`,
			p.x.at(series.X[i])-room*0.38, at, room*0.76, p.y.low-at, colour,
			escape(p.XText(series.X[i])), escape(p.YText(series.Y[i])))
	}
}

func (p *pen) mark(mark Mark) {
	if mark.Upright {
		at := p.x.at(mark.Y)
		p.stroke("across", at, p.y.far, at, p.y.low)
		p.text(at+6, p.y.low-8, "mark", "start", mark.Name)
		return
	}
	at := p.y.at(mark.Y)
	p.stroke("across", p.x.low, at, p.x.far, at)
	p.text(p.x.far, at-6, "mark", "end", mark.Name)
}

// legend names the series, unless there is only one: a few above the chart, many beside their ends.
func (p *pen) legend() {
	switch {
	case len(p.Series) < 2:
	case p.crowded():
		p.endLabels()
	default:
		p.topLegend()
	}
}

func (p *pen) topLegend() {
	x := p.x.far
	for i := len(p.Series) - 1; i >= 0; i-- {
		name := p.Series[i].Name
		p.text(x, p.y.far-12, "", "end", name)
		x -= 6.7*float64(len([]rune(name))) + 11
		fmt.Fprintf(&p.out, `<circle cx="%.1f" cy="%.1f" r="4.5" fill="var(--s%d)"/>`, x, p.y.far-16, i%colours+1)
		x -= 16
	}
}

// lineHeight is how far apart the words of two neighbours are at least.
const lineHeight = 15.0

// endLabels names each line at its right end; names that would lie on each other are moved apart.
func (p *pen) endLabels() {
	type label struct {
		series int
		y      float64
	}
	var labels []label
	for i, series := range p.Series {
		for j := len(series.Y) - 1; j >= 0; j-- {
			if !isGap(series.Y[j]) {
				labels = append(labels, label{series: i, y: p.y.at(series.Y[j]) + 4})
				break
			}
		}
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := 1; i < len(labels); i++ {
		labels[i].y = math.Max(labels[i].y, labels[i-1].y+lineHeight)
	}
	for i := len(labels) - 1; i >= 0; i-- {
		below := p.y.low + 4
		if i < len(labels)-1 {
			below = labels[i+1].y - lineHeight
		}
		labels[i].y = math.Min(labels[i].y, below)
	}
	for _, one := range labels {
		fmt.Fprintf(&p.out, `<circle cx="%.1f" cy="%.1f" r="4" fill="var(--s%d)"/>`, p.x.far+14, one.y-4, one.series%colours+1)
		p.text(p.x.far+23, one.y, "", "start", p.Series[one.series].Name)
	}
}

// parts splits a series where it has gaps.
func parts(series Series) []Series {
	var found []Series
	begun := -1
	for i := 0; i <= len(series.X); i++ {
		gap := i == len(series.X) || isGap(series.Y[i])
		if gap && begun >= 0 {
			part := series
			part.X, part.Y = series.X[begun:i], series.Y[begun:i]
			found, begun = append(found, part), -1
		}
		if !gap && begun < 0 {
			begun = i
		}
	}
	return found
}

func isGap(value float64) bool { return math.IsNaN(value) || math.IsInf(value, 0) }
