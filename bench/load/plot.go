package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// point is one measured place of a line.
type point struct{ x, y float64 }

// line is one contender's points, in the order of x.
type line struct {
	name   string
	points []point
}

// plot is a picture with logarithmic axes. Nothing in it depends on when it was drawn.
type plot struct {
	title, xName, yName string
	lines               []line
}

const (
	plotWidth, plotHeight = 720.0, 400.0
	plotLeft, plotTop     = 70.0, 40.0
	plotRight, plotBottom = 190.0, 50.0
)

// Colours that differ also for those who see few, each with a dash of its own.
var (
	plotColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"}
	plotDashes  = []string{"", "6 3", "2 3", "8 3 2 3", "1 2"}
)

// svg draws the plot.
func (p plot) svg() string {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12" role="img">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&out, `<title>%s</title><rect width="100%%" height="100%%" fill="white"/>`+"\n", html.EscapeString(p.title))
	fmt.Fprintf(&out, `<text x="%.0f" y="22" font-size="15">%s</text>`+"\n", plotLeft, html.EscapeString(p.title))
	xs, ys := p.scales()
	p.axes(&out, xs, ys)
	for i, one := range p.lines {
		one.draw(&out, i, xs, ys)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// scale maps decades onto pixels.
type scale struct{ low, high, from, to float64 }

func (s scale) at(value float64) float64 {
	return s.from + (s.to-s.from)*(math.Log10(value)-s.low)/(s.high-s.low)
}

func (p plot) scales() (xs, ys scale) {
	xs = scale{math.Inf(1), math.Inf(-1), plotLeft, plotWidth - plotRight}
	ys = scale{math.Inf(1), math.Inf(-1), plotHeight - plotBottom, plotTop}
	for _, one := range p.lines {
		for _, place := range one.points {
			xs.low, xs.high = min(xs.low, math.Floor(math.Log10(place.x))), max(xs.high, math.Ceil(math.Log10(place.x)))
			ys.low, ys.high = min(ys.low, math.Floor(math.Log10(place.y))), max(ys.high, math.Ceil(math.Log10(place.y)))
		}
	}
	for _, one := range []*scale{&xs, &ys} {
		if one.high <= one.low {
			one.high = one.low + 1
		}
	}
	return xs, ys
}

func (p plot) axes(out *strings.Builder, xs, ys scale) {
	for decade := xs.low; decade <= xs.high; decade++ {
		x := xs.at(math.Pow(10, decade))
		fmt.Fprintf(out, `<path d="M%.1f %.1fV%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x, ys.from, ys.to, x, ys.from+18, decadeName(decade))
	}
	for decade := ys.low; decade <= ys.high; decade++ {
		y := ys.at(math.Pow(10, decade))
		fmt.Fprintf(out, `<path d="M%.1f %.1fH%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n",
			xs.from, y, xs.to, xs.from-6, y+4, decadeName(decade))
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", (xs.from+xs.to)/2, plotHeight-12, html.EscapeString(p.xName))
	fmt.Fprintf(out, `<text transform="translate(18 %.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (ys.from+ys.to)/2, html.EscapeString(p.yName))
}

func decadeName(decade float64) string { return fmt.Sprintf("%g", math.Pow(10, decade)) }

func (l line) draw(out *strings.Builder, place int, xs, ys scale) {
	colour, dash := plotColours[place%len(plotColours)], plotDashes[place%len(plotDashes)]
	var path strings.Builder
	for i, one := range l.points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, xs.at(one.x), ys.at(one.y))
		fmt.Fprintf(out, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", xs.at(one.x), ys.at(one.y), colour)
	}
	fmt.Fprintf(out, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", path.String(), colour, dash)
	y := plotTop + 18*float64(place) + 10
	fmt.Fprintf(out, `<path d="M%.0f %.0fh24" stroke="%s" stroke-width="2" stroke-dasharray="%s"/><text x="%.0f" y="%.0f">%s</text>`+"\n",
		plotWidth-plotRight+14, y, colour, dash, plotWidth-plotRight+44, y+4, html.EscapeString(l.name))
}
