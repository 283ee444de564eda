package channels

import "encoding/json"

// message is what all members of a room are sent. It is encoded when the first member of a serializer needs it and
// then shared. The room's lock guards it while it is being sent.
type message struct {
	topic string // with "realtime:"
	event string // of Phoenix
	// id is the meta.id that receivers see; empty for none.
	id string
	// payload is the JSON of a text message; unused when user is set.
	payload []byte
	// user is set for broadcasts that the second serializer sends as binary frames.
	user *userMessage

	encoded [serializers]bool
	frames  [serializers]frame
}

// newUserBroadcast makes the message of a binary push or of the HTTP endpoint for one message.
func newUserBroadcast(topic string, user *userMessage) *message {
	return &message{topic: topic, event: eventBroadcast, user: user}
}

// newBroadcast makes the message of a text push or of an HTTP batch: object goes to the members as it is.
func newBroadcast(topic string, object map[string]json.RawMessage) *message {
	return &message{topic: topic, event: eventBroadcast, payload: mustMarshal(object)}
}

// frame returns the encoding for a serializer; nil when it has none for this message.
func (m *message) frame(s serializer) frame {
	if !m.encoded[s] {
		m.encoded[s] = true
		m.frames[s] = m.encode(s)
	}
	return m.frames[s]
}

func (m *message) encode(s serializer) frame {
	if m.user != nil {
		return s.user(m.topic, m.user)
	}
	return s.text(noRef, noRef, m.topic, m.event, m.payload)
}
