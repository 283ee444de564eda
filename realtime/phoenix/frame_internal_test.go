package phoenix

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFrameEncodesAsRealtimeExpects(t *testing.T) {
	t.Parallel()
	// Frames that Realtime 2.122.0 was seen to accept.
	beat := frame{ref: 7, topic: "phoenix", event: "heartbeat", payload: json.RawMessage(`{}`)}
	assert.Equal(t, `[null,"7","phoenix","heartbeat",{}]`, string(beat.encode()))
	push := frame{
		joinRef: 1, ref: 2, topic: "realtime:raw1", event: "broadcast",
		payload: json.RawMessage(`{"type":"broadcast","event":"e1","payload":{"a":1}}`),
	}
	assert.Equal(t, `["1","2","realtime:raw1","broadcast",{"type":"broadcast","event":"e1","payload":{"a":1}}]`, string(push.encode()))
}

func TestFrameDecodesWhatRealtimeSends(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]frame{
		`[null,"8","phoenix","phx_reply",{"status":"ok","response":{}}]`: {
			ref: 8, topic: "phoenix", event: "phx_reply", payload: json.RawMessage(`{"status":"ok","response":{}}`),
		},
		`["1","1","realtime:raw1","phx_close",{}]`: {
			joinRef: 1, ref: 1, topic: "realtime:raw1", event: "phx_close", payload: json.RawMessage(`{}`),
		},
		`[null,null,"realtime:raw1","broadcast",{"event":"e1"}]`: {
			topic: "realtime:raw1", event: "broadcast", payload: json.RawMessage(`{"event":"e1"}`),
		},
		`[ null, "x", "realtime:\u00e9", "system", {"a":[1,"]"]} ]`: {
			topic: "realtime:é", event: "system", payload: json.RawMessage(`{"a":[1,"]"]}`),
		},
	} {
		got, err := decodeFrame([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte(`["1","2","realtime:raw1","phx_reply",{"status":"ok","response":{}}]`))
	f.Add([]byte(`[null,null,"","",null]`))
	f.Add([]byte(`[1,2,3,4,5]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded, err := decodeFrame(data)
		if err != nil {
			return
		}
		again, err := decodeFrame(decoded.encode())
		require.NoError(t, err)
		assert.Equal(t, decoded, again)
	})
}

func TestReplyReason(t *testing.T) {
	t.Parallel()
	for response, want := range map[string]string{
		`"payload_size_exceeded"`:           "payload_size_exceeded",
		`{"error":"payload_size_exceeded"}`: "payload_size_exceeded",
		`{"reason":"unmatched topic"}`:      "unmatched topic",
		`{}`:                                "status error",
		`null`:                              "status error",
		``:                                  "status error",
	} {
		assert.Equal(t, want, reply{Status: "error", Response: json.RawMessage(response)}.reason(), response)
	}
}
