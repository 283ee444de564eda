package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Anchor is what something else reached in the same run.
type Anchor struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Goal is a figure beside its anchors and what it should be.
type Goal struct {
	Figure  string   `json:"figure"`
	Unit    string   `json:"unit"`
	Ours    float64  `json:"ours"`
	Anchors []Anchor `json:"anchors,omitempty"`
	// Ratio is Ours over the anchor named in Of; 0 without one.
	Ratio  float64 `json:"ratio,omitempty"`
	Of     string  `json:"of,omitempty"`
	Target string  `json:"target,omitempty"` // empty: the figure is for information
	Met    bool    `json:"met"`
}

// aim is a target.
type aim struct {
	of      string  // the anchor to be compared with; empty: the figure itself
	least   float64 // at least this; 0: not asked
	most    float64 // at most this; 0: not asked
	meaning string
}

// goal adds the figure and says whether the aims are met: one row for each aim, one for none. An anchor that was not measured
// is not shown.
func (r *Report) goal(figure, unit string, ours float64, anchors []Anchor, aims ...aim) {
	anchors = slices.DeleteFunc(anchors, func(one Anchor) bool { return one.Value <= 0 })
	row := Goal{Figure: figure, Unit: unit, Ours: ours, Anchors: anchors, Met: true}
	if len(aims) == 0 {
		r.Goals = append(r.Goals, row)
	}
	for _, one := range aims {
		row.Ratio, row.Of, row.Target = 0, one.of, one.meaning
		value := ours
		if one.of != "" {
			anchor := valueOf(anchors, one.of)
			if anchor <= 0 {
				r.leave(figure, one.of+" was not measured")
				continue
			}
			row.Ratio = ours / anchor
			value = row.Ratio
		}
		row.Met = (one.least == 0 || value >= one.least) && (one.most == 0 || value <= one.most)
		r.Goals = append(r.Goals, row)
	}
}

func valueOf(anchors []Anchor, name string) float64 {
	for _, one := range anchors {
		if one.Name == name {
			return one.Value
		}
	}
	return 0
}

// smallest is the anchor with the smallest value; false when there is none.
func smallest(anchors []Anchor) (Anchor, bool) {
	var best Anchor
	for _, one := range anchors {
		if one.Value > 0 && (best.Value == 0 || one.Value < best.Value) {
			best = one
		}
	}
	return best, best.Value > 0
}

// printGoals lays all goals out as one table.
func printGoals(out io.Writer, goals []Goal) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "  figure\tours\tanchors of the same run\tratio\ttarget\tmet") // an error comes again with Flush
	for _, one := range goals {
		anchors := make([]string, len(one.Anchors))
		for i, anchor := range one.Anchors {
			anchors[i] = anchor.Name + " " + figure(anchor.Value)
		}
		ratio, met := "", ""
		if one.Of != "" {
			ratio = fmt.Sprintf("%.2f of %s", one.Ratio, one.Of)
		}
		if one.Target != "" {
			met = map[bool]string{true: "yes", false: "NO"}[one.Met]
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s %s\t%s\t%s\t%s\t%s\n", one.Figure, figure(one.Ours), one.Unit, strings.Join(anchors, ", "), ratio, one.Target, met) // as above
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("lay out the table of goals: %w", err)
	}
	return nil
}

// missed is how many goals with a target were missed.
func missed(goals []Goal) (count int) {
	for _, one := range goals {
		if one.Target != "" && !one.Met {
			count++
		}
	}
	return count
}
