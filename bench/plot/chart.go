package plot

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// Series is one line, or one set of bars.
type Series struct {
	Name string
	// X and Y are of equal length, X ascending. A Y that is no number is a gap.
	X, Y []float64
	// Bars draws bars instead of a line; Step draws a line that keeps its height until the next point; Area fills what is
	// below the line; Dots marks the points.
	Bars, Step, Area, Dots bool
	// Dashed is for what others are compared with.
	Dashed bool
}

// Mark is a line across the chart with a word beside it.
type Mark struct {
	Name string
	// Y is where; with Upright set it is an X.
	Y       float64
	Upright bool
}

// Chart is what is drawn. Title and at least one series with a point are required.
type Chart struct {
	Title string
	// Note stands below the title, smaller.
	Note           string
	XLabel, YLabel string
	Series         []Series
	Marks          []Mark
	// XText and YText word the numbers of the axes. Default: plain numbers.
	XText, YText func(float64) string
	// XTicks, if set, are where the X axis has numbers; YSteps are the steps that count as round on the Y axis.
	XTicks []float64
	YSteps []float64
	// LogY makes equal ratios equal distances, from the smallest number above zero; LogX the same across. LogTicks, if set,
	// are the numbers that count as round on such an axis, ascending.
	LogY, LogX bool
	LogTicks   []float64
	// YMax, if set, is the least that the Y axis reaches up to.
	YMax float64
}

// The size of a chart in user units; it scales to the width that it is given.
const (
	width, height = 640.0, 340.0
	left, right   = 62.0, 26.0
	top, bottom   = 74.0, 50.0
)

// colours is how many there are; more lines begin again with the first.
const colours = 8

// crowded says that the names of the series have no room above the chart.
func (c Chart) crowded() bool { return len(c.Series) > 4 }

// roomForNames is what names beside their lines take.
func (c Chart) roomForNames() float64 {
	longest := 0
	for _, series := range c.Series {
		longest = max(longest, len([]rune(series.Name)))
	}
	return math.Min(6.7*float64(longest)+34, width/3)
}

// Style is what the charts of a page share. A page that has several puts it into its head once.
const Style = `.plot{--ink:#1f2937;--soft:#6b7280;--grid:#e5e7eb;--paper:#ffffff;--s1:#2563eb;--s2:#ea8a0b;--s3:#0d9488;--s4:#9333ea;--s5:#db2777;--s6:#4d7c0f;--s7:#991b1b;--s8:#64748b;
font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
@media (prefers-color-scheme:dark){.plot{--ink:#e5e7eb;--soft:#9ca3af;--grid:#2b3446;--paper:#111827;--s1:#60a5fa;--s2:#fbbf24;--s3:#2dd4bf;--s4:#c084fc;--s5:#f472b6;--s6:#a3e635;--s7:#f87171;--s8:#94a3b8}}
.plot text{fill:var(--soft)}.plot .title{fill:var(--ink);font-size:15px;font-weight:600}.plot .mark{fill:var(--ink)}
.plot .grid{stroke:var(--grid);stroke-width:1}.plot .axis{stroke:var(--soft);stroke-width:1}
.plot .line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}.plot .dashed{stroke-dasharray:6 5}
.plot .across{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:2 4}.plot .paper{fill:var(--paper)}`

// Write draws the chart as an SVG of its own.
func (c Chart) Write(out io.Writer) error {
	_, err := io.WriteString(out, strings.Replace(c.SVG(), ">", "><style>"+Style+"</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>", 1))
	return err
}

// SVG is the chart as an element for a page that has Style.
func (c Chart) SVG() string {
	c = c.withDefaults()
	p := newPen(c)
	fmt.Fprintf(&p.out, `<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" aria-label="%s">`,
		width, height, escape(c.Title))
	p.text(left-44, 24, "title", "start", c.Title)
	p.text(left-44, 43, "", "start", c.Note)
	p.axes()
	for i, series := range c.Series {
		p.series(series, i%colours+1)
	}
	for _, mark := range c.Marks {
		p.mark(mark)
	}
	p.legend()
	p.out.WriteString("</svg>")
	return p.out.String()
}

func (c Chart) withDefaults() Chart {
	if c.XText == nil {
		c.XText = Number
	}
	if c.YText == nil {
		c.YText = Number
	}
	return c
}

// Number words a number as short as it can be.
func Number(value float64) string {
	size := math.Abs(value)
	switch {
	case size >= 1e6:
		return short(value/1e6) + "M"
	case size >= 1e4:
		return short(value/1e3) + "k"
	default:
		return short(value)
	}
}

func short(value float64) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", value), "0"), ".0")
}

// escape makes the text safe in an element and in an attribute; what XML has no place for is replaced.
func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a builder takes everything
	return out.String()
}
