package broadcast_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

const (
	projectID      = "7b0c1f0e-6a53-4a39-9d2c-0f6f4f1f2a01"
	conversationID = "2f1d8f5a-93a4-4d0c-8a6e-5b9b7c0d1e02"
	agentID        = "c4a7c9be-1b7e-4f43-8f0b-6c1d2e3f4a03"
)

const visitorID = "a1f0c7d2-3b44-4c55-9d66-7e88f9a0b108"

// connectionPayload is what is told of a connection, without its end.
const connectionPayload = `{"connection_id":"b2e1d8c3-4c55-4d66-8e77-8f99a0b1c209","client_id":"` + visitorID + `","user_id":"` + visitorID + `",
	"role":"customer","name":"John","email":"john@example.com","data":{"plan":"pro"},"page":"https://example.com/pricing",
	"conversation_id":"` + conversationID + `","timestamp":"2026-03-01T09:30:00+00:00"`

// databasePayloads are what the database writes for each kind.
var databasePayloads = map[realtime.Kind]string{
	realtime.KindMessage: `{"message":{"id":"e2b8f0a4-5a0d-4d9e-9a53-0c7b1d2e3f04","conversation_id":"` + conversationID + `",
		"seq":12,"sender_type":"agent","sender_id":"` + agentID + `","content":"Hello, <b>Zoë</b>","metadata":{"source":"dashboard"},
		"client_message_id":"5c0e6a1b-7d2f-4e3a-9b8c-1d2e3f4a5b05","created_at":"2026-03-01T09:30:00.123456+00:00",
		"attachments":[{"path":"` + conversationID + `/8b1a9953-c461-4296-8ab3-3d1f0c2b7a06/map.png","name":"map.png",
			"mime_type":"image/png","size":20480}]}}`,
	realtime.KindStatusChanged: `{"conversation_id":"` + conversationID + `","old_status":"ai_active","new_status":"waiting",
		"handoff_reason":"button_click"}`,
	realtime.KindAgentAssigned: `{"agent":{"id":"` + agentID + `","name":"Sarah","avatar_url":null},"customer_name":"John",
		"preview":"I need help with my order","waiting_time_seconds":120,"queue_entered_at":"2026-03-01T09:28:00+00:00"}`,
	realtime.KindResolved: `{"conversation_id":"` + conversationID + `","resolved_by":"` + agentID + `","show_rating":true}`,
	realtime.KindNewConversation: `{"conversation":{"id":"` + conversationID + `","customer_name":null,"preview":"I need help",
		"handoff_reason":"keyword","priority":0,"queue_entered_at":"2026-03-01T09:28:00+00:00"}}`,
	realtime.KindQueueUpdated:  `{"waiting_count":2}`,
	realtime.KindQueuePosition: `{"conversation_id":"` + conversationID + `","position":3,"estimated_wait_minutes":8,"wait_p50_seconds":150,"wait_p90_seconds":420}`,
	realtime.KindPresenceChange: `{"client_id":"` + agentID + `","user_id":"` + agentID + `","name":"Sarah","email":"sarah@example.com","role":"agent","status":"online",
		"effective_status":"away","effective_reason":"connection_suspect","connection":"suspect",
		"timestamp":"2026-03-01T09:30:00+00:00","available_slots":3}`,
	realtime.KindVisitorPresence: `{"client_id":"` + visitorID + `","user_id":"` + visitorID + `","name":"John","email":"john@example.com",
		"role":"customer","status":"offline","effective_status":"offline","effective_reason":"wanted","connection":"gone",
		"timestamp":"2026-03-01T09:30:00+00:00","available_slots":0}`,
	realtime.KindPresenceEnter:  connectionPayload + `}`,
	realtime.KindPresenceUpdate: connectionPayload + `}`,
	realtime.KindPresenceLeave:  connectionPayload + `,"reason":"switched_pages","leave_data":null}`,
	realtime.KindPresenceOffline: `{"client_id":"` + visitorID + `","user_id":"` + visitorID + `","role":"customer","name":"John",
		"email":"john@example.com","reason":"lost","last_seen_at":"2026-03-01T09:29:30+00:00","timestamp":"2026-03-01T09:30:00+00:00"}`,
	realtime.KindPresenceDemand:      `{"conversation_id":"` + conversationID + `","next_beat_seconds":10}`,
	realtime.KindAvailabilityChanged: `{"available":false,"reason":"all_offline","show_button":false,"show_offline_form":true}`,
	realtime.KindConversationUpdated: `{"conversation":{"id":"` + conversationID + `","tags":["billing"],"priority":3,"required_skills":[],
		"is_spam":false,"satisfaction_rating":null,"customer_id":null,"customer_name":"John","customer_email":"john@example.com"}}`,
	realtime.KindConversationAutoClosed: `{"conversation_id":"` + conversationID + `","agent_id":"` + agentID + `","reason":"customer_inactive"}`,
	realtime.KindCustomerPresence: `{"conversation_id":"` + conversationID + `","agent_id":"` + agentID + `","status":"idle",
		"timestamp":"2026-03-01T09:30:00+00:00"}`,
	realtime.KindConversationOffered: `{"conversation_id":"` + conversationID + `","agent_id":"` + agentID + `","customer_name":"John",
		"preview":"My invoice is wrong","handoff_reason":"keyword","priority":0,"waiting_time_seconds":12,
		"expires_at":"2026-03-01T09:30:30+00:00","expires_in_seconds":30}`,
	realtime.KindOfferEnded:      `{"conversation_id":"` + conversationID + `","agent_id":"` + agentID + `","outcome":"withdrawn","reason":"claimed"}`,
	realtime.KindSettingsChanged: `{"project_id":"` + projectID + `"}`,
	realtime.KindMemberChanged: `{"member":{"id":"e2b8f0a4-5a0d-4d9e-9a53-0c7b1d2e3f07","user_id":"` + agentID + `","email":"sarah@example.com",
		"name":"Sarah","avatar_url":null,"role":"agent","status":"active","max_concurrent_chats":5}}`,
	realtime.KindNoteAdded: `{"note":{"id":"e2b8f0a4-5a0d-4d9e-9a53-0c7b1d2e3f06","conversation_id":"` + conversationID + `",
		"author_id":"` + agentID + `","content":"Called back","created_at":"2026-03-01T09:30:00+00:00"}}`,
}

func eventOf(kind realtime.Kind) realtime.Event {
	event := realtime.Event{
		ID: 9007199254740993, ProjectID: projectID, ConversationID: conversationID, Kind: kind, Seq: 12,
		Payload: json.RawMessage(databasePayloads[kind]),
	}
	if kind == realtime.KindQueuePosition || kind == realtime.KindPresenceDemand {
		event.Seq = 0 // state has no number
	}
	return event
}

// goldenMessage is a golden file: a message as subscribers of its topic meet it.
type goldenMessage struct {
	Topic   realtime.Topic  `json:"topic"`
	Event   string          `json:"event"`
	Private bool            `json:"private"`
	Payload json.RawMessage `json:"payload"`
}

func TestMessagesMatchTheGoldenFiles(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, kind := range realtime.Kinds() {
		require.Contains(t, databasePayloads, kind)
		messages, err := broadcast.Messages(eventOf(kind))
		require.NoError(t, err)
		for _, message := range messages {
			name := goldenName(message)
			if kind == realtime.KindVisitorPresence {
				name += ".visitor" // the same event as that of agents
			}
			require.False(t, seen[name], "two messages share the golden file %s", name)
			seen[name] = true
			compareGolden(t, name, encodeGolden(t, message))
		}
	}
	files, err := filepath.Glob(goldenPath("*"))
	require.NoError(t, err)
	assert.Len(t, files, len(seen), "a golden file has no message any more")
}

func TestMessages(t *testing.T) {
	t.Parallel()

	t.Run("only conversation topics carry a seq", func(t *testing.T) {
		t.Parallel()
		messages, err := broadcast.Messages(eventOf(realtime.KindAgentAssigned))
		require.NoError(t, err)
		require.Len(t, messages, 3)
		for _, message := range messages {
			onConversation := strings.HasPrefix(string(message.Topic), "conversation:")
			assert.Equal(t, onConversation, bytes.Contains(message.Payload, []byte(`"seq"`)), message.Topic)
		}
	})

	t.Run("an event without a number sends none", func(t *testing.T) {
		t.Parallel()
		event := eventOf(realtime.KindResolved)
		event.Seq = 0
		messages, err := broadcast.Messages(event)
		require.NoError(t, err)
		assert.NotContains(t, string(messages[0].Payload), "seq")
	})

	t.Run("fields that the wire does not list stay behind", func(t *testing.T) {
		t.Parallel()
		event := eventOf(realtime.KindQueueUpdated)
		event.Payload = json.RawMessage(`{"waiting_count":2,"ids":[1],"internal_note":"x"}`)
		messages, err := broadcast.Messages(event)
		require.NoError(t, err)
		assert.JSONEq(t, `{"v":1,"id":"9007199254740993","waiting_count":2}`, string(messages[0].Payload))
	})

	t.Run("only the widget's topic is public", func(t *testing.T) {
		t.Parallel()
		for kind := range databasePayloads {
			messages, err := broadcast.Messages(eventOf(kind))
			require.NoError(t, err)
			for _, message := range messages {
				assert.Equal(t, message.Topic != realtime.ProjectWidgetTopic(projectID), message.Private, message.Topic)
			}
		}
	})
}

func TestMessagesRefuse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind  realtime.Kind
		spoil func(*realtime.Event)
	}{
		"an unknown kind":            {"rating_given", func(*realtime.Event) {}},
		"no payload":                 {realtime.KindResolved, func(e *realtime.Event) { e.Payload = nil }},
		"a null payload":             {realtime.KindQueueUpdated, func(e *realtime.Event) { e.Payload = json.RawMessage("null") }},
		"an array":                   {realtime.KindQueueUpdated, func(e *realtime.Event) { e.Payload = json.RawMessage("[]") }},
		"a field of another type":    {realtime.KindQueueUpdated, func(e *realtime.Event) { e.Payload = json.RawMessage(`{"waiting_count":"2"}`) }},
		"no conversation":            {realtime.KindStatusChanged, func(e *realtime.Event) { e.ConversationID = "" }},
		"no project":                 {realtime.KindQueueUpdated, func(e *realtime.Event) { e.ProjectID = "" }},
		"an assignment without chat": {realtime.KindAgentAssigned, func(e *realtime.Event) { e.ConversationID = "" }},
		"an assignment to nobody":    {realtime.KindAgentAssigned, func(e *realtime.Event) { e.Payload = json.RawMessage("{}") }},
		"a message without an id":    {realtime.KindMessage, func(e *realtime.Event) { e.Payload = json.RawMessage(`{"message":{}}`) }},
		"a presence of nobody":       {realtime.KindPresenceChange, func(e *realtime.Event) { e.Payload = json.RawMessage("{}") }},
		"a connection as an array":   {realtime.KindPresenceEnter, func(e *realtime.Event) { e.Payload = json.RawMessage("[]") }},
		"a visitor as an array":      {realtime.KindVisitorPresence, func(e *realtime.Event) { e.Payload = json.RawMessage("[]") }},
		"a chat without an id":       {realtime.KindNewConversation, func(e *realtime.Event) { e.Payload = json.RawMessage("{}") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := eventOf(test.kind)
			test.spoil(&event)
			messages, err := broadcast.Messages(event)
			require.ErrorContains(t, err, "event 9007199254740993")
			assert.Empty(t, messages)
		})
	}
}

func FuzzMessages(f *testing.F) {
	for kind, payload := range databasePayloads {
		f.Add(string(kind), []byte(payload))
	}
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		event := eventOf(realtime.Kind(kind))
		event.Payload = payload
		messages, err := broadcast.Messages(event)
		if err != nil {
			return
		}
		require.NotEmpty(t, messages)
		for _, message := range messages {
			var fields map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(message.Payload, &fields))
			assert.NotContains(t, fields, "ids")
			assert.JSONEq(t, "1", string(fields["v"]))
		}
	})
}

func BenchmarkMessages(b *testing.B) {
	event := eventOf(realtime.KindMessage)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := broadcast.Messages(event); err != nil {
			b.Fatal(err)
		}
	}
}

// goldenName is <topic kind>.<event>, where the topic kind is the topic without its ids.
func goldenName(message realtime.Message) string {
	var kind []string
	for _, part := range strings.Split(string(message.Topic), ":") {
		if part != projectID && part != conversationID && part != agentID {
			kind = append(kind, part)
		}
	}
	return strings.Join(kind, "-") + "." + message.Name
}

func goldenPath(name string) string {
	return filepath.Join("..", "testdata", "events", name+".json")
}

func encodeGolden(t *testing.T, message realtime.Message) []byte {
	t.Helper()
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(goldenMessage{message.Topic, message.Name, message.Private, message.Payload}))
	return buffer.Bytes()
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(goldenPath(name), got, 0o644))
		return
	}
	want, err := os.ReadFile(goldenPath(name))
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(want), string(got), "%s: run with -update if the change is meant", name)
}
