package rules_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// accessTopics are topics of ours and such as pretend to be.
var accessTopics = []string{
	"conversation:{visitor_chat}",
	"conversation:{other_chat}",
	"conversation:{outside_chat}",
	"conversation:{nothing}",
	"conversation:{visitor_chat}:x",
	"conversation:{visitor_chat}:typing",
	"conversation:{outside_chat}:typing",
	"conversation:{visitor_chat}:x:typing",
	"CONVERSATION:{visitor_chat}",
	"project:{acme}:agents",
	"project:{outside}:agents",
	"project:{acme}:widget",
	"project:{acme}",
	"presence:{acme}",
	"presence:{outside}",
	"agent:{agent}",
	"agent:{admin}",
	"agent:{outside_agent}",
	"agent:{visitor}",
	"agent:not-a-uuid",
	"somebody-elses-topic",
	"",
}

// topicCells asks Realtime's questions for each topic: is a probe row of it visible (receive), may one be inserted
// (send)? Both for broadcasts and for presence, which Realtime decides apart.
func (w accessWorld) topicCells(t *testing.T) []matrixLine {
	t.Helper()
	var lines []matrixLine
	for _, topic := range accessTopics {
		for _, extension := range []string{"broadcast", "presence"} {
			line := matrixLine{subject: topic, detail: extension, cells: map[string]string{}}
			for _, actor := range accessActors {
				line.cells[actor.name] = w.topicCell(t, actor, fillTopic(topic), extension)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// topicCell makes the probe row as the owner of the table: Realtime inserts it before it takes the role of the client.
func (w accessWorld) topicCell(t *testing.T, actor accessActor, topic, extension string) string {
	t.Helper()
	var cell string
	scratch(t, w.conn, func() {
		_, err := w.conn.Exec(t.Context(), `insert into realtime.messages (topic, extension) values ($1, $2)`, topic, extension)
		require.NoError(t, err)
		_, err = w.conn.Exec(t.Context(), `select set_config('realtime.topic', $1, true)`, topic)
		require.NoError(t, err)
		results := w.attempt(t, actor, []string{
			fmt.Sprintf(`select 1 from realtime.messages as m where m.topic = %s and m.extension = '%s'`, sqlText(topic), extension),
			fmt.Sprintf(`insert into realtime.messages (topic, extension) values (%s, '%s')`, sqlText(topic), extension),
		})
		require.True(t, results[0].ok(), results[0].text)
		switch receive, send := results[0].text != "0", results[1].ok(); {
		case receive && send:
			cell = "both"
		case receive:
			cell = "receive"
		case send:
			cell = "send"
		default:
			cell = cellRefused
		}
	})
	return cell
}
