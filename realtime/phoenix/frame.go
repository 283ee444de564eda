package phoenix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/supportbase/handoff/realtime"
)

const (
	// topicPrefix opens every channel name on the wire.
	topicPrefix = "realtime:"
	// heartbeatTopic is the one topic without it.
	heartbeatTopic = "phoenix"
	// maxFrameBytes is where Realtime closes the whole connection (code 1009) instead of refusing the one message.
	maxFrameBytes = 5_000_000
	// frameOverhead is more than a frame has besides topic, name and payload.
	frameOverhead = 256
)

// Events of the channel protocol.
const (
	eventJoin      = "phx_join"
	eventLeave     = "phx_leave"
	eventReply     = "phx_reply"
	eventClose     = "phx_close"
	eventError     = "phx_error"
	eventSystem    = "system"
	eventHeartbeat = "heartbeat"
	eventBroadcast = "broadcast"
)

var errFrame = errors.New("frame is not an array of join_ref, ref, topic, event, payload")

// emptyPayload goes with events that have nothing to say.
var emptyPayload = json.RawMessage("{}")

// frame is one protocol message of vsn 2.0.0. Refs count from one; a zero is null on the wire.
type frame struct {
	joinRef, ref uint64
	topic, event string
	payload      json.RawMessage
}

// encode writes the frame. The payload goes in as it is and must be valid JSON.
func (f frame) encode() []byte {
	buffer := f.appendHead(make([]byte, 0, len(f.payload)+len(f.topic)+64))
	buffer = append(buffer, f.payload...)
	return append(buffer, ']')
}

// appendHead writes everything before the payload.
func (f frame) appendHead(buffer []byte) []byte {
	buffer = append(buffer, '[')
	buffer = append(appendRef(buffer, f.joinRef), ',')
	buffer = append(appendRef(buffer, f.ref), ',')
	buffer = append(appendString(buffer, f.topic), ',')
	return append(appendString(buffer, f.event), ',')
}

func appendRef(buffer []byte, ref uint64) []byte {
	if ref == 0 {
		return append(buffer, "null"...)
	}
	buffer = append(buffer, '"')
	buffer = strconv.AppendUint(buffer, ref, 10)
	return append(buffer, '"')
}

func appendString(buffer []byte, text string) []byte {
	if isPlain(text) {
		buffer = append(buffer, '"')
		buffer = append(buffer, text...)
		return append(buffer, '"')
	}
	quoted, _ := json.Marshal(text) // a string always encodes
	return append(buffer, quoted...)
}

// isPlain says whether JSON has the text as it is: printable ASCII without quotes and backslashes.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// decodeFrame reads a text frame. The payload shares memory with data.
func decodeFrame(data []byte) (frame, error) {
	if decoded, ok := decodePlain(data); ok {
		return decoded, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return frame{}, fmt.Errorf("decode frame: %w", err)
	}
	if len(parts) != 5 {
		return frame{}, errFrame
	}
	var joinRef, ref string
	decoded := frame{payload: parts[4]}
	for i, field := range []*string{&joinRef, &ref, &decoded.topic, &decoded.event} {
		// null leaves the field empty
		if err := json.Unmarshal(parts[i], field); err != nil {
			return frame{}, fmt.Errorf("decode frame: part %d: %w", i, err)
		}
	}
	decoded.joinRef, decoded.ref = parseRef(joinRef), parseRef(ref)
	return decoded, nil
}

// parseRef gives zero for what is no ref of ours.
func parseRef(text string) uint64 {
	ref, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return ref
}

// decodePlain reads a frame written as Realtime writes its answers: no spaces, no escapes outside the payload. Answers are
// most of what arrives, and this takes a twentieth of the time. It gives false for anything else.
func decodePlain(data []byte) (frame, bool) {
	if len(data) < 2 || data[0] != '[' || data[len(data)-1] != ']' {
		return frame{}, false
	}
	rest := data[1 : len(data)-1]
	var parts [4][]byte
	for i := range parts {
		part, after, ok := cutPlain(rest)
		if !ok {
			return frame{}, false
		}
		parts[i], rest = part, after
	}
	if !json.Valid(rest) {
		return frame{}, false
	}
	return frame{
		joinRef: parseRef(string(parts[0])), ref: parseRef(string(parts[1])),
		topic: string(parts[2]), event: string(parts[3]), payload: rest,
	}, true
}

// cutPlain takes a plain string or null, and the comma behind it, from the front of data.
func cutPlain(data []byte) (part, rest []byte, ok bool) {
	if after, isNull := bytes.CutPrefix(data, []byte("null,")); isNull {
		return nil, after, true
	}
	if len(data) == 0 || data[0] != '"' {
		return nil, nil, false
	}
	part, rest, ok = bytes.Cut(data[1:], []byte(`",`))
	if !ok || !isPlain(string(part)) {
		return nil, nil, false
	}
	return part, rest, true
}

// wireTopic is the channel name on the wire.
func wireTopic(topic realtime.Topic) string { return topicPrefix + string(topic) }

// appendBroadcast writes the frame of a push up to the message's own payload; broadcastTail ends it. Text frames carry
// broadcasts in this shape in both protocol versions.
func appendBroadcast(buffer []byte, head frame, name string) []byte {
	buffer = head.appendHead(buffer)
	buffer = append(buffer, `{"type":"broadcast","event":`...)
	buffer = appendString(buffer, name)
	return append(buffer, `,"payload":`...)
}

var broadcastTail = []byte("}]")

// checkMessage refuses what would not come back as a refusal.
func checkMessage(message realtime.Message) error {
	if !json.Valid(message.Payload) {
		// Realtime drops a frame it cannot parse without a word; the push would time out for ever.
		return &RefusedError{Topic: message.Topic, Reason: "payload is not valid JSON"}
	}
	if len(message.Payload)+len(message.Topic)+len(message.Name) > maxFrameBytes-frameOverhead {
		return &RefusedError{Topic: message.Topic, Reason: "payload exceeds the largest frame Realtime reads"}
	}
	return nil
}

// joinPayload asks for acknowledgements and for nothing else. token is empty for sb_secret_ keys: they are not tokens,
// and Realtime then takes the one its gateway made of the key.
func joinPayload(private bool, token string) json.RawMessage {
	payload := map[string]any{"config": map[string]any{
		"broadcast":        map[string]any{"ack": true, "self": false},
		"presence":         map[string]any{"key": "", "enabled": false},
		"postgres_changes": []any{},
		"private":          private,
	}}
	if token != "" {
		payload["access_token"] = token
	}
	encoded, _ := json.Marshal(payload) // maps of strings and booleans always encode
	return encoded
}

// reply is the payload of phx_reply.
type reply struct {
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response"`
}

// reason is why a reply is not ok. Realtime's versions differ in where they put it: a bare string, or a field.
func (r reply) reason() string {
	var text string
	if json.Unmarshal(r.Response, &text) == nil && text != "" {
		return text
	}
	var fields struct {
		Reason string `json:"reason"`
		Error  string `json:"error"`
	}
	if json.Unmarshal(r.Response, &fields) == nil && fields.Reason+fields.Error != "" {
		return fields.Reason + fields.Error
	}
	return "status " + r.Status
}

// ok says whether Realtime has done what it was asked.
func (r reply) ok() bool { return r.Status == "ok" }

// plainOK is how Realtime writes the answer to a push.
var plainOK = []byte(`{"status":"ok","response":{}}`)

func decodeReply(payload json.RawMessage) (reply, error) {
	if bytes.Equal(payload, plainOK) {
		return reply{Status: "ok"}, nil
	}
	var decoded reply
	err := json.Unmarshal(payload, &decoded)
	return decoded, err
}

const (
	// unmatchedTopic says that Realtime does not know the channel as joined.
	unmatchedTopic = "unmatched topic"
	// tooManyMessages is the system error before a channel is closed because of the project's rate of messages.
	tooManyMessages = "Too many messages per second"
	// tooManyJoins is the code of a join refused because of the project's rate of joins.
	tooManyJoins = "ClientJoinRateLimitReached"
)

// refusalCode is the part of a reason that all versions of Realtime share: texts differ between them.
func refusalCode(reason string) string {
	code, _, _ := strings.Cut(reason, ":")
	return code
}

// refusedForGood says whether a join will be refused each time. "Unauthorized" may pass: Realtime says so as well while
// the database behind it restarts, and our key is one that no policy can refuse.
func refusedForGood(reason string) bool {
	switch refusalCode(reason) {
	case "PrivateOnly", "TopicNameRequired", unmatchedTopic:
		return true
	default:
		return false
	}
}
