package channels

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// replayJoin asks for messages of the past; replay is JSON.
func (c *client) replayJoin(name, replay string) (joinRef, reply string) {
	c.t.Helper()
	return c.join("realtime:"+name, `{"config":{"private":true,"broadcast":{"replay":`+replay+`}}}`)
}

func (r *feedRig) service(t *testing.T, vsn string) *client {
	t.Helper()
	return r.dialWith(t, vsn, r.ring.ServiceRoleJWT())
}

// pass returns when what was written before has been delivered to whoever was there: whoever joins now has it by replay
// or not at all.
func (r *feedRig) pass(t *testing.T) {
	t.Helper()
	c := r.listen(t, "2.0.0", "fence", true)
	r.exec(t, `select realtime.send('{}', 'e', 'fence')`)
	c.nextBroadcast("realtime:fence")
}

// write inserts private messages m1 to mN, a second apart, the last of them a minute ago.
func (r *feedRig) write(t *testing.T, name string, count int) {
	t.Helper()
	r.exec(t, `insert into realtime.messages (id, topic, extension, private, event, payload, inserted_at)
		select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, $1, 'broadcast', true, 'm' || n, '{"n": 1}',
			now() - interval '1 minute' - ($2 - n) * interval '1 second'
		from generate_series(1, $2::int) as n`, name, count)
	r.pass(t)
}

func replayedFrame(joinRef, name string, n int) string {
	return fmt.Sprintf(`[%q,null,"realtime:%s","broadcast",{"event":"m%d","meta":{"id":"00000000-0000-0000-0000-%012d",`+
		`"replayed":true},"payload":{"n": 1},"type":"broadcast"}]`, joinRef, name, n, n)
}

func ago(d time.Duration) int64 { return time.Now().Add(-d).UnixMilli() }

func TestReplay(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t, Options{})

	t.Run("brings the newest messages, oldest first, between the reply and the presence state", func(t *testing.T) {
		t.Parallel()
		r.write(t, "newest", 5)
		c := r.service(t, "2.0.0")
		joinRef, reply := c.join("realtime:newest", fmt.Sprintf(
			`{"config":{"private":true,"presence":{"enabled":true},"broadcast":{"replay":{"since":%d,"limit":3}}}}`, ago(time.Hour)))
		requireText(t, joinedReply, reply)
		for n := 3; n <= 5; n++ {
			c.expect(replayedFrame(joinRef, "newest", n))
		}
		c.expect(`["` + joinRef + `",null,"realtime:newest","presence_state",{}]`)
		c.expectNothing()
	})
	t.Run("begins at the instant that the join names", func(t *testing.T) {
		t.Parallel()
		r.write(t, "since", 5)
		c := r.service(t, "2.0.0")
		joinRef, _ := c.replayJoin("since", fmt.Sprintf(`{"since":%d}`, ago(61500*time.Millisecond)))
		c.expect(replayedFrame(joinRef, "since", 4), replayedFrame(joinRef, "since", 5))
		c.expectNothing()
	})
	t.Run("brings 25 messages at most and one at least", func(t *testing.T) {
		t.Parallel()
		r.write(t, "bounds", 30)
		for limit, want := range map[string]int{``: 25, `,"limit":null`: 25, `,"limit":99`: 25, `,"limit":0`: 1} {
			c := r.service(t, "2.0.0")
			joinRef, _ := c.replayJoin("bounds", fmt.Sprintf(`{"since":0%s}`, limit))
			for n := 31 - want; n <= 30; n++ {
				c.expect(replayedFrame(joinRef, "bounds", n))
			}
			c.expectNothing()
		}
	})
	t.Run("leaves out what is public, of another topic or extension, or nothing", func(t *testing.T) {
		t.Parallel()
		r.exec(t, `insert into realtime.messages (topic, extension, private, event, payload) values
			('left', 'broadcast', false, 'e', '{}'), ('other', 'broadcast', true, 'e', '{}'),
			('left', 'presence', true, 'e', '{}'), ('left', 'broadcast', true, 'e', null)`)
		r.pass(t)
		c := r.service(t, "2.0.0")
		_, reply := c.replayJoin("left", `{"since":0}`)
		requireText(t, joinedReply, reply)
		c.expectNothing()
	})
	t.Run("brings bytes to vsn 2 only", func(t *testing.T) {
		t.Parallel()
		r.exec(t, `select realtime.send_binary('\x0102', 'b', 'bytes')`)
		r.pass(t)
		two, one := r.service(t, "2.0.0"), r.service(t, "1.0.0")
		two.replayJoin("bytes", `{"since":0}`)
		got := two.nextBroadcast("realtime:bytes")
		assert.Equal(t, "\x01\x02", got.payload)
		assert.True(t, got.raw)
		assert.True(t, got.meta.Replayed)
		one.send(`{"topic":"realtime:bytes","event":"phx_join","payload":{"config":{"private":true,"broadcast":{"replay":{"since":0}}}},"ref":"1"}`)
		require.Contains(t, one.next(), "phx_reply")
		one.send(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"2"}`)
		require.Contains(t, one.next(), `"topic":"phoenix"`)
	})
	t.Run("does not deliver a message a second time", func(t *testing.T) {
		t.Parallel()
		r.write(t, "twice", 2)
		c, other := r.service(t, "2.0.0"), r.listen(t, "2.0.0", "twice", true)
		joinRef, _ := c.replayJoin("twice", `{"since":0}`)
		c.expect(replayedFrame(joinRef, "twice", 1), replayedFrame(joinRef, "twice", 2))
		// A copy that is still on its way from the database, then one from a sender that repeats itself over HTTP.
		r.deliver(t.Context(), row{
			id: "00000000-0000-0000-0000-000000000002", topic: "twice", event: "m2", private: true, payload: []byte(`{}`),
		})
		status, _ := r.postAs(t, r.ring.ServiceRoleJWT(), "/api/broadcast", jsonType,
			`{"messages":[{"topic":"twice","event":"m1","payload":{},"private":true,"id":"00000000-0000-0000-0000-000000000001"}]}`)
		require.Equal(t, 202, status)
		c.expectNothing()
		assert.Equal(t, "m2", other.nextBroadcast("realtime:twice").event)
		assert.Contains(t, other.next(), `"event":"m1"`)
	})
}

func TestReplayRefusals(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)
	refusal := func(reason string) string {
		return `{"status":"error","response":{"reason":"` + reason + `"}}`
	}
	const topic = "realtime:room:1"

	t.Run("a public channel has no past", func(t *testing.T) {
		t.Parallel()
		for _, replay := range []string{`{"since":0}`, `null`} {
			_, reply := r.dial(t, "2.0.0").join(topic, `{"config":{"broadcast":{"replay":`+replay+`}}}`)
			require.Equal(t, refusal("UnableToReplayMessages: Replay is not allowed for public channels"), reply)
		}
	})
	t.Run("since and limit must be whole numbers", func(t *testing.T) {
		t.Parallel()
		for _, replay := range []string{
			`{}`, `{"since":null}`, `{"since":"1"}`, `{"since":1.5}`, `{"since":1,"limit":"2"}`, `{"since":1,"limit":2.5}`,
		} {
			alice := r.as(t, "alice")
			require.Equal(t, refusal("UnableToReplayMessages: Replay params are not valid"),
				alice.enter(topic, `"broadcast":{"replay":`+replay+`}`), replay)
		}
	})
	t.Run("what is no object asks for nothing", func(t *testing.T) {
		t.Parallel()
		for _, replay := range []string{`null`, `7`, `[]`} {
			requireText(t, joinedReply, r.as(t, "alice").enter(topic, `"broadcast":{"replay":`+replay+`}`))
		}
	})
	t.Run("an instant that the database does not know cannot be replayed from", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, refusal("UnableToReplayMessages: Realtime was unable to replay messages"),
			r.as(t, "alice").enter(topic, `"broadcast":{"replay":{"since":9223372036854775807}}`))
	})
	t.Run("who may only see presence has no past", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, refusedReply("room:1"),
			r.as(t, "carol").enter(topic, `"presence":{"enabled":true},"broadcast":{"replay":{"since":0}}`))
	})
}
