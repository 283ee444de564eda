package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// grants are the columns that a role may use in each operation; delete is for whole rows.
type grants struct {
	read, insert, update []string
	remove               bool
}

// tableCells observes what each actor can do with the table: a line for each operation.
func (w accessWorld) tableCells(t *testing.T, table relation) []matrixLine {
	t.Helper()
	lines := make([]matrixLine, 4)
	for i, operation := range []string{"select", "insert", "update", "delete"} {
		lines[i] = matrixLine{subject: table.name, detail: operation, cells: map[string]string{}}
	}
	byRole := map[string]grants{}
	for _, actor := range accessActors {
		if _, known := byRole[actor.role]; !known {
			byRole[actor.role] = w.grantsOn(t, actor, table)
		}
		may := byRole[actor.role]
		reach := tableReach{w: w, table: table, actor: actor}
		lines[0].set(actor, table.columns, may.read, func() string { return reach.visible(t, may.read) })
		lines[1].set(actor, table.writable, may.insert, func() string { return reach.insertable(t, may.insert) })
		lines[2].set(actor, table.writable, may.update, func() string { return reach.updatable(t, may.update) })
		lines[3].set(actor, nil, nil, func() string {
			if !may.remove {
				return cellRefused
			}
			return reach.deletable(t)
		})
	}
	return lines
}

// set fills the cell of an actor. Without any column the operation is refused; with some only, the line says which.
func (l *matrixLine) set(actor accessActor, all, granted []string, observe func() string) {
	if all != nil && len(granted) == 0 {
		l.cells[actor.name] = cellRefused
		return
	}
	l.cells[actor.name] = observe()
	if len(granted) < len(all) {
		l.cells[actor.name] += l.footnote(granted)
	}
}

// grantsOn tries each operation without a row: then only the privileges decide. Asking for all columns at once answers
// most cases; only after a refusal it goes by column.
func (w accessWorld) grantsOn(t *testing.T, actor accessActor, table relation) grants {
	t.Helper()
	usable := func(columns []string, statement func(columns []string) string) []string {
		if w.attempt(t, actor, []string{statement(columns)})[0].ok() {
			return columns
		}
		statements := make([]string, len(columns))
		for i, column := range columns {
			statements[i] = statement([]string{column})
		}
		var usable []string
		for i, result := range w.attempt(t, actor, statements) {
			if result.ok() {
				usable = append(usable, columns[i])
				continue
			}
			// 55000: a view that cannot be written.
			require.Contains(t, []string{"42501", "55000"}, result.state, "%s: %s", statements[i], result.text)
		}
		return usable
	}
	return grants{
		read: usable(table.columns, func(columns []string) string {
			return fmt.Sprintf("select %s from %s where false", strings.Join(columns, ", "), table.name)
		}),
		insert: usable(table.writable, func(columns []string) string {
			return fmt.Sprintf("insert into %s (%s) select %s where false", table.name, strings.Join(columns, ", "), table.nulls(columns))
		}),
		update: usable(table.writable, func(columns []string) string {
			return fmt.Sprintf("update %s set (%s) = row(%s) where false", table.name, strings.Join(columns, ", "), table.nulls(columns))
		}),
		remove: w.attempt(t, actor, []string{fmt.Sprintf("delete from %s where false", table.name)})[0].ok(),
	}
}

func (r relation) nulls(columns []string) string {
	nulls := make([]string, len(columns))
	for i, column := range columns {
		nulls[i] = "null::" + r.types[column]
	}
	return strings.Join(nulls, ", ")
}

// tableReach finds out which rows of a table an actor reaches.
type tableReach struct {
	w     accessWorld
	table relation
	actor accessActor
}

func (r tableReach) visible(t *testing.T, columns []string) string {
	t.Helper()
	r.requireRows(t)
	for _, column := range r.table.key {
		require.Contains(t, columns, column, "%s can read %s but not its key: rows cannot be told apart", r.actor.name, r.table.name)
	}
	statements := r.forEachRow(func(row accessRow) string {
		return fmt.Sprintf("select %s from %s as t where %s", strings.Join(columns, ", "), r.table.name, r.isRow(row))
	})
	return r.reached(r.touched(t, statements))
}

func (r tableReach) updatable(t *testing.T, columns []string) string {
	t.Helper()
	r.requireRows(t)
	list := strings.Join(columns, ", ")
	statements := r.forEachRow(func(row accessRow) string {
		return fmt.Sprintf("update %s as t set (%s) = (select %s from %s) where %s",
			r.table.name, list, list, row.record(r.table.name), r.isRow(row))
	})
	return r.reached(r.touched(t, statements))
}

func (r tableReach) deletable(t *testing.T) string {
	t.Helper()
	r.requireRows(t)
	return r.reached(r.touched(t, r.forEachRow(func(row accessRow) string {
		return fmt.Sprintf("delete from %s as t where %s", r.table.name, r.isRow(row))
	})))
}

// insertable tries a copy of each row, as it is and signed by the actor alone. The answer is how far that reaches.
func (r tableReach) insertable(t *testing.T, columns []string) string {
	t.Helper()
	r.requireRows(t)
	columns = slices.DeleteFunc(slices.Clone(columns), func(column string) bool {
		return slices.Contains(r.table.generatedKey, column)
	})
	list := strings.Join(columns, ", ")
	insert := func(row accessRow) string {
		return fmt.Sprintf("insert into %s (%s) select %s from %s", r.table.name, list, list, row.record(r.table.name))
	}
	asIs := r.touched(t, r.forEachRow(insert))
	signed := r.touched(t, r.forEachRow(func(row accessRow) string { return insert(row.signedBy(r.actor)) }))
	answer := cellNone
	for i, row := range r.table.rows {
		if signed[i] {
			answer = farther(answer, r.distance(row))
		}
	}
	for i, row := range r.table.rows {
		if signed[i] && !asIs[i] && row.text != row.signedBy(r.actor).text {
			return answer + cellSigned
		}
	}
	return answer
}

// distances are the answers of insertable, nearest first.
var distances = []string{cellNone, cellChats, cellProject, cellAll}

func farther(one, other string) string {
	if slices.Index(distances, one) > slices.Index(distances, other) {
		return one
	}
	return other
}

func (r tableReach) distance(row accessRow) string {
	switch {
	case row.project != r.actor.home || row.project == "":
		return cellAll
	case slices.Contains(r.actor.chats, row.chat):
		return cellChats
	default:
		return cellProject
	}
}

// touched says for each statement whether it went through to its row. A constraint that holds for everybody counts as
// going through: it comes after the policies.
func (r tableReach) touched(t *testing.T, statements []string) []bool {
	t.Helper()
	touched := make([]bool, len(statements))
	for i, result := range r.w.attempt(t, r.actor, statements) {
		switch {
		case result.ok():
			touched[i] = result.text != "0"
		case strings.HasPrefix(result.state, "23"):
			touched[i] = true
		case result.state != "42501" && !strings.HasPrefix(result.state, "PT"):
			require.Fail(t, "neither done nor refused", "%s as %s: %s %s", statements[i], r.actor.name, result.state, result.text)
		}
	}
	return touched
}

// reached names the set of rows that were touched.
func (r tableReach) reached(touched []bool) string {
	count := func(belongs func(accessRow) bool) (hits, size, others int) {
		for i, row := range r.table.rows {
			switch {
			case belongs(row):
				size++
				if touched[i] {
					hits++
				}
			case touched[i]:
				others++
			}
		}
		return hits, size, others
	}
	exactly := func(belongs func(accessRow) bool) bool {
		hits, size, others := count(belongs)
		return size > 0 && hits == size && others == 0
	}
	inProject := func(row accessRow) bool { return row.project == r.actor.home && row.project != "" }
	switch {
	case !slices.Contains(touched, true):
		return cellNone
	case exactly(func(accessRow) bool { return true }):
		return cellAll
	case exactly(inProject):
		return cellProject
	case exactly(func(row accessRow) bool { return row.names(r.actor) }):
		return cellOwn
	case exactly(func(row accessRow) bool { return slices.Contains(r.actor.chats, row.chat) }):
		return cellChats
	}
	hits, size, others := count(inProject)
	return fmt.Sprintf("%d of %d and %d", hits, size, others)
}

func (r tableReach) forEachRow(statement func(accessRow) string) []string {
	statements := make([]string, len(r.table.rows))
	for i, row := range r.table.rows {
		statements[i] = statement(row)
	}
	return statements
}

// isRow is the condition that finds the row among the rows "t".
func (r tableReach) isRow(row accessRow) string {
	if len(r.table.key) == 1 {
		return fmt.Sprintf("t.%s = (select %s from %s)", r.table.key[0], r.table.key[0], row.record(r.table.name))
	}
	list := strings.Join(r.table.key, ", t.")
	return fmt.Sprintf("(t.%s) is not distinct from (select row(%s) from %s)", list, strings.Join(r.table.key, ", "), row.record(r.table.name))
}

// requireRows demands what makes the answer mean something: rows of both projects, or of none.
func (r tableReach) requireRows(t *testing.T) {
	t.Helper()
	require.NotEmpty(t, r.table.rows,
		"%s is open to %s and has no row: add rows of both projects to testdata/access/world.sql", r.table.name, r.actor.name)
	projects := map[string]bool{}
	for _, row := range r.table.rows {
		projects[row.project] = true
	}
	require.Equal(t, projects["acme"], projects["outside"],
		"%s has rows of one project only: add rows of the other to testdata/access/world.sql", r.table.name)
}
