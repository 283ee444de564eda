package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/rest/catalog"
	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// request is what a request says before the schema is looked at.
type request struct {
	http   *http.Request
	claims keys.Claims
	prefer preferences
	media  media
	// profiled is set when the request named its schema, and the answer must too.
	profiled bool
	params   *query.Params
	// body is empty for methods without one.
	body []byte
}

// reads tells the methods that change nothing.
func (r *request) reads() bool {
	return r.http.Method == http.MethodGet || r.http.Method == http.MethodHead
}

// plan is a request made ready to run as one transaction.
type plan struct {
	readOnly bool
	// settings hold during the statement.
	settings []catalog.Setting
	main     statement
	// explain, when it has a text, tells how many rows Postgres expects without a limit.
	explain statement
	// finish makes the answer from the outcome. Its error rolls the transaction back.
	finish func(outcome) (*answer, error)
}

// outcome is what the main statement and the explanation returned.
type outcome struct {
	// total counts the rows without limit and offset, nil when that was not asked.
	total *int64
	// rows counts the rows of the answer.
	rows int64
	body []byte
	// replaced counts the rows that an upsert updated.
	replaced int64
	// headers and status are what response.headers and response.status hold, empty for nothing.
	headers, status string
}

// replacedSetting counts updates by upserts: Postgres does not tell them from inserts.
const replacedSetting = "pgrst.replaced"

// envelope wraps a source into the statement whose one row is an outcome. rows is a SELECT over the source, body an
// expression over pgrst_row. The source is materialized so that a function is called even if nothing reads its result.
func envelope(source, rows, total, body string) string {
	return fmt.Sprintf(`with pgrst_source as materialized (%s)
select %s, count(*), %s,
  nullif(current_setting('response.headers', true), ''),
  nullif(current_setting('response.status', true), ''),
  nullif(current_setting('%s', true), '')
from (%s) as pgrst_row`, source, total, body, replacedSetting, rows)
}

// Expressions for the body.
const (
	noBody     = "''"
	noTotal    = "null"
	rowsJSON   = "json_agg(pgrst_row)"
	valuesJSON = "json_agg(pgrst_row.pgrst_scalar)"
	// rowsCSV takes the names from the first row and the values from the text form of each: (a,"b c",) without the
	// parentheses is a line of CSV.
	rowsCSV = `(select coalesce(string_agg(pgrst_name, ','), '') from json_object_keys(json_agg(pgrst_row)->0) as pgrst_name)
    || e'\n' || coalesce(string_agg(substring(pgrst_row::text, 2, length(pgrst_row::text) - 2), e'\n'), '')`
)

// array is the body of a list of rows.
func (m media) array(list string) string { return fmt.Sprintf("coalesce(%s, '[]')", m.strip(list)) }

// object is the body of the first row alone, null when there is none.
func (m media) object(list string) string {
	return fmt.Sprintf("coalesce(%s, 'null')", m.strip(list+"->0"))
}

// rows is the body of a read or of a change's representation.
func (m media) rows() string {
	switch {
	case m.csv:
		return rowsCSV
	case m.single:
		return m.object(rowsJSON)
	default:
		return m.array(rowsJSON)
	}
}

func (m media) strip(json string) string {
	if m.stripped {
		return "json_strip_nulls(" + json + ")"
	}
	return json
}

// count writes the expression for the total, and the explanation that planned and estimated counts rest on.
func (b *builder) count(root *node, prefer preferences) (total string, explain statement, err error) {
	if prefer.count == "" {
		return noTotal, statement{}, nil
	}
	rows, err := b.counting(root)
	if err != nil {
		return "", statement{}, err
	}
	switch prefer.count {
	case "exact":
		return countRows(rows), statement{}, nil
	case "estimated":
		total = countRows(fmt.Sprintf("%s limit %d", rows, maxRows+1))
	default:
		total = noTotal
	}
	explain, err = explanation(root)
	return total, explain, err
}

func countRows(rows string) string {
	return "(select count(*) from (" + rows + ") as pgrst_count)"
}

// explanation is built apart: it is a statement of its own, with placeholders of its own.
func explanation(root *node) (statement, error) {
	b := &builder{}
	rows, err := b.counting(root)
	return b.statement("explain (format json) " + rows), err
}

// expectedRows reads the output of explain.
func expectedRows(output []byte) (int64, error) {
	var plans []struct {
		Plan struct {
			Rows int64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal(output, &plans); err != nil {
		return 0, fmt.Errorf("read explanation: %w", err)
	}
	if len(plans) == 0 {
		return 0, nil
	}
	return plans[0].Plan.Rows, nil
}

// expect merges the expectation into the total: alone it is the total, beside a capped count it decides only when the
// cap was reached.
func (o *outcome) expect(rows int64) {
	if o.total == nil || *o.total > maxRows && rows > *o.total {
		o.total = &rows
	}
}

// joinKeys are the root columns that the children join by.
func (n *node) joinKeys() []string {
	var names []string
	for _, child := range n.children {
		for _, pair := range child.relationship.Columns {
			names = append(names, pair.Near)
		}
	}
	return names
}

// contentLocation is the path of a read relative to the API root.
func contentLocation(r *request, name string) string {
	location := "/" + name
	if r.http.URL.RawQuery != "" {
		location += "?" + strings.TrimPrefix(r.http.URL.RawQuery, "?")
	}
	return location
}
