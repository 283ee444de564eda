package channels

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})

	for name, payload := range map[string]string{
		"without a config":               `{}`,
		"with fields of wrong types":     `{"config":{"broadcast":7,"presence":[],"postgres_changes":"x","private":{}},"access_token":1}`,
		"with null for everything":       `{"config":{"broadcast":null,"presence":null,"postgres_changes":null,"private":null},"access_token":null}`,
		"with a key of the new kind":     `{"config":{},"access_token":"sb_publishable_whatever"}`,
		"with a payload that is no map":  `[]`,
		"with an empty list of changes":  `{"config":{"postgres_changes":[]}}`,
		"with null among the changes":    `{"config":{"postgres_changes":[null]}}`,
		"with an unknown client version": `{"config":{},"version":"realtime-go/0"}`,
	} {
		t.Run(name+" is taken with defaults", func(t *testing.T) {
			t.Parallel()
			c := r.dial(t, "2.0.0")
			_, reply := c.join("realtime:a", payload)
			requireText(t, joinedReply, reply)
			c.expectNothing()
		})
	}

	for name, test := range map[string]struct{ topic, payload, reason string }{
		"of no topic":               {"realtime:", `{}`, "TopicNameRequired: You must provide a topic name"},
		"with a token that is none": {"realtime:a", `{"access_token":"x"}`, "MalformedJWT: The token provided is not a valid JWT"},
		"with user_token, which wins,": {
			"realtime:a", `{"access_token":"` + r.ring.AnonJWT() + `","user_token":"x"}`,
			"MalformedJWT: The token provided is not a valid JWT",
		},
		"with a forged token": {
			"realtime:a", `{"access_token":"` + forged(r.ring.AnonJWT()) + `"}`,
			"JwtSignatureError: Failed to validate JWT signature",
		},
		"with a token without role": {
			"realtime:a", `{"access_token":"` + r.sign(t, map[string]any{"exp": 4102444800}) + `"}`,
			"InvalidJWTToken: Fields `role` and `exp` are required in JWT",
		},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			c := r.dial(t, "2.0.0")
			_, reply := c.join(test.topic, test.payload)
			require.Equal(t, `{"status":"error","response":{"reason":"`+test.reason+`"}}`, reply)
			c.expectNothing()
		})
	}

	t.Run("with an expired token says since when", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		_, reply := c.join("realtime:a", `{"access_token":"`+r.sign(t, map[string]any{"role": "anon", "exp": 1})+`"}`)
		require.Regexp(t, `"InvalidJWTToken: Token has expired \d{9,} seconds ago"`, reply)
	})
	t.Run("of postgres_changes echoes them and then refuses them", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		change := `{"event":"*","schema":"public","table":"t"}`
		_, reply := c.join("realtime:a", `{"config":{"postgres_changes":[`+change+`,`+change+`]}}`)
		require.Regexp(t, `^{"status":"ok","response":{"postgres_changes":\[({"event":"\*","id":\d+,"schema":"public","table":"t"}),({.*})\]}}$`, reply)
		c.expect(`["1",null,"realtime:a","system",{"extension":"postgres_changes","status":"error","message":"` +
			errNoChanges.Error() + `","channel":"a"}]`)
	})
}

func TestLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})

	t.Run("answers, closes and ends delivery", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		joinRef := c.mustJoin("realtime:leave", `{"broadcast":{"self":true}}`)
		c.send(`["%s","9","realtime:leave","phx_leave",{}]`, joinRef)
		c.expect(`["1","9","realtime:leave","phx_reply",{"status":"ok","response":{}}]`, `["1","1","realtime:leave","phx_close",{}]`)
		status, _ := r.post(t, "/api/broadcast/leave/events/e", "application/json", `{}`)
		require.Equal(t, 202, status)
		c.expectNothing()
		require.Nil(t, r.hub.find(roomKey{topic: "realtime:leave"}), "an empty room must be removed")
	})
	t.Run("of an unknown topic is fine", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.send(`["4","9","realtime:never","phx_leave",{}]`)
		c.expect(`["4","9","realtime:never","phx_reply",{"status":"ok","response":{}}]`)
	})
	t.Run("of anything else on an unknown topic is unmatched", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.send(`["4","9","realtime:never","broadcast",{}]`)
		c.expect(`[null,"9","realtime:never","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	})
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	const hello = `{"type":"broadcast","event":"e","payload":{"a":1}}`

	t.Run("reaches everybody else in the room and no other room", func(t *testing.T) {
		t.Parallel()
		sender, listener, stranger := r.dial(t, "2.0.0"), r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		joinRef := sender.mustJoin("realtime:one", `{"broadcast":{"ack":true}}`)
		listener.mustJoin("realtime:one", `{}`)
		stranger.mustJoin("realtime:two", `{}`)
		sender.send(`["%s","7","realtime:one","broadcast",%s]`, joinRef, hello)
		sender.expect(`["1","7","realtime:one","phx_reply",{"status":"ok","response":{}}]`)
		listener.expect(`[null,null,"realtime:one","broadcast",{"event":"e","payload":{"a":1},"type":"broadcast"}]`)
		stranger.expectNothing()
		sender.expectNothing()
	})
	t.Run("comes back to its sender before the acknowledgement", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		joinRef := c.mustJoin("realtime:self", `{"broadcast":{"ack":"true","self":"true"}}`)
		c.sendBinary(userPush(joinRef, "7", "realtime:self", "e", 1, `{"a":1}`))
		c.expect(userBroadcast("realtime:self", "e", 1, `{"a":1}`), `["1","7","realtime:self","phx_reply",{"status":"ok","response":{}}]`)
	})
	t.Run("keeps keys that Realtime does not know", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:extra", `{"broadcast":{"self":true}}`)
		c.send(`["1","7","realtime:extra","broadcast",{"type":"broadcast","zeta":[1],"event":"e"}]`)
		c.expect(`[null,null,"realtime:extra","broadcast",{"event":"e","type":"broadcast","zeta":[1]}]`)
	})
	t.Run("in binary reaches vsn 1 as JSON, but not as raw bytes", func(t *testing.T) {
		t.Parallel()
		sender, old := r.dial(t, "2.0.0"), r.dial(t, "1.0.0")
		old.send(`{"topic":"realtime:mixed","event":"phx_join","payload":{},"ref":"1","join_ref":"1"}`)
		old.expect(`{"ref":"1","event":"phx_reply","payload":` + joinedReply + `,"topic":"realtime:mixed"}`)
		joinRef := sender.mustJoin("realtime:mixed", `{}`)
		sender.sendBinary(userPush(joinRef, "7", "realtime:mixed", "raw", 0, "\xff"))
		sender.sendBinary(userPush(joinRef, "8", "realtime:mixed", "\xe9", 1, `{"a":1}`))
		old.expect(`{"ref":null,"event":"broadcast","payload":{"event":"` + "\\ufffd" + `","payload":{"a":1},"type":"broadcast"},"topic":"realtime:mixed"}`)
	})
	t.Run("in text from vsn 1 reaches vsn 2 as text", func(t *testing.T) {
		t.Parallel()
		old, listener := r.dial(t, "1.0.0"), r.dial(t, "2.0.0")
		listener.mustJoin("realtime:back", `{}`)
		old.send(`{"topic":"realtime:back","event":"phx_join","payload":{},"ref":"1","join_ref":"1"}`)
		old.next()
		old.send(`{"topic":"realtime:back","event":"broadcast","payload":%s,"ref":"2","join_ref":"1"}`, hello)
		listener.expect(`[null,null,"realtime:back","broadcast",{"event":"e","payload":{"a":1},"type":"broadcast"}]`)
	})
	t.Run("keeps the order of its sender", func(t *testing.T) {
		t.Parallel()
		sender, listener := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		joinRef := sender.mustJoin("realtime:order", `{}`)
		listener.mustJoin("realtime:order", `{}`)
		const messages = 1000
		for i := range messages {
			sender.sendBinary(userPush(joinRef, "7", "realtime:order", "e", 1, fmt.Sprint(i)))
		}
		for i := range messages {
			listener.expect(userBroadcast("realtime:order", "e", 1, fmt.Sprint(i)))
		}
	})
	t.Run("that is no object is dropped without a word", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:odd", `{"broadcast":{"ack":true,"self":true}}`)
		c.send(`["1","7","realtime:odd","broadcast",[1]]`)
		c.expectNothing()
	})
}

func TestBroadcastThatIsTooLarge(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{MaxPayloadBytes: 100})
	large := `{"a":"` + strings.Repeat("x", 100) + `"}`

	t.Run("is dropped and the acknowledgement says so", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		joinRef := c.mustJoin("realtime:large", `{"broadcast":{"ack":true,"self":true}}`)
		c.sendBinary(userPush(joinRef, "7", "realtime:large", "e", 1, large))
		c.expect(`["1","7","realtime:large","phx_reply",{"status":"error","response":"payload_size_exceeded"}]`)
	})
	t.Run("is dropped without a word when nobody waits", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:large", `{"broadcast":{"self":true}}`)
		c.send(`["1","7","realtime:large","broadcast",%s]`, large)
		c.expectNothing()
	})
	t.Run("ends a channel that wants to track it", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:large", `{}`)
		c.send(`["1","7","realtime:large","presence",{"event":"track","payload":%s}]`, large)
		c.expect(shutDownFrames("large", "Track message size exceeded")...)
		c.send(`["1","8","realtime:large","broadcast",{}]`)
		c.expect(`[null,"8","realtime:large","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	})
}

// shutDownFrames are what a socket's first channel gets when the server ends it.
func shutDownFrames(topic, why string) []string {
	return []string{
		fmt.Sprintf(`["1",null,%q,"system",{"extension":"system","status":"error","message":%q,"channel":%q}]`,
			"realtime:"+topic, why, topic),
		fmt.Sprintf(`["1","1",%q,"phx_close",{}]`, "realtime:"+topic),
	}
}
