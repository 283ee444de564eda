package rules_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const fileID = "0f0e0d0c-0b0a-4908-8706-050403020100"

// filePath is SQL for where a file of the chat is.
func filePath(chat string) string { return "{" + chat + "} || '/" + fileID + "/a.png'" }

// accessFiles are names of objects in our bucket, and such as pretend to be.
var accessFiles = []string{
	"{visitor_chat}/" + fileID + "/a.png",
	"{other_chat}/" + fileID + "/a.png",
	"{outside_chat}/" + fileID + "/a.png",
	"{nothing}/" + fileID + "/a.png",
	"{visitor_chat}/a.png",
	"{visitor_chat}/" + fileID,
	"{visitor_chat}/" + fileID + "/deeper/a.png",
	"{visitor_chat}/" + fileID + "/..",
	"{visitor_chat}/" + fileID + "/a\"b.png",
	"/{visitor_chat}/" + fileID + "/a.png",
	"a.png",
}

// fileCells asks Storage's questions for each name: is its row visible (read), may one be inserted (add), changed or
// deleted? Chats are asked about while they are with an agent and after they were closed. A bucket that is not ours is
// never touched by our policies.
func (w accessWorld) fileCells(t *testing.T) []matrixLine {
	t.Helper()
	var lines []matrixLine
	for _, name := range accessFiles {
		for _, state := range []string{"open", "closed"} {
			lines = append(lines, w.fileLine(t, name, state, "handoff-attachments"))
		}
	}
	elsewhere := w.fileLine(t, accessFiles[0], "open", "somebody-elses")
	elsewhere.subject = "in another bucket: " + elsewhere.subject
	return append(lines, elsewhere)
}

func (w accessWorld) fileLine(t *testing.T, name, state, bucket string) matrixLine {
	t.Helper()
	line := matrixLine{subject: name, detail: state, cells: map[string]string{}}
	for _, actor := range accessActors {
		scratch(t, w.conn, func() {
			// As Storage's own API, which may delete where statements of others may not.
			_, err := w.conn.Exec(t.Context(), `select set_config('storage.allow_delete_query', 'true', true)`)
			require.NoError(t, err)
			_, err = w.conn.Exec(t.Context(), `insert into storage.buckets (id, name) values ('somebody-elses', 'somebody-elses')`)
			require.NoError(t, err)
			if state == "closed" {
				_, err := w.conn.Exec(t.Context(), `update public.conversations set status = 'closed' where status <> 'closed'`)
				require.NoError(t, err)
			}
			line.cells[actor.name] = w.fileCell(t, actor, bucket, fillTopic(name))
		})
	}
	return line
}

// fileCell makes the row of the file that is asked about as the owner of the table.
func (w accessWorld) fileCell(t *testing.T, actor accessActor, bucket, name string) string {
	t.Helper()
	_, err := w.conn.Exec(t.Context(), `insert into storage.objects (bucket_id, name) values ($1, $2)`, bucket, name)
	require.NoError(t, err)
	one := fmt.Sprintf(`bucket_id = %s and name = %s`, sqlText(bucket), sqlText(name))
	results := w.attempt(t, actor, []string{
		`select 1 from storage.objects where ` + one,
		// A unique violation comes after the policy's refusal.
		fmt.Sprintf(`insert into storage.objects (bucket_id, name) values (%s, %s)`, sqlText(bucket), sqlText(name)),
		`update storage.objects set version = '2' where ` + one,
		`delete from storage.objects where ` + one,
	})
	words := ""
	for i, may := range []bool{results[0].text != "0", results[1].ok() || results[1].state == "23505", results[2].text != "0", results[3].ok() && results[3].text != "0"} {
		if may {
			words += []string{"read ", "add ", "change ", "delete "}[i]
		}
	}
	switch words {
	case "":
		return cellRefused
	case "read add ":
		return "both"
	case "read add change delete ":
		return cellAll
	default:
		return words[:len(words)-1]
	}
}
