package rules_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// updateAccess lets a reviewer see a change of access as a diff.
var updateAccess = flag.Bool("update-access", false, "rewrite the tables under testdata/access from what is observed")

// openToStrangers are the functions that do something for anybody about any project, each with the reason.
var openToStrangers = map[string]string{
	"public.start_conversation":       "whoever opens the widget becomes a visitor of its project",
	"public.get_handoff_availability": "the widget asks before anybody has signed in",
	"public.track_visit":              "the widget of any visitor tells where they are; nothing is told back",
	"public.presence_enter":           "whoever opens the widget is there; only members see it, and the answer says nothing of others",
	"public.identify_customer":        "a visitor says who they are; the answer is the same for every address",
}

// TestAccess tries everything as everybody, and compares it with the committed tables. New objects need a row there.
func TestAccess(t *testing.T) { //nolint:tparallel // the subtests take turns on one connection
	t.Parallel()
	w := newAccessWorld(t)
	cells := 0

	t.Run("tables are as committed", func(t *testing.T) {
		lines := w.observeTables(t)
		cells += len(lines) * len(accessActors)
		readMatrix(t, "testdata/access/tables.md", "table", "operation").compare(t, lines)
		for _, line := range lines {
			if strings.HasPrefix(line.subject, "handoff.") {
				assert.Equal(t, refusedToAll(), line.cells, "%s: schema handoff is written by functions only", line.key())
			}
		}
	})

	t.Run("functions are as committed", func(t *testing.T) {
		functions := w.functions(t)
		lines := w.functionCells(t, functions)
		cells += len(lines) * len(accessActors)
		readMatrix(t, "testdata/access/functions.md", "function").compare(t, lines)
		for i, one := range functions {
			if one.trigger {
				assert.Equal(t, refusedToAll(), lines[i].cells, "%s: a trigger function is called by its trigger only", one.signature)
			}
		}
	})

	t.Run("topics are as committed", func(t *testing.T) {
		lines := w.topicCells(t)
		cells += len(lines) * len(accessActors)
		readMatrix(t, "testdata/access/topics.md", "topic", "extension").compare(t, lines)
	})

	t.Run("files are as committed", func(t *testing.T) {
		lines := w.fileCells(t)
		cells += len(lines) * len(accessActors)
		readMatrix(t, "testdata/access/files.md", "file", "chat").compare(t, lines)
	})

	t.Logf("matrix_cells=%d", cells)
	if path := os.Getenv("HANDOFF_ACCESS_STATS"); path != "" {
		require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "matrix_cells=%d\n", cells), 0o600))
	}
}

func refusedToAll() map[string]string {
	cells := map[string]string{}
	for _, actor := range accessActors {
		cells[actor.name] = cellRefused
	}
	return cells
}

// TestNobodyReachesOthers demands of what was observed what must hold whatever the committed tables say.
func TestNobodyReachesOthers(t *testing.T) { //nolint:tparallel // the subtests take turns on one connection
	t.Parallel()
	w := newAccessWorld(t)

	t.Run("no function answers about what is none of the caller's business", func(t *testing.T) {
		for name, calls := range w.strangeAnswers(t) {
			assert.Contains(t, openToStrangers, name, "%s answers strangers. If that is right, say why in openToStrangers:\n%s",
				name, strings.Join(calls, "\n"))
		}
	})

	t.Run("a visitor reads the own messages and no other table", func(t *testing.T) {
		for _, line := range w.observeTables(t) {
			for _, visitor := range []string{"visitor", "other_visitor"} {
				cell := line.cells[visitor]
				if line.key() == "public.messages select" {
					assert.Equal(t, cellChats, cell)
					continue
				}
				assert.Contains(t, []string{cellRefused, cellNone}, withoutFootnote(cell), "%s for %s", line.key(), visitor)
			}
		}
	})

	t.Run("nobody moves a row into another project", func(t *testing.T) {
		for _, table := range w.relations(t) {
			for _, actor := range accessActors {
				if actor.role == "authenticated" && slices.Contains(w.grantsOn(t, actor, table).update, "project_id") {
					reach := tableReach{w: w, table: table, actor: actor}
					statements := reach.forEachRow(func(row accessRow) string {
						return fillWords(fmt.Sprintf("update %s as t set project_id = {%s} where %s",
							table.name, otherProject(actor.home), reach.isRow(row)))
					})
					assert.NotContains(t, reach.touched(t, statements), true, "%s as %s", table.name, actor.name)
				}
			}
		}
	})

	t.Run("a removed agent is a stranger at once", func(t *testing.T) {
		scratch(t, w.conn, func() {
			_, err := w.conn.Exec(t.Context(), fillWords(`update public.project_members set status = 'removed' where id = {agent_member}`))
			require.NoError(t, err)
			lines := append(w.observeTables(t), w.functionCells(t, w.functions(t))...)
			for _, line := range lines {
				assert.Equal(t, line.cells["plain"], line.cells["agent"], line.key())
			}
			for _, topic := range []string{"conversation:{visitor_chat}", "project:{acme}:agents", "presence:{acme}"} {
				assert.Equal(t, cellRefused, w.topicCell(t, accessActorNamed("agent"), fillTopic(topic), "broadcast"), topic)
			}
		})
	})
}

// strangeAnswers are the calls of exposed functions by clients that were answered, or refused in a way that tells
// something, though they are about somebody else: by the function's name.
func (w accessWorld) strangeAnswers(t *testing.T) map[string][]string {
	t.Helper()
	functions := slices.DeleteFunc(w.functions(t), func(one accessFunction) bool { return !one.exposed })
	strange := map[string][]string{}
	for _, actor := range accessActors {
		for i, results := range w.callAll(t, actor, functions) {
			one := functions[i]
			for place, object := range one.objects() {
				if actor.role != "service_role" && !actor.mayCallAbout(one, object) && !slices.Contains(refusals, results[place]) {
					strange[one.name] = append(strange[one.name],
						fmt.Sprintf("%s about what is of %s: %s", actor.name, objectOwners[object], results[place]))
				}
			}
		}
	}
	return strange
}

// refusals are the results of a call that tell a stranger nothing.
var refusals = []string{cellRefused, "400", "401", "403", "404", "access_denied", "false"}

// objectOwners say whose the objects of accessObjects are.
var objectOwners = [3]string{"visitor", "other_visitor", "the outside project"}

// mayCallAbout says whether the object is the actor's to ask about: staff asks about everything in its project, visitors
// about their own.
func (a accessActor) mayCallAbout(called accessFunction, object int) bool {
	home := [3]string{"acme", "acme", "outside"}[object]
	switch a.name {
	case "owner", "admin", "agent", "outside_agent":
		return a.home == home
	case "visitor":
		return object == 0 && called.takes("conversation_id")
	case "other_visitor":
		return object == 1 && called.takes("conversation_id")
	default:
		return false
	}
}

func otherProject(project string) string {
	if project == "acme" {
		return "outside"
	}
	return "acme"
}

func withoutFootnote(cell string) string {
	word, _, _ := strings.Cut(cell, "(")
	return word
}

func (w accessWorld) observeTables(t *testing.T) []matrixLine {
	t.Helper()
	var lines []matrixLine
	for _, table := range w.relations(t) {
		lines = append(lines, w.tableCells(t, table)...)
	}
	return lines
}
