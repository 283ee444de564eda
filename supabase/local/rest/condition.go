package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// operators are the SQL of the operators that compare with one value.
var operators = map[query.Operator]string{
	"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=",
	"like": "like", "ilike": "ilike", "match": "~", "imatch": "~*", "isdistinct": "is distinct from",
	"cs": "@>", "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>", "adj": "-|-",
}

var textSearchFunctions = map[query.Operator]string{
	"fts": "to_tsquery", "plfts": "plainto_tsquery", "phfts": "phraseto_tsquery", "wfts": "websearch_to_tsquery",
}

var trileans = map[string]string{
	"null": "null", "not_null": "not null", "true": "true", "false": "false", "unknown": "unknown",
}

// embedTest is the SQL of "a related row exists" for a filter on an embedded table.
type embedTest func(child *node) (string, error)

// conditions are the filters of a node joined by and, empty without any.
func (b *builder) conditions(n *node, of []query.Condition, exists embedTest) ([]string, error) {
	var texts []string
	for _, condition := range of {
		text, err := b.condition(n, condition, exists)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func (b *builder) condition(n *node, condition query.Condition, exists embedTest) (string, error) {
	switch condition := condition.(type) {
	case query.Group:
		return b.group(n, condition, exists)
	case query.Comparison:
		if child := n.childLabelled(condition.Field.Name); child != nil && len(condition.Field.Path) == 0 {
			return embedCondition(child, condition, exists)
		}
		return b.comparison(n, condition), nil
	default:
		panic(fmt.Sprintf("unknown condition %T", condition)) // query has two kinds
	}
}

func (b *builder) group(n *node, group query.Group, exists embedTest) (string, error) {
	texts, err := b.conditions(n, group.Of, exists)
	if err != nil {
		return "", err
	}
	joint := " and "
	if group.Any {
		joint = " or "
	}
	return negate(group.Negated, "("+strings.Join(texts, joint)+")"), nil
}

func negate(negated bool, text string) string {
	if negated {
		return "not (" + text + ")"
	}
	return text
}

// embedCondition is a filter on an embedded table as a whole: only whether there is a related row can be asked.
func embedCondition(child *node, comparison query.Comparison, exists embedTest) (string, error) {
	if comparison.Operator != query.Is || comparison.Value != "null" && comparison.Value != "not_null" {
		return "", &apiError{
			status: http.StatusBadRequest, code: "PGRST120",
			message: fmt.Sprintf("Bad operator on the '%s' embedded resource", child.label),
			details: "Only is null or not is null filters are allowed on embedded resources",
		}
	}
	text, err := exists(child)
	if err != nil {
		return "", err
	}
	wantsNull := comparison.Value == "null" != comparison.Negated
	return negate(wantsNull, text), nil
}

// joined is the embedTest of a statement in which the lateral joins of the children stand.
func joined(child *node) (string, error) {
	return fmt.Sprintf("%s is distinct from null", quote(child.join)), nil
}

func (b *builder) comparison(n *node, c query.Comparison) string {
	field := b.field(n, c.Field)
	var text string
	switch {
	case c.Operator == query.Is:
		text = fmt.Sprintf("%s is %s", field, trileans[c.Value])
	case c.Operator == query.In:
		text = fmt.Sprintf("%s = any (%s)", field, b.bind(arrayLiteral(c.Values)))
	case c.Operator.IsTextSearch():
		text = b.textSearch(n, c, field)
	default:
		text = fmt.Sprintf("%s %s %s", field, operators[c.Operator], b.operand(c))
	}
	return negate(c.Negated, text)
}

// operand binds the value of a comparison. In patterns * stands for %, which URLs would need escaped.
func (b *builder) operand(c query.Comparison) string {
	value := c.Value
	if c.Operator == "like" || c.Operator == "ilike" {
		value = strings.ReplaceAll(value, "*", "%")
	}
	if c.Quantifier == "" {
		return b.bind(value)
	}
	return fmt.Sprintf("%s (%s)", c.Quantifier, b.bind(value)) // any or all: query knows no other
}

// textSearch converts what is no tsvector yet, under the same configuration as the query.
func (b *builder) textSearch(n *node, c query.Comparison, field string) string {
	language := ""
	if c.Language != "" {
		language = b.bind(c.Language) + "::regconfig, "
	}
	if n.typeOf(c.Field) != "tsvector" {
		field = fmt.Sprintf("to_tsvector(%s%s)", language, field)
	}
	return fmt.Sprintf("%s @@ %s(%s%s)", field, textSearchFunctions[c.Operator], language, b.bind(c.Value))
}

// typeOf is the type of a plain column, empty when it is not known.
func (n *node) typeOf(field query.Field) string {
	if n.table == nil || len(field.Path) > 0 {
		return ""
	}
	column, _ := n.table.Column(field.Name)
	return column.Type
}

// arrayLiteral writes an array in Postgres's own notation, whose element type the comparison decides.
func arrayLiteral(values []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	elements := make([]string, len(values))
	for i, value := range values {
		elements[i] = `"` + escape.Replace(value) + `"`
	}
	return "{" + strings.Join(elements, ",") + "}"
}

// field is a column, or the place in it that its path leads to.
func (b *builder) field(n *node, field query.Field) string {
	if len(field.Path) == 0 {
		return b.columnOf(n.alias, field.Name)
	}
	text := b.columnOf(n.alias, field.Name)
	if n.needsJSON(field.Name) {
		text = "to_jsonb(" + text + ")"
	}
	return text + b.path(field.Path)
}

func (b *builder) columnOf(alias, name string) string {
	if name == "*" {
		return quote(alias) + ".*"
	}
	return quote(alias, name)
}

// needsJSON tells a column that arrows work on only after a conversion: an array, a composite.
func (n *node) needsJSON(name string) bool {
	if n.table == nil {
		return false
	}
	column, known := n.table.Column(name)
	return known && !column.IsJSON()
}

func (b *builder) path(steps []query.Step) string {
	var text strings.Builder
	for _, step := range steps {
		arrow, kind := "->", "text"
		if step.Text {
			arrow = "->>"
		}
		if step.Index {
			kind = "int"
		}
		fmt.Fprintf(&text, "%s%s::%s", arrow, b.bind(step.Operand), kind)
	}
	return text.String()
}
