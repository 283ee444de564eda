package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// selection is the SELECT of a node with its embedded nodes joined laterally.
func (b *builder) selection(n *node) (string, error) {
	outputs, joins := []string{}, ""
	for _, item := range n.columns {
		outputs = append(outputs, b.output(n, item))
	}
	for _, child := range n.children {
		join, err := b.lateral(child)
		if err != nil {
			return "", err
		}
		joins += join
		if !child.hidden {
			outputs = append(outputs, child.output())
		}
	}
	restrictions, err := b.restrictions(n, joined)
	if err != nil {
		return "", err
	}
	order, err := b.orderBy(n)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("select %s from %s%s%s%s%s", strings.Join(outputs, ", "), n.from(), joins, restrictions, order,
		n.part.clause()), nil
}

// output is a column under the name it has in the result.
func (b *builder) output(n *node, item query.Item) string {
	text := b.field(n, item.Field)
	if item.Field.Name == "*" {
		return text
	}
	if item.Cast != "" {
		text = fmt.Sprintf("cast(%s as %s)", text, item.Cast)
	}
	return text + " as " + quote(item.Label())
}

// output is the embedded result. A to-one join yields the row itself, a to-many join one column named like the join.
func (n *node) output() string {
	switch {
	case n.spread:
		return quote(n.join) + ".*"
	case n.relationship.ToOne():
		return fmt.Sprintf("row_to_json(%s.*) as %s", quote(n.join), quote(n.label))
	default:
		return fmt.Sprintf("coalesce(%s, '[]') as %s", quote(n.join, n.join), quote(n.label))
	}
}

func (b *builder) lateral(child *node) (string, error) {
	rows, err := b.selection(child)
	if err != nil {
		return "", err
	}
	join, kind, on := quote(child.join), "left", "true"
	if child.inner {
		kind = "inner"
	}
	if !child.relationship.ToOne() {
		rows = fmt.Sprintf("select json_agg(%s) as %s from (%s) as %s", join, join, rows, join)
		if child.inner {
			on = quote(child.join, child.join) + " is not null"
		}
	}
	return fmt.Sprintf(" %s join lateral (%s) as %s on %s", kind, rows, join, on), nil
}

// from is the node's source, with the junction beside it when there is one.
func (n *node) from() string {
	text := n.source + " as " + quote(n.alias)
	if junction := n.relationship.Junction; junction != nil {
		text += fmt.Sprintf(", %s as %s", exposed(junction.Table), quote(n.junctionAlias()))
	}
	return text
}

// junctionAlias differs from every alias of a node, whose numbers are path depths.
func (n *node) junctionAlias() string { return n.join + "_junction" }

// restrictions are the WHERE of a node: its filters and the join to its parent.
func (b *builder) restrictions(n *node, exists embedTest) (string, error) {
	texts, err := b.conditions(n, n.where, exists)
	if err != nil {
		return "", err
	}
	return where(append(texts, n.joinConditions()...)), nil
}

func where(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return " where " + strings.Join(texts, " and ")
}

func (n *node) joinConditions() []string {
	if n.parent == nil {
		return nil
	}
	near := n.alias
	if n.relationship.Junction != nil {
		near = n.junctionAlias()
	}
	var texts []string
	for _, pair := range n.relationship.Columns {
		texts = append(texts, fmt.Sprintf("%s = %s", quote(near, pair.Far), quote(n.parent.alias, pair.Near)))
	}
	if junction := n.relationship.Junction; junction != nil {
		for _, pair := range junction.Columns {
			texts = append(texts, fmt.Sprintf("%s = %s", quote(near, pair.Near), quote(n.alias, pair.Far)))
		}
	}
	return texts
}

// orderBy writes the terms; a term of an embedded table must come from a to-one join and be among its columns.
func (b *builder) orderBy(n *node) (string, error) {
	var terms []string
	for _, order := range n.order {
		term, err := b.orderTerm(n, order)
		if err != nil {
			return "", err
		}
		terms = append(terms, term)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " order by " + strings.Join(terms, ", "), nil
}

func (b *builder) orderTerm(n *node, order query.Order) (string, error) {
	text := b.field(n, order.Field)
	if order.Relation != "" {
		child := n.childLabelled(order.Relation)
		if child == nil {
			return "", notEmbedded(order.Relation)
		}
		if !child.relationship.ToOne() {
			return "", relatedOrderNotToOne(n, child)
		}
		text = b.columnOf(child.join, order.Field.Name) + b.path(order.Field.Path)
	}
	if order.Direction != "" {
		text += " " + order.Direction
	}
	if order.Nulls != "" {
		text += " nulls " + order.Nulls
	}
	return text, nil
}

func relatedOrderNotToOne(n, child *node) error {
	return &apiError{
		status: http.StatusBadRequest, code: "PGRST118",
		message: fmt.Sprintf("A related order on '%s' is not possible", child.label),
		details: fmt.Sprintf("'%s' and '%s' do not form a many-to-one or one-to-one relationship", n.alias, child.label),
	}
}

// counting is a SELECT with one row for each row of the node that the filters leave, before limit and offset.
func (b *builder) counting(n *node) (string, error) {
	texts, err := b.conditions(n, n.where, b.exists)
	if err != nil {
		return "", err
	}
	texts = append(texts, n.joinConditions()...)
	for _, child := range n.children {
		if !child.inner {
			continue
		}
		text, err := b.exists(child)
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return fmt.Sprintf("select 1 from %s%s", n.from(), where(texts)), nil
}

// exists is the embedTest of a statement without lateral joins.
func (b *builder) exists(child *node) (string, error) {
	rows, err := b.counting(child)
	if err != nil {
		return "", err
	}
	return "exists (" + rows + ")", nil
}
