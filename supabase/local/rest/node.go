package rest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// node is one table of a read: the root, or an embedded one below the table it is related to.
type node struct {
	// table is nil when the columns are not known: the result of a function that returns no table's rows.
	table *catalog.Table
	// source is what stands in FROM, alias its name in the statement.
	source, alias string
	columns       []query.Item
	where         []query.Condition
	order         []query.Order
	part          rowRange
	children      []*node

	// The rest is for embedded nodes.

	relationship catalog.Relationship
	parent       *node
	// label is the key in the result, and the name under which filters know the node.
	label string
	// join is the alias of the lateral join that holds the result.
	join          string
	inner, spread bool
	// hidden is set for an embed without columns, which only joins.
	hidden bool
}

// tree makes the nodes of a read. Paths that say something about a table that is not embedded are refused.
func (b *builder) tree(snapshot *catalog.Snapshot, params *query.Params, root *node) error {
	planner := treePlanner{builder: b, snapshot: snapshot, params: params, seen: map[string]bool{}}
	root.where, root.order = params.At().Where, params.At().Order
	if err := planner.fill(root, params.Select, nil); err != nil {
		return err
	}
	for _, path := range params.Paths() {
		if !planner.seen[path] {
			return notEmbedded(path)
		}
	}
	return nil
}

type treePlanner struct {
	builder  *builder
	snapshot *catalog.Snapshot
	params   *query.Params
	// seen are the dotted paths of the embedded nodes.
	seen map[string]bool
}

// fill sorts the entries of select into the columns and the children of a node at path.
func (p *treePlanner) fill(parent *node, items []query.Item, path []string) error {
	for _, item := range items {
		if item.Embed == nil {
			parent.columns = append(parent.columns, item)
			continue
		}
		child, err := p.child(parent, item, append(slices.Clone(path), item.Label()))
		if err != nil {
			return err
		}
		parent.children = append(parent.children, child)
	}
	return nil
}

func (p *treePlanner) child(parent *node, item query.Item, path []string) (*node, error) {
	relationship, err := p.relationship(parent, item.Embed)
	if err != nil {
		return nil, err
	}
	if item.Embed.Spread && !relationship.ToOne() {
		return nil, notImplemented("Spread of a to-many relationship")
	}
	level := p.params.At(path...)
	child := &node{
		table: p.snapshot.Table(relationship.To), source: exposed(relationship.To),
		alias: fmt.Sprintf("%s_%d", shorten(relationship.To), len(path)),
		where: level.Where, order: level.Order, part: rowRange{offset: level.Offset, limit: level.Limit},
		relationship: relationship, parent: parent, label: item.Label(), join: p.builder.joinName(item.Label()),
		inner: item.Embed.Inner, spread: item.Embed.Spread, hidden: len(item.Embed.Select) == 0,
	}
	if level.Limit != nil && *level.Limit < 0 {
		return nil, badRange("Limit should be greater than or equal to zero.")
	}
	if !relationship.ToOne() {
		child.part = child.part.capped()
	}
	p.seen[strings.Join(path, ".")] = true
	return child, p.fill(child, item.Embed.Select, path)
}

func (p *treePlanner) relationship(parent *node, embed *query.Embed) (catalog.Relationship, error) {
	from := parent.alias
	if parent.table != nil {
		from = parent.table.Name
	}
	found := p.snapshot.Relationships(from, embed.Relation, embed.Hint)
	switch len(found) {
	case 0:
		return catalog.Relationship{}, noRelationship(from, embed, p.snapshot)
	case 1:
		return found[0], nil
	default:
		return catalog.Relationship{}, ambiguousRelationship(from, embed, found)
	}
}

// childLabelled finds an embedded node by its label, nil when there is none.
func (n *node) childLabelled(label string) *node {
	for _, child := range n.children {
		if child.label == label {
			return child
		}
	}
	return nil
}
