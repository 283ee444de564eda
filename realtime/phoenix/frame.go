package phoenix

import (
	"encoding/json"
	"errors"
	"fmt"
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

// frame is one protocol message of vsn 2.0.0. Empty refs are null on the wire.
type frame struct {
	joinRef, ref, topic, event string
	payload                    json.RawMessage
}

// encode writes the frame. The payload goes in as it is and must be valid JSON.
func (f frame) encode() []byte {
	buffer := make([]byte, 0, len(f.payload)+len(f.topic)+64)
	buffer = append(buffer, '[')
	buffer = append(appendRef(buffer, f.joinRef), ',')
	buffer = append(appendRef(buffer, f.ref), ',')
	buffer = append(appendString(buffer, f.topic), ',')
	buffer = append(appendString(buffer, f.event), ',')
	buffer = append(buffer, f.payload...)
	return append(buffer, ']')
}

func appendRef(buffer []byte, ref string) []byte {
	if ref == "" {
		return append(buffer, "null"...)
	}
	return appendString(buffer, ref)
}

func appendString(buffer []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always encodes
	return append(buffer, quoted...)
}

// decodeFrame reads a text frame. The result does not share memory with data.
func decodeFrame(data []byte) (frame, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return frame{}, fmt.Errorf("decode frame: %w", err)
	}
	if len(parts) != 5 {
		return frame{}, errFrame
	}
	decoded := frame{payload: parts[4]}
	for i, field := range []*string{&decoded.joinRef, &decoded.ref, &decoded.topic, &decoded.event} {
		// null leaves the field empty
		if err := json.Unmarshal(parts[i], field); err != nil {
			return frame{}, fmt.Errorf("decode frame: part %d: %w", i, err)
		}
	}
	return decoded, nil
}

// wireTopic is the channel name on the wire.
func wireTopic(topic realtime.Topic) string { return topicPrefix + string(topic) }

// broadcastPayload is the payload of a push. Text frames carry it in this shape in both protocol versions.
func broadcastPayload(message realtime.Message) ([]byte, error) {
	if !json.Valid(message.Payload) {
		// Realtime drops a frame it cannot parse without a word; the push would time out for ever.
		return nil, &RefusedError{Topic: message.Topic, Reason: "payload is not valid JSON"}
	}
	buffer := make([]byte, 0, len(message.Payload)+len(message.Name)+64)
	buffer = append(buffer, `{"type":"broadcast","event":`...)
	buffer = append(appendString(buffer, message.Name), `,"payload":`...)
	buffer = append(append(buffer, message.Payload...), '}')
	if len(buffer) > maxFrameBytes-len(message.Topic)-128 {
		return nil, &RefusedError{Topic: message.Topic, Reason: "payload exceeds the largest frame Realtime reads"}
	}
	return buffer, nil
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

// unmatchedTopic says that Realtime does not know the channel as joined.
const unmatchedTopic = "unmatched topic"

// refusedForGood says whether a join will be refused each time. Texts differ between versions, codes before the colon do not.
func refusedForGood(reason string) bool {
	code, _, _ := strings.Cut(reason, ":")
	switch code {
	case "Unauthorized", "PrivateOnly", "TopicNameRequired", unmatchedTopic:
		return true
	default:
		return false
	}
}
