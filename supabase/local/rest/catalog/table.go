package catalog

import "slices"

// Table is a table, view, materialised view or foreign table of the exposed schema.
type Table struct {
	Name string
	// Columns are in the order of the table.
	Columns []Column
	// PrimaryKey are the columns of the key in its order; nil without one.
	PrimaryKey []string
}

// Column is a column of a Table.
type Column struct {
	Name string
	// Type is the SQL name of the type, qualified where needed: it may go into a statement as it is.
	Type string
	// Default is the SQL expression of the default, empty without one.
	Default string
}

// Column finds a column by name.
func (t *Table) Column(name string) (Column, bool) {
	at := slices.IndexFunc(t.Columns, func(column Column) bool { return column.Name == name })
	if at < 0 {
		return Column{}, false
	}
	return t.Columns[at], true
}

// IsJSON tells whether arrows may be applied to the column as it is.
func (c Column) IsJSON() bool { return c.Type == "json" || c.Type == "jsonb" }
