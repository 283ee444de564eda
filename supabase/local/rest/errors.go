package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// apiError is a refusal in PostgREST's form. It carries everything the client sees.
type apiError struct {
	status  int
	code    string
	message string
	// details and hint are strings, nil for null; PGRST201 has a list as details.
	details, hint any
	header        http.Header
	// miss is set when a newer schema cache could change the answer.
	miss bool
}

// Error implements error, for logs.
func (e *apiError) Error() string { return e.code + ": " + e.message }

// asAPIError turns any error of this package into a refusal.
func asAPIError(err error) *apiError {
	var refusal *apiError
	if errors.As(err, &refusal) {
		return refusal
	}
	var unreadable *query.Error
	if errors.As(err, &unreadable) {
		return &apiError{
			status: http.StatusBadRequest, code: unreadable.Code, message: unreadable.Message,
			details: nullable(unreadable.Details),
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &apiError{
			status: http.StatusGatewayTimeout, code: "PGRST003",
			message: "Timed out acquiring connection from connection pool.",
		}
	}
	return &apiError{
		status: http.StatusServiceUnavailable, code: "PGRST001",
		message: "Database client error. Retrying the connection.",
	}
}

// nullable makes the empty string null.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func badBody(message string) error {
	return &apiError{status: http.StatusBadRequest, code: "PGRST102", message: message}
}

func unsupportedContentType(contentType string) error {
	return &apiError{
		status: http.StatusUnsupportedMediaType, code: "PGRST102", message: "Content-Type not acceptable: " + contentType,
	}
}

func unsupportedMethod(method string) error {
	return &apiError{
		status: http.StatusMethodNotAllowed, code: "PGRST117", message: "Unsupported HTTP method: " + method,
	}
}

func notImplemented(details string) error {
	return &apiError{
		status: http.StatusBadRequest, code: "PGRST127", message: "Feature not implemented", details: details,
	}
}

func badRange(details string) error {
	return &apiError{
		status: http.StatusRequestedRangeNotSatisfiable, code: "PGRST103", message: "Requested range not satisfiable",
		details: details,
	}
}

func notSingular(rows int64) error {
	return &apiError{
		status: http.StatusNotAcceptable, code: "PGRST116", message: "Cannot coerce the result to a single JSON object",
		details: fmt.Sprintf("The result contains %d rows", rows),
	}
}

func notEmbedded(path string) error {
	return &apiError{
		status: http.StatusBadRequest, code: "PGRST108",
		message: fmt.Sprintf("'%s' is not an embedded resource in this request", path),
		hint:    fmt.Sprintf("Verify that '%s' is included in the 'select' query parameter.", path),
	}
}

func noTable(name string, snapshot *catalog.Snapshot) error {
	refusal := &apiError{
		status: http.StatusNotFound, code: "PGRST205", miss: true,
		message: fmt.Sprintf("Could not find the table '%s.%s' in the schema cache", catalog.Schema, name),
	}
	if nearest := catalog.Nearest(name, snapshot.TableNames()); nearest != "" {
		refusal.hint = fmt.Sprintf("Perhaps you meant the table '%s.%s'", catalog.Schema, nearest)
	}
	return refusal
}

func noColumn(table, column string) error {
	return &apiError{
		status: http.StatusBadRequest, code: "PGRST204", miss: true,
		message: fmt.Sprintf("Could not find the '%s' column of '%s' in the schema cache", column, table),
	}
}

func noRelationship(from string, embed *query.Embed, snapshot *catalog.Snapshot) error {
	using := ""
	if embed.Hint != "" {
		using = fmt.Sprintf(" using the hint '%s'", embed.Hint)
	}
	refusal := &apiError{
		status: http.StatusBadRequest, code: "PGRST200", miss: true,
		message: fmt.Sprintf("Could not find a relationship between '%s' and '%s' in the schema cache", from, embed.Relation),
		details: fmt.Sprintf("Searched for a foreign key relationship between '%s' and '%s'%s in the schema '%s', but no matches were found.",
			from, embed.Relation, using, catalog.Schema),
	}
	nearest := catalog.Nearest(embed.Relation, snapshot.Neighbours(from))
	if nearest != "" && nearest != embed.Relation {
		refusal.hint = fmt.Sprintf("Perhaps you meant '%s' instead of '%s'.", nearest, embed.Relation)
	}
	return refusal
}

func ambiguousRelationship(from string, embed *query.Embed, found []catalog.Relationship) error {
	var details []map[string]string
	var hints []string
	for _, relationship := range found {
		details = append(details, map[string]string{
			"cardinality":  string(relationship.Cardinality),
			"embedding":    relationship.From + " with " + relationship.To,
			"relationship": describe(relationship),
		})
		hint := relationship.Constraint
		if relationship.Junction != nil {
			hint = relationship.Junction.Table
		}
		hints = append(hints, fmt.Sprintf("'%s!%s'", relationship.To, hint))
	}
	return &apiError{
		status: http.StatusMultipleChoices, code: "PGRST201", details: details,
		message: fmt.Sprintf("Could not embed because more than one relationship was found for '%s' and '%s'", from, embed.Relation),
		hint: fmt.Sprintf("Try changing '%s' to one of the following: %s. Find the desired relationship in the 'details' key.",
			embed.Relation, strings.Join(hints, ", ")),
	}
}

func describe(relationship catalog.Relationship) string {
	near, far := columnLists(relationship.Columns)
	if relationship.Junction == nil {
		return fmt.Sprintf("%s using %s%s and %s%s", relationship.Constraint, relationship.From, near, relationship.To, far)
	}
	toEnd, _ := columnLists(relationship.Junction.Columns)
	return fmt.Sprintf("%s using %s%s and %s%s", relationship.Junction.Table, relationship.Constraint, far,
		relationship.Junction.Constraint, toEnd)
}

func columnLists(pairs []catalog.ColumnPair) (near, far string) {
	var nears, fars []string
	for _, pair := range pairs {
		nears, fars = append(nears, pair.Near), append(fars, pair.Far)
	}
	return "(" + strings.Join(nears, ", ") + ")", "(" + strings.Join(fars, ", ") + ")"
}
