package rest

import (
	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// planRead plans GET and HEAD of a table.
func planRead(r *request, snapshot *catalog.Snapshot, name string) (*plan, error) {
	table := snapshot.Table(name)
	if table == nil {
		return nil, noTable(name, snapshot)
	}
	part, err := rangeOf(r.params.At(), r.http)
	if err != nil {
		return nil, err
	}
	root := &node{table: table, source: exposed(name), alias: name, part: part.capped()}
	b := &builder{}
	main, explain, err := b.read(r, snapshot, root)
	if err != nil {
		return nil, err
	}
	return &plan{
		readOnly: true, main: main, explain: explain,
		finish: func(o outcome) (*answer, error) { return finishRead(r, root, o) },
	}, nil
}

func (b *builder) read(r *request, snapshot *catalog.Snapshot, root *node) (main, explain statement, err error) {
	if err := b.tree(snapshot, r.params, root); err != nil {
		return statement{}, statement{}, err
	}
	rows, err := b.selection(root)
	if err != nil {
		return statement{}, statement{}, err
	}
	total, explain, err := b.count(root, r.prefer)
	if err != nil {
		return statement{}, statement{}, err
	}
	text := envelope(rows, "select * from pgrst_source", total, r.media.rows())
	return b.statement(text), explain, nil
}

func finishRead(r *request, root *node, o outcome) (*answer, error) {
	if r.media.single && o.rows != 1 {
		return nil, notSingular(o.rows)
	}
	a, err := ranged(root.part, o)
	if err != nil {
		return nil, err
	}
	a.header.Set("Content-Location", contentLocation(r, root.alias))
	a.prefer(r.prefer.applied("count", "handling"))
	a.carry(r, o.body)
	return a.overridden(o)
}
