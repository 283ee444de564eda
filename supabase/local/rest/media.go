package rest

import (
	"mime"
	"net/http"
	"strings"
)

// media is the form of the answer that a request accepts.
type media struct {
	// single wants exactly one row, as an object.
	single bool
	// stripped leaves keys with null values out.
	stripped bool
	// csv wants a line of column names, then a line for each row.
	csv bool
}

// parseMedia picks the first entry of Accept that can be served. Quality factors are ignored: supabase-js sends none.
func parseMedia(accept string) (media, error) {
	if strings.TrimSpace(accept) == "" {
		return media{}, nil
	}
	var refused []string
	for entry := range strings.SplitSeq(accept, ",") {
		name, parameters, err := mime.ParseMediaType(entry)
		stripped := parameters["nulls"] == "stripped"
		switch {
		case err != nil:
		case name == "*/*" || name == "application/*" || name == "application/json":
			return media{}, nil
		case name == "text/csv":
			return media{csv: true}, nil
		case name == "application/vnd.pgrst.array+json" || name == "application/vnd.pgrst.array":
			return media{stripped: stripped}, nil
		case name == "application/vnd.pgrst.object+json" || name == "application/vnd.pgrst.object":
			return media{single: true, stripped: stripped}, nil
		}
		refused = append(refused, strings.TrimSpace(entry))
	}
	return media{}, &apiError{
		status: http.StatusNotAcceptable, code: "PGRST107",
		message: "None of these media types are available: " + strings.Join(refused, ", "),
	}
}

// contentType names the form in the answer.
func (m media) contentType() string {
	name := "application/json"
	switch {
	case m.csv:
		name = "text/csv"
	case m.single:
		name = "application/vnd.pgrst.object+json"
	case m.stripped:
		name = "application/vnd.pgrst.array+json"
	}
	if m.stripped {
		name += ";nulls=stripped"
	}
	return name + "; charset=utf-8"
}
