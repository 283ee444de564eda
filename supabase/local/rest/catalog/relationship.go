package catalog

import "slices"

// Cardinality is how many rows stand at the two ends of a Relationship.
type Cardinality string

// Cardinalities, in the words of PostgREST's answers.
const (
	ManyToOne  Cardinality = "many-to-one"
	OneToMany  Cardinality = "one-to-many"
	OneToOne   Cardinality = "one-to-one"
	ManyToMany Cardinality = "many-to-many"
)

// Relationship is one way from a table to another, by a foreign key or by two of them through a junction table.
type Relationship struct {
	Cardinality Cardinality
	From, To    string
	// Constraint is the foreign key; with a Junction, the one that leads to From.
	Constraint string
	// Columns pair the columns of From with those of To; with a Junction, with those of the junction.
	Columns []ColumnPair
	// Junction is nil for all but ManyToMany.
	Junction *Junction
	// inverse is set when the foreign key belongs to To.
	inverse bool
}

// ColumnPair joins a column of the near table to one of the far table.
type ColumnPair struct{ Near, Far string }

// Junction is the table between the two ends of a ManyToMany relationship.
type Junction struct {
	Table string
	// Constraint is the foreign key that leads to the far end.
	Constraint string
	// Columns pair the columns of the junction with those of the far end.
	Columns []ColumnPair
}

// ToOne tells whether at most one related row exists.
func (r Relationship) ToOne() bool {
	return r.Cardinality == ManyToOne || r.Cardinality == OneToOne
}

// foreignKey is a row of pg_constraint.
type foreignKey struct {
	Name, Table, Target string
	Columns             []ColumnPair
	// Unique is set when the columns are a key of Table, so that at most one row refers to a target.
	Unique bool
	// InPrimaryKey is set when all columns belong to the primary key of Table, as those of a junction do.
	InPrimaryKey bool
}

// relationships are the ways between tables that the foreign keys open.
func relationships(keys []foreignKey) []Relationship {
	var found []Relationship
	for _, key := range keys {
		found = append(found, key.forward(), key.backward())
	}
	return append(found, junctions(keys)...)
}

func (k foreignKey) forward() Relationship {
	cardinality := ManyToOne
	if k.Unique {
		cardinality = OneToOne
	}
	return Relationship{Cardinality: cardinality, From: k.Table, To: k.Target, Constraint: k.Name, Columns: k.Columns}
}

func (k foreignKey) backward() Relationship {
	cardinality := OneToMany
	if k.Unique {
		cardinality = OneToOne
	}
	return Relationship{
		Cardinality: cardinality, From: k.Target, To: k.Table, Constraint: k.Name, Columns: swap(k.Columns), inverse: true,
	}
}

func swap(pairs []ColumnPair) []ColumnPair {
	swapped := make([]ColumnPair, len(pairs))
	for i, pair := range pairs {
		swapped[i] = ColumnPair{Near: pair.Far, Far: pair.Near}
	}
	return swapped
}

// junctions pairs the foreign keys of tables whose primary key contains both.
func junctions(keys []foreignKey) []Relationship {
	var found []Relationship
	for _, near := range keys {
		for _, far := range keys {
			if near.Table != far.Table || near.Name == far.Name || !near.InPrimaryKey || !far.InPrimaryKey {
				continue
			}
			found = append(found, Relationship{
				Cardinality: ManyToMany, From: near.Target, To: far.Target, Constraint: near.Name, Columns: swap(near.Columns),
				Junction: &Junction{Table: near.Table, Constraint: far.Name, Columns: far.Columns},
			})
		}
	}
	return found
}

// Relationships finds the ways from a table to what target names: a table, a foreign key constraint, or a foreign key
// column of the table. hint, when not empty, must name the constraint, a column at either end, or the junction. More
// than one result means that the request is ambiguous.
func (s *Snapshot) Relationships(from, target, hint string) []Relationship {
	var found []Relationship
	for _, relationship := range s.relationships {
		if relationship.From == from && relationship.answers(target, hint) {
			found = append(found, relationship)
		}
	}
	return found
}

// answers holds the naming rules. A table that refers to itself has both ways under one name: there the table's name
// means its children, and the column's name the parent.
func (r Relationship) answers(target, hint string) bool {
	self := r.From == r.To && r.Junction == nil
	switch {
	case self && hint == "":
		return target == r.To && r.inverse || r.nearColumn(target) && !r.inverse
	case self:
		return target == r.To && r.inverse && (r.farColumn(hint) || r.Constraint == hint)
	case hint == "":
		return target == r.To || r.Junction == nil && (target == r.Constraint || r.nearColumn(target) && !r.inverse)
	case r.Junction != nil:
		return target == r.To && hint == r.Junction.Table
	default:
		return target == r.To && (hint == r.Constraint || r.nearColumn(hint) || r.farColumn(hint))
	}
}

func (r Relationship) nearColumn(name string) bool {
	return len(r.Columns) == 1 && r.Columns[0].Near == name
}

func (r Relationship) farColumn(name string) bool {
	return len(r.Columns) == 1 && r.Columns[0].Far == name
}

// Neighbours are the tables that from can embed, sorted, for hints.
func (s *Snapshot) Neighbours(from string) []string {
	var names []string
	for _, relationship := range s.relationships {
		if relationship.From == from {
			names = append(names, relationship.To)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
