package channels

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// serializer is one of the two ways to write Phoenix messages, chosen by the client with vsn.
type serializer uint8

const (
	// serializerV1 writes objects, text only.
	serializerV1 serializer = iota
	// serializerV2 writes arrays, and broadcasts as binary frames.
	serializerV2
	serializers // how many there are
)

// serializerFor returns the serializer of a vsn parameter; an absent one means 1.0.0.
func serializerFor(vsn string) (serializer, bool) {
	switch {
	case vsn == "" || strings.HasPrefix(vsn, "1.0."):
		return serializerV1, true
	case strings.HasPrefix(vsn, "2.0."):
		return serializerV2, true
	default:
		return 0, false
	}
}

// ref is a message's ref or join_ref as it stands in JSON: a quoted string, or null. Refs are echoed, never read.
type ref string

const noRef ref = "null"

func refOf(raw json.RawMessage) ref {
	if len(raw) == 0 {
		return noRef
	}
	return ref(raw)
}

// Events of Phoenix and of Realtime.
const (
	eventJoin          = "phx_join"
	eventLeave         = "phx_leave"
	eventReply         = "phx_reply"
	eventClose         = "phx_close"
	eventHeartbeat     = "heartbeat"
	eventBroadcast     = "broadcast"
	eventPresence      = "presence"
	eventPresenceState = "presence_state"
	eventPresenceDiff  = "presence_diff"
	eventAccessToken   = "access_token"
	eventSystem        = "system"
)

// push is one message from a client. Its byte slices point into the frame it came in: what is kept must be copied.
type push struct {
	joinRef, ref ref
	topic, event string
	// payload is JSON; nil when user is set.
	payload json.RawMessage
	// user is set for a broadcast that came as a binary frame.
	user *userMessage
}

// userMessage is an application's own message inside a broadcast.
type userMessage struct {
	event string
	// raw says that payload is bytes of the application's; else it is JSON.
	raw     bool
	payload []byte
	// meta is a JSON object, or empty.
	meta []byte
}

// Kinds of binary frames. Stock Phoenix knows 0 to 2 as well; no client of Realtime sends them.
const (
	kindUserPush      = 3
	kindUserBroadcast = 4
)

// errUndecodable is matched by every error of decode. Such frames are dropped and the socket stays.
var errUndecodable = errors.New("frame is not a Phoenix message")

// decode reads one frame of a client.
func (s serializer) decode(binary bool, data []byte) (push, error) {
	switch {
	case binary && s == serializerV2:
		return decodeUserPush(data)
	case binary:
		return push{}, fmt.Errorf("%w: binary under vsn 1", errUndecodable)
	case s == serializerV2:
		return decodeArray(data)
	default:
		return decodeObject(data)
	}
}

func decodeObject(data []byte) (push, error) {
	var message struct {
		Topic   *string         `json:"topic"`
		Event   *string         `json:"event"`
		Payload json.RawMessage `json:"payload"`
		Ref     json.RawMessage `json:"ref"`
		JoinRef json.RawMessage `json:"join_ref"`
	}
	if err := json.Unmarshal(data, &message); err != nil {
		return push{}, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	if message.Topic == nil || message.Event == nil {
		return push{}, fmt.Errorf("%w: no topic or no event", errUndecodable)
	}
	return push{
		joinRef: refOf(message.JoinRef), ref: refOf(message.Ref),
		topic: *message.Topic, event: *message.Event, payload: message.Payload,
	}, nil
}

func decodeArray(data []byte) (push, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return push{}, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	if len(parts) != 5 {
		return push{}, fmt.Errorf("%w: %d elements, want 5", errUndecodable, len(parts))
	}
	message := push{joinRef: refOf(parts[0]), ref: refOf(parts[1]), payload: parts[4]}
	topic, event := asString(parts[2]), asString(parts[3])
	if topic == nil || event == nil {
		return push{}, fmt.Errorf("%w: topic and event must be strings", errUndecodable)
	}
	message.topic, message.event = *topic, *event
	return message, nil
}

// decodeUserPush reads a kind 3 frame: seven bytes of lengths, then the parts without separators.
func decodeUserPush(data []byte) (push, error) {
	const lengths = 7
	if len(data) < lengths || data[0] != kindUserPush || data[6] > 1 {
		return push{}, fmt.Errorf("%w: not a user broadcast push", errUndecodable)
	}
	rest := data[lengths:]
	var parts [5][]byte
	for i := range parts {
		size := int(data[i+1])
		if size > len(rest) {
			return push{}, fmt.Errorf("%w: shorter than its lengths say", errUndecodable)
		}
		parts[i], rest = rest[:size], rest[size:]
	}
	user := &userMessage{event: string(parts[3]), raw: data[6] == 0, payload: rest}
	// The receivers' clients throw on bad JSON, outside of anything the application could catch.
	if !user.raw && !validJSON(rest) {
		return push{}, fmt.Errorf("%w: the payload is not JSON", errUndecodable)
	}
	return push{
		joinRef: quotedRef(parts[0]), ref: quotedRef(parts[1]),
		topic: string(parts[2]), event: eventBroadcast, user: user,
	}, nil
}

func quotedRef(text []byte) ref {
	if len(text) == 0 {
		return noRef
	}
	return ref(appendQuoted(nil, string(text)))
}

// validJSON also wants valid UTF-8: browsers close a connection that sends them anything else in a text frame.
func validJSON(data []byte) bool {
	return utf8.Valid(data) && json.Valid(data)
}

// text encodes a message as a text frame. The first serializer has no place for joinRef.
func (s serializer) text(joinRef, messageRef ref, topic, event string, payload []byte) frame {
	buffer := newFrame(len(joinRef) + len(messageRef) + len(topic) + len(event) + len(payload) + 48)
	if s == serializerV1 {
		buffer = append(append(buffer, `{"ref":`...), messageRef...)
		buffer = appendQuoted(append(buffer, `,"event":`...), event)
		buffer = append(append(buffer, `,"payload":`...), payload...)
		buffer = appendQuoted(append(buffer, `,"topic":`...), topic)
		return seal(finText, append(buffer, '}'))
	}
	buffer = append(append(append(buffer, '['), joinRef...), ',')
	buffer = append(append(buffer, messageRef...), ',')
	buffer = append(appendQuoted(buffer, topic), ',')
	buffer = append(appendQuoted(buffer, event), ',')
	return seal(finText, append(append(buffer, payload...), ']'))
}

// user encodes an application's message for the members of a topic. It returns nil where that cannot be: the first
// serializer has no raw bytes, and the binary form has one byte for each length.
func (s serializer) user(topic string, message *userMessage) frame {
	long := max(len(topic), len(message.event), len(message.meta)) > 255
	switch {
	case s == serializerV2 && !long:
		return userFrame(topic, message)
	case message.raw:
		return nil
	default:
		return s.text(noRef, noRef, topic, eventBroadcast, message.object())
	}
}

// userFrame writes a kind 4 frame. No part but the payload may be longer than 255 bytes.
func userFrame(topic string, message *userMessage) frame {
	encoding := byte(1)
	if message.raw {
		encoding = 0
	}
	buffer := newFrame(5 + len(topic) + len(message.event) + len(message.meta) + len(message.payload))
	buffer = append(buffer, kindUserBroadcast,
		byte(len(topic)), byte(len(message.event)), byte(len(message.meta)), encoding) //nolint:gosec // see the contract
	buffer = append(append(buffer, topic...), message.event...)
	return seal(finBinary, append(append(buffer, message.meta...), message.payload...))
}

// object is the message as the JSON object that a text broadcast carries.
func (m *userMessage) object() []byte {
	object := make([]byte, 0, len(m.event)+len(m.meta)+len(m.payload)+64)
	object = appendQuoted(append(object, `{"event":`...), m.event)
	if len(m.meta) > 0 {
		object = append(append(object, `,"meta":`...), m.meta...)
	}
	object = append(append(object, `,"payload":`...), m.payload...)
	return append(object, `,"type":"broadcast"}`...)
}

// appendQuoted appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(buffer []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) //nolint:errchkjson // strings always marshal
			return append(buffer, quoted...)
		}
	}
	return append(append(append(buffer, '"'), text...), '"')
}
