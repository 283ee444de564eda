package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The words of a cell; the files under testdata/access say what they mean.
const (
	cellRefused = "-"
	cellNone    = "none"
	cellOwn     = "own"
	cellChats   = "chats"
	cellProject = "project"
	cellAll     = "all"
	cellSigned  = "/self"
)

// matrixLine is a row of an access table: a subject, what is done with it, and how it goes for each actor.
type matrixLine struct {
	subject string
	detail  string
	cells   map[string]string
	// notes are the sets of columns that cells refer to as (1), (2) ...
	notes []string
}

func (l *matrixLine) key() string { return strings.TrimSpace(l.subject + " " + l.detail) }

// footnote returns the number of the set of columns.
func (l *matrixLine) footnote(columns []string) string {
	text := strings.Join(columns, " ")
	for i, note := range l.notes {
		if note == text {
			return fmt.Sprintf("(%d)", i+1)
		}
	}
	l.notes = append(l.notes, text)
	return fmt.Sprintf("(%d)", len(l.notes))
}

// matrix is one of the files: prose, then one table.
type matrix struct {
	path    string
	columns []string
	// prose is everything above the table.
	prose string
	lines []string
}

// widths keep most rows in line; a longer cell shifts its own row only, so that it changes no other line of the file.
const (
	subjectWidth = 60
	cellWidth    = 13
)

func (m matrix) header() []string {
	cells := append([]string{}, m.columns...)
	for _, actor := range accessActors {
		cells = append(cells, actor.name)
	}
	return append(cells, "columns")
}

func (m matrix) format(line matrixLine) string {
	cells := []string{line.subject}
	if len(m.columns) > 1 {
		cells = append(cells, line.detail)
	}
	for _, actor := range accessActors {
		cells = append(cells, line.cells[actor.name])
	}
	notes := make([]string, len(line.notes))
	for i, note := range line.notes {
		notes[i] = fmt.Sprintf("(%d) %s", i+1, note)
	}
	return formatRow(append(cells, strings.Join(notes, "; ")))
}

func formatRow(cells []string) string {
	var row strings.Builder
	for i, cell := range cells {
		width := cellWidth
		switch i {
		case 0:
			width = subjectWidth
		case len(cells) - 1:
			width = 0
		}
		fmt.Fprintf(&row, "| %-*s ", width, cell)
	}
	return row.String() + "|"
}

// keyOf is the part of a formatted row that tells it from others.
func (m matrix) keyOf(row string) string {
	cells := strings.SplitN(row, "|", len(m.columns)+2)
	words := make([]string, 0, len(m.columns))
	for _, cell := range cells[1 : len(m.columns)+1] {
		words = append(words, strings.TrimSpace(cell))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// readMatrix reads a committed table.
func readMatrix(t *testing.T, path string, columns ...string) matrix {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	m := matrix{path: path, columns: columns}
	prose, table, _ := strings.Cut(string(text), "\n| "+columns[0]+" ") // the prose may hold tables of its own
	m.prose = strings.TrimRight(prose, "\n") + "\n"
	for i, line := range strings.Split("| "+columns[0]+table, "\n") {
		if i > 1 && strings.HasPrefix(line, "|") { // below the header and its rule
			m.lines = append(m.lines, line)
		}
	}
	return m
}

// write puts the observed lines into the file.
func (m matrix) write(t *testing.T, observed []matrixLine) {
	t.Helper()
	rule := make([]string, len(m.header()))
	for i := range rule {
		rule[i] = "---"
	}
	rows := []string{m.prose, formatRow(m.header()), formatRow(rule)}
	for _, line := range observed {
		rows = append(rows, m.format(line))
	}
	require.NoError(t, os.WriteFile(m.path, []byte(strings.Join(rows, "\n")+"\n"), 0o644))
}

// compare demands that the file has exactly the observed lines. With -update-access it makes it so.
func (m matrix) compare(t *testing.T, observed []matrixLine) {
	t.Helper()
	if *updateAccess {
		m.write(t, observed)
		return
	}
	committed := map[string]string{}
	for _, line := range m.lines {
		committed[m.keyOf(line)] = line
	}
	for _, line := range observed {
		row := m.format(line)
		was, known := committed[line.key()]
		delete(committed, line.key())
		switch {
		case !known:
			assert.Fail(t, "a row is missing", "%s is new. Read this row, and if it is right add it to %s (or run the test with -update-access):\n%s",
				line.key(), m.path, row)
		case was != row:
			assert.Fail(t, "access has changed", "%s\nin %s:\n%s\nobserved:\n%s", line.key(), m.path, was, row)
		}
	}
	for key := range committed {
		assert.Fail(t, "a row has no object", "%s is in %s and not in the database: remove the row", key, m.path)
	}
}
