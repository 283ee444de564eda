package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// feedRig is a server that delivers what is written to the database, and the pool of the role that writes it.
type feedRig struct {
	*rig
	admin, postgres *pgxpool.Pool
	log             *syncBuffer
}

func newFeedRig(t *testing.T, options Options) *feedRig {
	t.Helper()
	db := localtest.New(t)
	r := &feedRig{admin: db.Pool(t, "supabase_admin"), postgres: db.Pool(t, "postgres"), log: &syncBuffer{}}
	options.DatabaseURL = db.URL("supabase_admin")
	options.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	r.rig = startRig(t, r.admin, options)
	return r
}

// syncBuffer takes log lines from several goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const readyText = "Replication connection established"

func systemFrame(joinRef, name, status, text string) string {
	return fmt.Sprintf(`[%q,null,"realtime:%s","system",{"extension":"system","status":%q,"message":%q,"channel":%q}]`,
		joinRef, name, status, text, name)
}

// listen joins a topic with the service key and returns when messages from the database reach it.
func (r *feedRig) listen(t *testing.T, vsn, name string, private bool) *client {
	t.Helper()
	c := r.dialWith(t, vsn, r.ring.ServiceRoleJWT())
	config := fmt.Sprintf(`{"config":{"private":%t,"broadcast":{"replication_ready":true}}}`, private)
	if vsn == "1.0.0" {
		c.send(`{"topic":"realtime:%s","event":"phx_join","payload":%s,"ref":"1","join_ref":"1"}`, name, config)
		c.next()
		require.Contains(t, c.next(), readyText)
		return c
	}
	joinRef, reply := c.join("realtime:"+name, config)
	requireText(t, joinedReply, reply)
	c.expect(systemFrame(joinRef, name, "ok", readyText))
	return c
}

func (r *feedRig) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := r.postgres.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// received is a kind 4 frame, taken apart.
type received struct {
	event, payload string
	raw            bool
	meta           struct {
		ID       string
		Replayed bool
	}
}

func (c *client) nextBroadcast(topic string) received {
	c.t.Helper()
	return parseBroadcast(c.t, topic, c.next())
}

func parseBroadcast(t *testing.T, topic, frame string) (got received) {
	t.Helper()
	require.Greater(t, len(frame), 5)
	require.Equal(t, byte(kindUserBroadcast), frame[0], "frame %s", frame)
	sizes, rest := []byte(frame[1:4]), frame[5:]
	got.raw = frame[4] == 0
	var parts [3]string
	for i, size := range sizes {
		parts[i], rest = rest[:size], rest[size:]
	}
	require.Equal(t, topic, parts[0])
	got.event, got.payload = parts[1], rest
	require.NoError(t, json.Unmarshal([]byte(parts[2]), &got.meta))
	return got
}

func TestMessagesFromTheDatabase(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t, Options{})

	t.Run("come with their id in meta and payload", func(t *testing.T) {
		t.Parallel()
		c := r.listen(t, "2.0.0", "sent", true)
		r.exec(t, `select realtime.send('{"a": 1}', 'e', 'sent')`)
		got := c.nextBroadcast("realtime:sent")
		assert.Equal(t, "e", got.event)
		assert.False(t, got.meta.Replayed)
		assert.JSONEq(t, `{"a":1,"id":"`+got.meta.ID+`"}`, got.payload)
		assert.Len(t, got.meta.ID, 36)
	})
	t.Run("keep an id that their sender gave the payload", func(t *testing.T) {
		t.Parallel()
		c := r.listen(t, "2.0.0", "own", true)
		r.exec(t, `select realtime.send('{"id": "mine"}', 'e', 'own')`)
		got := c.nextBroadcast("realtime:own")
		assert.JSONEq(t, `{"id":"mine"}`, got.payload)
		assert.Len(t, got.meta.ID, 36)
	})
	t.Run("come as an object under vsn 1", func(t *testing.T) {
		t.Parallel()
		c := r.listen(t, "1.0.0", "one", false)
		r.exec(t, `select realtime.send('{"id": "x"}', 'e', 'one', false)`)
		require.Regexp(t, `^{"ref":null,"event":"broadcast","payload":{"event":"e","meta":{"id":"[0-9a-f-]{36}"},`+
			`"payload":{"id": "x"},"type":"broadcast"},"topic":"realtime:one"}$`, c.next())
	})
	t.Run("as bytes go to vsn 2 only", func(t *testing.T) {
		t.Parallel()
		one, two := r.listen(t, "1.0.0", "bytes", true), r.listen(t, "2.0.0", "bytes", true)
		r.exec(t, `select realtime.send_binary('\x00ff80', 'b', 'bytes'), realtime.send('{}', 'after', 'bytes')`)
		got := two.nextBroadcast("realtime:bytes")
		assert.True(t, got.raw)
		assert.Equal(t, "\x00\xff\x80", got.payload)
		assert.Len(t, got.meta.ID, 36)
		assert.Equal(t, "after", two.nextBroadcast("realtime:bytes").event)
		assert.Contains(t, one.next(), `"event":"after"`)
	})
	t.Run("stay in the private or the public room of their topic", func(t *testing.T) {
		t.Parallel()
		private, public := r.listen(t, "2.0.0", "both", true), r.listen(t, "2.0.0", "both", false)
		r.exec(t, `select realtime.send('{}', 'private', 'both', true), realtime.send('{}', 'public', 'both', false)`)
		assert.Equal(t, "private", private.nextBroadcast("realtime:both").event)
		assert.Equal(t, "public", public.nextBroadcast("realtime:both").event)
		private.expectNothing()
		public.expectNothing()
	})
	t.Run("tell of changes of rows", func(t *testing.T) {
		t.Parallel()
		c := r.listen(t, "2.0.0", "changes", true)
		r.exec(t, `
			create table public.things (id int primary key, name text);
			create function public.tell() returns trigger language plpgsql as $$ begin
				perform realtime.broadcast_changes('changes', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
				return null; end $$;
			create trigger tell after insert or update or delete on public.things for each row execute function public.tell();
			insert into public.things values (1, 'a');
			update public.things set name = 'b'`)
		inserted, updated := c.nextBroadcast("realtime:changes"), c.nextBroadcast("realtime:changes")
		assert.Equal(t, "INSERT", inserted.event)
		assert.JSONEq(t, `{"id":"`+inserted.meta.ID+`","operation":"INSERT","schema":"public","table":"things",
			"record":{"id":1,"name":"a"},"old_record":null}`, inserted.payload)
		assert.JSONEq(t, `{"id":"`+updated.meta.ID+`","operation":"UPDATE","schema":"public","table":"things",
			"record":{"id":1,"name":"b"},"old_record":{"id":1,"name":"a"}}`, updated.payload)
	})
	t.Run("that lack something are passed over, and so are other extensions and later changes", func(t *testing.T) {
		t.Parallel()
		c := r.listen(t, "2.0.0", "odd", true)
		r.exec(t, `
			insert into realtime.messages (topic, extension, private, event, payload) values
				('odd', 'broadcast', true, 'no payload', null), ('odd', 'broadcast', true, null, '{}'),
				('odd', 'broadcast', null, 'no room', '{}'), ('odd', 'presence', true, 'presence', '{}');
			insert into realtime.messages (topic, extension, private, event, payload) values
				('odd', 'broadcast', true, 'whole', '[1]');
			update realtime.messages set event = 'changed' where topic = 'odd';
			insert into realtime.messages (topic, extension, private, event, payload) values
				('odd', 'broadcast', true, 'last', '{}')`)
		got := c.nextBroadcast("realtime:odd")
		assert.Equal(t, "whole", got.event)
		assert.Equal(t, `[1]`, got.payload)
		assert.Equal(t, "last", c.nextBroadcast("realtime:odd").event)
	})
}

func TestMessagesFromTheDatabaseComeInTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t, Options{})
	c := r.listen(t, "2.0.0", "order", true)

	begin := func(event string) (commit, rollback func(context.Context) error) {
		tx, err := r.postgres.Begin(t.Context())
		require.NoError(t, err)
		for i := range 3 {
			_, err = tx.Exec(t.Context(), `select realtime.send(jsonb_build_object('n', $1::int), $2, 'order')`, i, event)
			require.NoError(t, err)
		}
		return tx.Commit, tx.Rollback
	}
	first, _ := begin("wrote first")
	_, undo := begin("rolled back")
	second, _ := begin("wrote second")
	require.NoError(t, second(t.Context()))
	require.NoError(t, undo(t.Context()))
	require.NoError(t, first(t.Context()))

	for _, event := range []string{"wrote second", "wrote first"} {
		for i := range 3 {
			got := c.nextBroadcast("realtime:order")
			require.Equal(t, event, got.event)
			require.Contains(t, got.payload, fmt.Sprintf(`"n": %d`, i))
		}
	}
	c.expectNothing()
}

func TestMessagesFromTheDatabaseThatAreTooMuch(t *testing.T) {
	t.Parallel()

	t.Run("because they are too large are dropped", func(t *testing.T) {
		t.Parallel()
		r := newFeedRig(t, Options{MaxPayloadBytes: 1000})
		c := r.listen(t, "2.0.0", "a", true)
		r.exec(t, `select realtime.send(jsonb_build_object('x', repeat('x', 1000)), 'large', 'a'), realtime.send('{}', 'small', 'a')`)
		assert.Equal(t, "small", c.nextBroadcast("realtime:a").event)
		assert.Contains(t, r.log.String(), `reason="payload too large"`)
	})
	t.Run("because they are too many are dropped, and nobody is closed", func(t *testing.T) {
		t.Parallel()
		r := newFeedRig(t, Options{Limits: SupabaseDefaults()})
		c := r.listen(t, "2.0.0", "a", true)
		past(r.events, 200)
		r.exec(t, `select realtime.send('{}', 'e', 'a')`)
		require.Eventually(t, func() bool {
			return strings.Contains(r.log.String(), `reason="too many messages per second"`)
		}, patience, time.Millisecond)
		c.expectNothing()
	})
}

func TestFeed(t *testing.T) {
	t.Parallel()

	t.Run("begins with the first join and holds a temporary slot", func(t *testing.T) {
		t.Parallel()
		r := newFeedRig(t, Options{})
		slots := func() (count int) {
			require.NoError(t, r.admin.QueryRow(t.Context(), `select count(*) from pg_replication_slots
				where database = current_database() and temporary and plugin = 'pgoutput'
					and slot_name like 'supabase_realtime_messages_replication_slot_%'`).Scan(&count))
			return count
		}
		r.dial(t, "2.0.0").expectNothing()
		require.Zero(t, slots())
		r.listen(t, "2.0.0", "a", false)
		r.listen(t, "2.0.0", "b", true)
		require.Equal(t, 1, slots())
	})
	t.Run("comes back when its connection is lost; what was written meanwhile is not delivered", func(t *testing.T) {
		t.Parallel()
		r := newFeedRig(t, Options{})
		c := r.listen(t, "2.0.0", "a", true)
		// The reader is gone before the message commits, and the next slot waits for this transaction to end.
		r.execAdmin(t, `do $$ begin
			perform realtime.send('{}', 'missed', 'a');
			perform pg_terminate_backend(active_pid, 5000) from pg_replication_slots where database = current_database();
		end $$`)
		require.Eventually(t, func() bool {
			return strings.Contains(r.log.String(), "replication stream interrupted")
		}, patience, time.Millisecond)
		r.listen(t, "2.0.0", "b", true)
		r.exec(t, `select realtime.send('{}', 'after', 'a')`)
		require.Equal(t, "after", c.nextBroadcast("realtime:a").event)
	})
	t.Run("that does not come up closes the channels that wait for it", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{IdleTimeout: 24 * time.Hour, DatabaseURL: "postgres://nobody@127.0.0.1:1/none"})
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:a", `{"broadcast":{"replication_ready":true}}`)
		c.expectNothing()
		r.sweep(time.Now().Add(59 * time.Second))
		c.expectNothing()
		r.sweep(time.Now().Add(61 * time.Second))
		c.expect(shutDownFrames("a", "Replication connection was not established in time")...)
	})
	t.Run("says nothing to a channel that has left", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{IdleTimeout: 24 * time.Hour})
		c := r.dial(t, "2.0.0")
		joinRef := c.mustJoin("realtime:a", `{"broadcast":{"replication_ready":true}}`)
		c.send(`["%s","2","realtime:a","phx_leave",{}]`, joinRef)
		c.next()
		c.next()
		r.feed.established(t.Context())
		r.sweep(time.Now().Add(2 * time.Minute))
		c.expectNothing()
	})
}

func (r *feedRig) execAdmin(t *testing.T, sql string) {
	t.Helper()
	_, err := r.admin.Exec(t.Context(), sql)
	require.NoError(t, err)
}
