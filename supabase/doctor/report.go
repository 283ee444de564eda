package doctor

import "slices"

// Severity says how much a finding matters.
type Severity string

// From best to worst.
const (
	// OK: as it should be.
	OK Severity = "ok"
	// Skipped: the question could not be asked; the text says why.
	Skipped Severity = "skipped"
	// Warning: it works, but slower than it could, or not for ever.
	Warning Severity = "warning"
	// Broken: something the product promises does not hold, or will not hold, until this is mended.
	Broken Severity = "error"
)

// Finding is one thing that was seen.
type Finding struct {
	// Check names the question; the names are stable.
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// Text is one sentence: what was seen.
	Text string `json:"text"`
	// Remedy is what a person does about it; empty when nothing has to be done.
	Remedy string `json:"remedy,omitempty"`
	// Fixable says that Options.Fix mends it.
	Fixable bool `json:"fixable,omitempty"`
	// Fixed says that it was mended just now.
	Fixed bool `json:"fixed,omitempty"`

	fix fix
}

// Report is everything that was seen, in the order in which a person would mend it.
type Report struct {
	Findings []Finding `json:"findings"`
}

// Count is how many findings of the severity have not been mended.
func (r Report) Count(severity Severity) int {
	count := 0
	for _, one := range r.Findings {
		if one.Severity == severity && !one.Fixed {
			count++
		}
	}
	return count
}

// Healthy says that nothing is broken; warnings may remain.
func (r Report) Healthy() bool { return r.Count(Broken) == 0 }

// Checks is how many questions were asked or skipped.
func (r Report) Checks() int {
	var names []string
	for _, one := range r.Findings {
		names = append(names, one.Check)
	}
	slices.Sort(names)
	return len(slices.Compact(names))
}

func fine(text string) []Finding { return []Finding{{Severity: OK, Text: text}} }

func warn(text, remedy string) Finding {
	return Finding{Severity: Warning, Text: text, Remedy: remedy}
}

func broken(text, remedy string) Finding {
	return Finding{Severity: Broken, Text: text, Remedy: remedy}
}

func skipped(text string) []Finding { return []Finding{{Severity: Skipped, Text: text}} }

// fixedBy gives a finding what mends it.
func (f Finding) fixedBy(mend fix) Finding {
	f.Fixable, f.fix = true, mend
	return f
}

// orFine is the findings, or that there are none.
func orFine(found []Finding, text string) []Finding {
	if len(found) == 0 {
		return fine(text)
	}
	return found
}
