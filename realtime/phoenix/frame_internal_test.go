package phoenix

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFrameEncodesAsRealtimeExpects(t *testing.T) {
	t.Parallel()
	// Frames that Realtime 2.122.0 was seen to accept.
	beat := frame{ref: "0", topic: "phoenix", event: "heartbeat", payload: json.RawMessage(`{}`)}
	assert.Equal(t, `[null,"0","phoenix","heartbeat",{}]`, string(beat.encode()))
	push := frame{
		joinRef: "1", ref: "2", topic: "realtime:raw1", event: "broadcast",
		payload: json.RawMessage(`{"type":"broadcast","event":"e1","payload":{"a":1}}`),
	}
	assert.Equal(t, `["1","2","realtime:raw1","broadcast",{"type":"broadcast","event":"e1","payload":{"a":1}}]`, string(push.encode()))
}

func TestFrameDecodesWhatRealtimeSends(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]frame{
		`[null,"0","phoenix","phx_reply",{"status":"ok","response":{}}]`: {
			ref: "0", topic: "phoenix", event: "phx_reply", payload: json.RawMessage(`{"status":"ok","response":{}}`),
		},
		`["1","1","realtime:raw1","phx_close",{}]`: {
			joinRef: "1", ref: "1", topic: "realtime:raw1", event: "phx_close", payload: json.RawMessage(`{}`),
		},
		`[null,null,"realtime:raw1","broadcast",{"event":"e1"}]`: {
			topic: "realtime:raw1", event: "broadcast", payload: json.RawMessage(`{"event":"e1"}`),
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

func TestPaceAllowsABurstAndThenTheRate(t *testing.T) {
	t.Parallel()
	limited, now := newPace(2), time.Now()
	assert.Zero(t, limited.take(now))
	assert.Zero(t, limited.take(now))
	delay := limited.take(now)
	assert.InDelta(t, 500*time.Millisecond, delay, float64(time.Millisecond))
	assert.Zero(t, limited.take(now.Add(delay)), "whoever waited as told is let through")
	assert.NotZero(t, limited.take(now.Add(delay)))
	assert.Zero(t, limited.take(now.Add(time.Hour)))
	assert.Zero(t, limited.take(now.Add(time.Hour)))
	assert.NotZero(t, limited.take(now.Add(time.Hour)), "idle time saves up one burst, not more")
}
