package channels

import (
	"encoding/json"
	"fmt"
	"strings"
)

// subscription is one wish of a join to be told of changes.
type subscription struct {
	id            uint32
	event         string // INSERT, UPDATE, DELETE or *
	schema, table string // table may be *
	filters       []filter
}

// filter compares a column of the changed row with a value, or with several of which one must fit.
type filter struct {
	column, operator string // operator is SQL's
	values           []string
}

// operators are those of a filter that are carried out. Newer versions of Realtime have more.
var operators = map[string]string{
	"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "=",
}

// parseSubscription reads a wish. Its errors are for the client.
func parseSubscription(wish json.RawMessage) (subscription, error) {
	object := asObject(wish)
	s := subscription{
		id:     changeID(object),
		event:  strings.ToUpper(asText(object["event"])),
		schema: asText(object["schema"]),
		table:  asText(object["table"]),
	}
	setDefault(&s.event, "*")
	setDefault(&s.schema, "public")
	setDefault(&s.table, "*")
	switch s.event {
	case "*", actionInsert, actionUpdate, actionDelete:
	default:
		return subscription{}, s.refusal("The event is none of *, INSERT, UPDATE and DELETE")
	}
	if columns := object["select"]; columns != nil && string(columns) != "null" {
		return subscription{}, s.refusal("The local stand-in cannot select columns")
	}
	text := asText(object["filter"])
	if text == "" {
		return s, nil
	}
	if s.table == "*" {
		return subscription{}, s.refusal("A filter needs a table")
	}
	for _, part := range splitFilter(text) {
		parsed, ok := parseFilter(part)
		if !ok {
			return subscription{}, fmt.Errorf("Error parsing `filter` params: [%q]", text)
		}
		s.filters = append(s.filters, parsed)
	}
	return s, nil
}

// refusal begins as Realtime's own message for subscriptions that it cannot make.
func (s subscription) refusal(reason string) error {
	//nolint:staticcheck // Realtime's words
	return fmt.Errorf("Unable to subscribe to changes with given parameters. %s: [event: %s, schema: %s, table: %s]",
		reason, s.event, s.schema, s.table)
}

// splitFilter splits at the commas that are not inside the parentheses of in.
func splitFilter(text string) (parts []string) {
	depth, begin := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:])
}

// parseFilter reads column=operator.value.
func parseFilter(text string) (filter, bool) {
	column, rest, hasOperator := strings.Cut(text, "=")
	name, value, hasValue := strings.Cut(rest, ".")
	operator, known := operators[name]
	if !hasOperator || !hasValue || !known || column == "" {
		return filter{}, false
	}
	f := filter{column: column, operator: operator, values: []string{value}}
	if name == "in" {
		list, opened := strings.CutPrefix(value, "(")
		list, closed := strings.CutSuffix(list, ")")
		f.values = strings.Split(list, ",")
		return f, opened && closed
	}
	return f, true
}

// wants reports whether the subscription is to the event on the table. Its filters are left to the database, which
// knows how the values of a type compare.
func (s subscription) wants(c change) bool {
	return (s.event == "*" || s.event == c.action) &&
		s.schema == c.relation.Namespace && (s.table == "*" || s.table == c.relation.RelationName)
}
