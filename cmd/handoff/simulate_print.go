package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/supportbase/handoff/worker/simulation"
)

// staffing is what came of a simulation.
type staffing struct {
	wish
	traffic

	Outcomes []simulation.Outcome
}

// mostLeave is the share of customers that a team is enough for may lose.
const mostLeave = 0.05

// enough is the smallest team, with the first strategy, with which nine of ten wait no longer than the target and hardly anybody
// leaves; nil when none of them is.
func (s staffing) enough() *simulation.Outcome {
	for i := 0; i < len(s.Outcomes); i += len(s.strategies) {
		if one := &s.Outcomes[i]; one.Wait.P90 <= s.target.Seconds() && one.LeftShare <= mostLeave {
			return one
		}
	}
	return nil
}

// staffingView is the report as JSON.
type staffingView struct {
	Source        string               `json:"source"`
	Arrivals      int                  `json:"arrivals"`
	Hours         float64              `json:"hours"`
	TargetSeconds float64              `json:"target_seconds"`
	Enough        *int                 `json:"enough_agents"`
	Outcomes      []simulation.Outcome `json:"outcomes"`
}

func (s staffing) view() staffingView {
	view := staffingView{
		Source: s.source, Arrivals: len(s.traffic.arrivals), Hours: s.traffic.length.Hours(), TargetSeconds: s.target.Seconds(), Outcomes: s.Outcomes,
	}
	if one := s.enough(); one != nil {
		view.Enough = &one.Agents
	}
	return view
}

func (s staffing) print(out io.Writer) error {
	_, _ = fmt.Fprintf(out, "%s over %s, %d chats at once each\n\n", s.source, inWords(s.traffic.length), s.slots) // the table tells
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "AGENTS\tSTRATEGY\tMEAN WAIT\tP50\tP90\tP99\tIN %s\tLEFT\tBUSY\tQUEUE\tCHATS EACH\n", inWords(s.target))
	best := s.enough()
	for i := range s.Outcomes {
		one := &s.Outcomes[i]
		mark := ""
		if one == best {
			mark = "  <- enough"
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%.0f%%\t%.1f%%\t%.0f%%\t%d\t%d-%d%s\n", one.Agents, one.Strategy,
			waitWords(one.Wait.Mean), waitWords(one.Wait.P50), waitWords(one.Wait.P90), waitWords(one.Wait.P99),
			100*one.InTime, 100*one.LeftShare, 100*one.Utilisation, one.LongestQueue, one.Fewest, one.Most, mark)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	enough := "none"
	if best != nil {
		enough = fmt.Sprint(best.Agents)
	}
	_, err := fmt.Fprintf(out, "\nRESULT simulate=ok arrivals=%d rows=%d enough=%s\n", len(s.traffic.arrivals), len(s.Outcomes), enough)
	return err
}

func waitWords(seconds float64) string { return inWords(time.Duration(seconds * float64(time.Second))) }

// inWords is a length of time as people say it: 45 s, 2 min 30 s, 3 h, 7 d.
func inWords(length time.Duration) string {
	switch {
	case length < time.Minute:
		return fmt.Sprintf("%.0f s", math.Round(length.Seconds()))
	case length < time.Hour:
		return pair(length.Round(time.Second), time.Minute, "min", time.Second, "s")
	case length < 48*time.Hour:
		return pair(length.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	default:
		return pair(length.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
	}
}

func pair(length, large time.Duration, largeName string, small time.Duration, smallName string) string {
	rest := length % large / small
	if rest == 0 {
		return fmt.Sprintf("%d %s", length/large, largeName)
	}
	return fmt.Sprintf("%d %s %d %s", length/large, largeName, rest, smallName)
}
