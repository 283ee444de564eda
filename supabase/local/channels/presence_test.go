package channels

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func (c *client) track(topic, ref, payload string) {
	c.t.Helper()
	c.send(`["1","%s","%s","presence",{"type":"presence","event":"TRACK","payload":%s}]`, ref, topic, payload)
	c.expect(`["1","` + ref + `","` + topic + `","phx_reply",{"status":"ok","response":{}}]`)
}

func diffFrame(topic, joins, leaves string) string {
	return `[null,null,"` + topic + `","presence_diff",{"joins":` + joins + `,"leaves":` + leaves + `}]`
}

func stateFrame(topic, state string) string {
	return `["1",null,"` + topic + `","presence_state",` + state + `]`
}

func enabled(key string) string {
	return `{"presence":{"key":"` + key + `","enabled":true}}`
}

func TestPresence(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})

	t.Run("state comes to those who join, diffs to those who are there", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p1"
		first, second := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		first.mustJoin(topic, enabled("a"))
		first.expect(stateFrame(topic, `{}`))
		first.track(topic, "2", `{"z":1,"name":"first"}`)
		joined := `{"a":{"metas":[{"name":"first","phx_ref":"REF","z":1}]}}`
		first.expect(diffFrame(topic, joined, `{}`))
		second.mustJoin(topic, enabled("b"))
		second.expect(stateFrame(topic, joined))
		first.expectNothing()
	})
	t.Run("change tells the old and the new, no change tells nothing", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p2"
		c := r.dial(t, "2.0.0")
		c.mustJoin(topic, enabled("a"))
		c.expect(stateFrame(topic, `{}`))
		c.track(topic, "2", `{"n":1}`)
		c.expect(diffFrame(topic, `{"a":{"metas":[{"n":1,"phx_ref":"REF"}]}}`, `{}`))
		c.track(topic, "3", `{"n": 1}`)
		c.expectNothing()
		c.track(topic, "4", `{"n":2}`)
		c.expect(diffFrame(topic, `{"a":{"metas":[{"n":2,"phx_ref":"REF","phx_ref_prev":"REF"}]}}`,
			`{"a":{"metas":[{"n":1,"phx_ref":"REF"}]}}`))
	})
	t.Run("of one key on several sockets has several metas", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p3"
		phone, laptop, watcher := r.dial(t, "2.0.0"), r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		phone.mustJoin(topic, enabled("me"))
		phone.next()
		phone.track(topic, "2", `{"on":"phone"}`)
		laptop.mustJoin(topic, enabled("me"))
		laptop.next()
		laptop.track(topic, "2", `{"on":"laptop"}`)
		watcher.mustJoin(topic, enabled("watcher"))
		watcher.expect(stateFrame(topic, `{"me":{"metas":[{"on":"phone","phx_ref":"REF"},{"on":"laptop","phx_ref":"REF"}]}}`))
	})
	t.Run("ends with untrack, leave and a lost connection", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p4"
		watcher := r.dial(t, "2.0.0")
		watcher.mustJoin(topic, `{}`)
		for _, end := range []func(*client){
			func(c *client) { c.send(`["1","8","%s","presence",{"type":"presence","event":"untrack"}]`, topic) },
			func(c *client) { c.send(`["1","8","%s","phx_leave",{}]`, topic) },
			func(c *client) { c.conn.NetConn().Close() }, //nolint:errcheck // the connection is to be lost
		} {
			c := r.dial(t, "2.0.0")
			c.mustJoin(topic, enabled("k"))
			c.next()
			c.track(topic, "2", `{}`)
			entry := `{"k":{"metas":[{"phx_ref":"REF"}]}}`
			watcher.expect(diffFrame(topic, entry, `{}`))
			end(c)
			watcher.expect(diffFrame(topic, `{}`, entry))
		}
	})
	t.Run("of a channel that joined without it sends diffs and no state", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p5"
		c := r.dial(t, "2.0.0")
		c.mustJoin(topic, `{"presence":{"key":"late"}}`)
		c.track(topic, "2", `{}`)
		c.expect(diffFrame(topic, `{"late":{"metas":[{"phx_ref":"REF"}]}}`, `{}`))
	})
	t.Run("without a key gets a UUID", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p6"
		c := r.dial(t, "2.0.0")
		c.mustJoin(topic, enabled(""))
		c.next()
		c.track(topic, "2", `{}`)
		require.Regexp(t, `{"joins":{"[0-9a-f-]{36}":`, c.next())
	})
	t.Run("replies to what it does not understand", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p7"
		c := r.dial(t, "2.0.0")
		c.mustJoin(topic, `{}`)
		c.send(`["1","2","%s","presence",{"event":"dance"}]`, topic)
		c.expect(`["1","2","` + topic + `","phx_reply",{"status":"error","response":{}}]`)
		c.send(`["1","3","%s","presence",{"event":"track","payload":[1]}]`, topic)
		c.expect(`["1","3","` + topic + `","phx_reply",{"status":"error","response":{"reason":"Presence track payload must be a map"}}]`)
	})
	t.Run("moves to the new channel when a topic is joined again", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:p8"
		c, watcher := r.dial(t, "2.0.0"), r.dial(t, "2.0.0")
		watcher.mustJoin(topic, `{}`)
		c.mustJoin(topic, enabled("k"))
		c.next()
		c.track(topic, "2", `{}`)
		c.next()
		watcher.next()
		joinRef := c.mustJoin(topic, enabled("k"))
		c.expect(`["`+joinRef+`",null,"`+topic+`","presence_state",{}]`, `["1","1","`+topic+`","phx_close",{}]`)
		entry := `{"k":{"metas":[{"phx_ref":"REF"}]}}`
		watcher.expect(diffFrame(topic, `{}`, entry))
	})
}
