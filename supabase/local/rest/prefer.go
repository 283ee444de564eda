package rest

import (
	"net/http"
	"strconv"
	"strings"
)

// preferences are what the Prefer headers of a request ask for, each value as it was sent and empty when it was not.
type preferences struct {
	// returning is representation, headers-only or minimal.
	returning string
	// resolution is merge-duplicates or ignore-duplicates.
	resolution string
	// count is exact, planned or estimated.
	count string
	// missing is default or null: what a key missing from a payload means.
	missing string
	// handling is strict or lenient.
	handling string
	// maxAffected is -1 without a limit. It counts only under strict handling.
	maxAffected int64
}

var preferenceValues = map[string][]string{
	"return":     {"representation", "headers-only", "minimal"},
	"resolution": {"merge-duplicates", "ignore-duplicates"},
	"count":      {"exact", "planned", "estimated"},
	"missing":    {"default", "null"},
	"handling":   {"strict", "lenient"},
	"tx":         {"commit", "rollback"},
}

// parsePreferences reads all Prefer headers. The first word on a subject wins. What is not understood is ignored,
// unless handling=strict asks to refuse it.
func parsePreferences(header http.Header) (preferences, error) {
	prefer := preferences{maxAffected: -1}
	var invalid []string
	for _, line := range header.Values("Prefer") {
		for word := range strings.SplitSeq(line, ",") {
			word = strings.TrimSpace(word)
			if word != "" && !prefer.set(word) {
				invalid = append(invalid, word)
			}
		}
	}
	if prefer.handling == "strict" && len(invalid) > 0 {
		return preferences{}, &apiError{
			status: http.StatusBadRequest, code: "PGRST122", message: "Invalid preferences given with handling=strict",
			details: "Invalid preferences: " + strings.Join(invalid, ", "),
		}
	}
	return prefer, nil
}

// set takes one preference and tells whether it was understood.
func (p *preferences) set(word string) bool {
	name, value, _ := strings.Cut(word, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if name == "max-affected" {
		limit, err := strconv.ParseInt(value, 10, 64)
		if err == nil && limit >= 0 {
			p.maxAffected = limit
		}
		return err == nil && limit >= 0
	}
	for _, known := range preferenceValues[name] {
		if value == known {
			p.keep(name, value)
			return true
		}
	}
	return false
}

// keep leaves out tx: hosted Supabase always commits.
func (p *preferences) keep(name, value string) {
	field := map[string]*string{
		"return": &p.returning, "resolution": &p.resolution, "count": &p.count, "missing": &p.missing, "handling": &p.handling,
	}[name]
	if field != nil && *field == "" {
		*field = value
	}
}

// limitAffected is the number of rows a change may touch, -1 for any.
func (p *preferences) limitAffected() int64 {
	if p.handling != "strict" {
		return -1
	}
	return p.maxAffected
}

// applied is the Preference-Applied header for the named preferences, empty when none of them was given.
func (p *preferences) applied(names ...string) string {
	given := map[string]string{
		"return": p.returning, "resolution": p.resolution, "count": p.count, "missing": p.missing, "handling": p.handling,
	}
	if limit := p.limitAffected(); limit >= 0 {
		given["max-affected"] = strconv.FormatInt(limit, 10)
	}
	var words []string
	for _, name := range names {
		if given[name] != "" {
			words = append(words, name+"="+given[name])
		}
	}
	return strings.Join(words, ", ")
}
