package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// summarized are the benches of the table, in its order.
var summarized = []string{"bridge", "assign", "growth", "presence", "load"}

// explanations is the page that says of each missed target why it is missed: a row of a table whose first two cells are the
// figure and the target.
const explanations = "docs/performance.md"

// summarize prints the goals of all reports in the folder as one table and draws their plots beside them. What was never
// measured is left out and said so. The result is ok when every target is met or its miss is explained in page.
func summarize(folder, page string, out io.Writer) error {
	var goals []Goal
	reports := map[string]*Report{}
	for _, name := range summarized {
		report, err := readReport(filepath.Join(folder, name+".json"))
		if errors.Is(err, os.ErrNotExist) {
			_, _ = fmt.Fprintf(out, "  %s: not measured\n", name) // an error comes again with the table
			continue
		}
		if err != nil {
			return err
		}
		reports[name] = report
		_, _ = fmt.Fprintf(out, "  %s: measured %s, load %s before\n", name, report.At.Format("2006-01-02 15:04"), report.Load) // as above
		for _, one := range report.Goals {
			one.Figure = name + ": " + one.Figure
			goals = append(goals, one)
		}
	}
	_, _ = fmt.Fprintln(out) // as above
	if err := printGoals(out, goals); err != nil {
		return err
	}
	if report := reports["assign"]; report != nil {
		if err := drawAssign(report, folder); err != nil {
			return err
		}
	}
	known, err := explained(goals, page)
	if err != nil {
		return err
	}
	result := "ok"
	if missed(goals) > known {
		result = "missed"
	}
	_, err = fmt.Fprintf(out, "\nRESULT bench=%s goals=%d missed=%d explained=%d\n", result, len(goals), missed(goals), known)
	return err
}

// explained counts the missed goals that have a row in the page.
func explained(goals []Goal, page string) (count int, err error) {
	text, err := os.ReadFile(page) //nolint:gosec // a file of the checkout
	if err != nil {
		return 0, fmt.Errorf("read why targets are missed: %w", err)
	}
	for _, one := range goals {
		if one.Target != "" && !one.Met && strings.Contains(string(text), "| "+one.Figure+" | "+one.Target+" |") {
			count++
		}
	}
	return count, nil
}

func readReport(path string) (*Report, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a folder of the developer's choice
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	var report Report
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("read results of %s: %w", path, err)
	}
	return &report, nil
}
