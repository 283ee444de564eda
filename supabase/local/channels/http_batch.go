package channels

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// batchMessage is one element of a batch that has been found good.
type batchMessage struct {
	topic   string // without "realtime:"
	event   string
	payload json.RawMessage
	private bool
	id      string // empty for none
}

// fieldErrors says what is wrong with a message, by field.
type fieldErrors map[string][]string

// What can be wrong with a field.
const (
	blank   = "can't be blank"
	invalid = "is invalid"
)

// broadcastBatch sends a list of messages, or none of them when one is malformed. Messages that the policies refuse
// are dropped, and the answer is 202 all the same.
func (s *Server) broadcastBatch(w http.ResponseWriter, r *http.Request) {
	who := s.sender(w, r)
	if who == nil {
		return
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	if len(body) > 0 && !validJSON(body) {
		writeBadRequest(w)
		return
	}
	messages, wrong := s.parseBatch(body)
	if wrong != nil {
		writeErrors(w, map[string]any{"messages": wrong})
		return
	}
	if s.events.average(time.Now())+float64(len(messages)) > float64(s.options.Limits.EventsPerSecond) {
		writeMessage(w, http.StatusTooManyRequests, "Too many messages to broadcast, please reduce the batch size")
		return
	}
	s.sendBatch(r, who, messages)
	w.WriteHeader(http.StatusAccepted)
}

// parseBatch returns the messages, or what is wrong: a list with an entry for each message, or of sentences.
func (s *Server) parseBatch(body []byte) (messages []batchMessage, wrong any) {
	list := asObject(body)["messages"]
	elements := asList(list)
	switch {
	case len(elements) > 0:
	case list == nil || elements != nil || bytes.Equal(list, []byte("null")):
		return nil, []string{blank}
	default:
		return nil, []string{invalid}
	}
	faults := make([]fieldErrors, len(elements))
	faulty := false
	for i, element := range elements {
		object := asObject(element)
		if object == nil {
			return nil, []string{invalid}
		}
		message, errs := s.parseMessage(object)
		messages, faults[i] = append(messages, message), errs
		faulty = faulty || len(errs) > 0
	}
	if faulty {
		return nil, faults
	}
	return messages, nil
}

func (s *Server) parseMessage(object map[string]json.RawMessage) (batchMessage, fieldErrors) {
	errs := fieldErrors{}
	message := batchMessage{
		topic:   errs.requireText(object, "topic"),
		event:   errs.requireText(object, "event"),
		payload: errs.requireObject(object, "payload"),
		private: asBool(object["private"]),
		id:      asText(object["id"]),
	}
	if len(message.payload) > s.options.MaxPayloadBytes {
		errs["payload"] = []string{payloadTooLarge}
	}
	return message, errs
}

// requireText returns a field that must be a string with something in it, and notes what is wrong with it.
func (e fieldErrors) requireText(object map[string]json.RawMessage, field string) string {
	if e.missing(object, field) {
		return ""
	}
	text := asString(object[field])
	switch {
	case text == nil:
		e[field] = []string{invalid}
		return ""
	case *text == "":
		e[field] = []string{blank}
	}
	return *text
}

// requireObject does the same for a field that must be an object.
func (e fieldErrors) requireObject(object map[string]json.RawMessage, field string) json.RawMessage {
	if !e.missing(object, field) && asObject(object[field]) == nil {
		e[field] = []string{invalid}
	}
	return object[field]
}

func (e fieldErrors) missing(object map[string]json.RawMessage, field string) bool {
	if raw, found := object[field]; found && string(raw) != "null" {
		return false
	}
	e[field] = []string{blank}
	return true
}

// sendBatch sends the public messages in their order, then the private ones topic by topic, each topic's in their
// order. The policies are asked once for each topic.
func (s *Server) sendBatch(r *http.Request, who *identity, messages []batchMessage) {
	var topics []string
	private := make(map[string][]batchMessage)
	for _, message := range messages {
		if !message.private {
			s.sendMessage(message)
			continue
		}
		if private[message.topic] == nil {
			topics = append(topics, message.topic)
		}
		private[message.topic] = append(private[message.topic], message)
	}
	for _, topic := range topics {
		allowed, err := s.authorizer.mayWrite(r.Context(), subjectOf(who, topic, r.Header), broadcastExtension)
		if err != nil {
			s.options.Logger.WarnContext(r.Context(), "policies not asked", "topic", topic, "err", err)
		}
		for _, message := range private[topic] {
			if allowed {
				s.sendMessage(message)
			}
		}
	}
}

// sendMessage delivers a batch's message as a text frame, with its id, if it has one, as meta.
func (s *Server) sendMessage(message batchMessage) {
	object := map[string]json.RawMessage{
		"type":    json.RawMessage(`"broadcast"`),
		"event":   mustMarshal(message.event),
		"payload": message.payload,
	}
	if message.id != "" {
		object["meta"] = mustMarshal(map[string]string{"id": message.id})
	}
	key := roomKey{topic: topicPrefix + message.topic, private: message.private}
	m := newBroadcast(key.topic, object)
	m.id = message.id
	s.send(s.hub.find(key), m, nil)
}
