package channels

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// policies let alice do everything on room:*, let bob only read broadcasts there and carol only see presence, and fail
// on broken:*. They use everything that the GUCs of a probe offer.
const policies = `
create policy "alice writes, with her claims" on realtime.messages for insert to authenticated
	with check (realtime.topic() like 'room:%' and current_setting('request.jwt.claims')::jsonb->>'sub' = 'alice'
		and current_setting('request.jwt.claim.sub') = 'alice' and current_setting('request.jwt.claim.role') = 'authenticated');
create policy "alice and bob read broadcasts" on realtime.messages for select to authenticated
	using (realtime.topic() like 'room:%' and extension = 'broadcast'
		and current_setting('request.jwt.claims')::jsonb->>'sub' in ('alice', 'bob'));
create policy "alice and carol see presence" on realtime.messages for select to authenticated
	using (realtime.topic() like 'room:%' and extension = 'presence'
		and current_setting('request.jwt.claims')::jsonb->>'sub' in ('alice', 'carol'));
create policy "a header opens the door" on realtime.messages for select to anon
	using (realtime.topic() = 'door' and current_setting('request.headers')::jsonb->>'x-knock' = 'twice');
create policy "broken" on realtime.messages for select to anon
	using (realtime.topic() = 'broken' and (1 / (length(realtime.topic()) - 6)) = 0);
create policy "broken too" on realtime.messages for insert to anon
	with check (realtime.topic() = 'broken' and (1 / (length(realtime.topic()) - 6)) = 0);`

type privateRig struct {
	*rig
	pool *pgxpool.Pool
}

func newPrivateRig(t *testing.T) *privateRig {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("channels policies", func(ctx context.Context, url string) error {
		pool, err := pgxpool.New(ctx, url)
		if err != nil {
			return err
		}
		defer pool.Close()
		_, err = pool.Exec(ctx, policies)
		return err
	}))
	pool := db.Pool(t, "supabase_admin")
	return &privateRig{rig: startRig(t, pool, Options{}), pool: pool}
}

// as connects somebody whose token the join carries.
func (r *privateRig) as(t *testing.T, subject string) *privateClient {
	t.Helper()
	return &privateClient{client: r.dial(t, "2.0.0"), token: r.token(t, "authenticated", subject)}
}

type privateClient struct {
	*client
	token string
}

func (c *privateClient) enter(topic, config string) (reply string) {
	c.t.Helper()
	_, reply = c.join(topic, `{"config":{"private":true,`+config+`},"access_token":"`+c.token+`"}`)
	return reply
}

const acked = `"broadcast":{"ack":true,"self":true}`

func TestPrivateChannel(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)

	t.Run("takes who may read and lets send who may write", func(t *testing.T) {
		t.Parallel()
		alice, bob := r.as(t, "alice"), r.as(t, "bob")
		requireText(t, joinedReply, alice.enter("realtime:room:1", acked))
		requireText(t, joinedReply, bob.enter("realtime:room:1", acked))
		alice.sendBinary(userPush("1", "2", "realtime:room:1", "e", 1, `{"from":"alice"}`))
		want := userBroadcast("realtime:room:1", "e", 1, `{"from":"alice"}`)
		alice.expect(want, `["1","2","realtime:room:1","phx_reply",{"status":"ok","response":{}}]`)
		bob.expect(want)
	})
	t.Run("drops without a word what may not be sent", func(t *testing.T) {
		t.Parallel()
		bob := r.as(t, "bob")
		requireText(t, joinedReply, bob.enter("realtime:room:2", acked))
		bob.sendBinary(userPush("1", "2", "realtime:room:2", "e", 1, `{}`))
		bob.expectNothing()
		bob.send(`["1","3","realtime:room:2","presence",{"event":"track","payload":{}}]`)
		bob.expect(`["1","3","realtime:room:2","phx_reply",{"status":"error","response":{}}]`)
	})
	t.Run("refuses who may read nothing", func(t *testing.T) {
		t.Parallel()
		mallory := r.as(t, "mallory")
		require.Equal(t, refusedReply("room:3"), mallory.enter("realtime:room:3", acked))
	})
	t.Run("judges a join without a token by the key", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		_, reply := c.join("realtime:room:3", `{"config":{"private":true}}`)
		require.Equal(t, refusedReply("room:3"), reply)
		service := r.dialWith(t, "2.0.0", r.ring.ServiceRoleJWT())
		_, reply = service.join("realtime:room:3", `{"config":{"private":true}}`)
		requireText(t, joinedReply, reply)
	})
	t.Run("refuses a role that the database does not know", func(t *testing.T) {
		t.Parallel()
		c := &privateClient{client: r.dial(t, "2.0.0"), token: r.token(t, "nobody", "alice")}
		require.Equal(t, refusedReply("room:4"), c.enter("realtime:room:4", acked))
	})
	t.Run("refuses when a policy fails", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		_, reply := c.join("realtime:broken", `{"config":{"private":true}}`)
		require.Equal(t, refusedReply("broken"), reply)
	})
	t.Run("has nothing to do with the public channel of its name", func(t *testing.T) {
		t.Parallel()
		alice, public := r.as(t, "alice"), r.dial(t, "2.0.0")
		requireText(t, joinedReply, alice.enter("realtime:room:5", acked))
		public.mustJoin("realtime:room:5", `{"broadcast":{"ack":true}}`)
		public.send(`["1","2","realtime:room:5","broadcast",{"type":"broadcast","event":"e"}]`)
		public.expect(`["1","2","realtime:room:5","phx_reply",{"status":"ok","response":{}}]`)
		alice.expectNothing()
	})
	t.Run("shows presence to who may see it, and broadcasts to who may read them", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:room:6"
		alice, bob, carol := r.as(t, "alice"), r.as(t, "bob"), r.as(t, "carol")
		for _, c := range []*privateClient{alice, bob, carol} {
			requireText(t, joinedReply, c.enter(topic, `"presence":{"enabled":true,"key":"k"},`+acked))
		}
		alice.expect(stateFrame(topic, `{}`))
		carol.expect(stateFrame(topic, `{}`))
		alice.track(topic, "2", `{}`)
		diff := diffFrame(topic, `{"k":{"metas":[{"phx_ref":"REF"}]}}`, `{}`)
		alice.expect(diff)
		carol.expect(diff)
		alice.sendBinary(userPush("1", "3", topic, "e", 1, `{}`))
		bob.expect(userBroadcast(topic, "e", 1, `{}`))
		carol.expectNothing()
	})
	t.Run("asks about presence when a channel tracks that joined without it", func(t *testing.T) {
		t.Parallel()
		const topic = "realtime:room:7"
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter(topic, `"presence":{"key":"k"}`))
		alice.track(topic, "2", `{}`)
		alice.expect(diffFrame(topic, `{"k":{"metas":[{"phx_ref":"REF"}]}}`, `{}`))
	})
	t.Run("leaves no probe behind", func(t *testing.T) {
		t.Parallel()
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter("realtime:room:8", acked))
		alice.sendBinary(userPush("1", "2", "realtime:room:8", "e", 1, `{}`))
		alice.next()
		var rows int
		require.NoError(t, r.pool.QueryRow(t.Context(), "select count(*) from realtime.messages").Scan(&rows))
		require.Zero(t, rows)
	})
}

func refusedReply(topic string) string {
	return `{"status":"error","response":{"reason":"Unauthorized: You do not have permissions to read from this Channel topic: ` +
		topic + `"}}`
}

func TestPoliciesSeeTheHeadersOfTheConnection(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)
	who, err := identify(r.ring, r.ring.AnonJWT())
	require.NoError(t, err)
	for headers, want := range map[string]bool{`{"x-knock":"twice"}`: true, `{}`: false} {
		got, err := r.authorizer.mayRead(t.Context(), subject{identity: who, topic: "door", headers: headers}, broadcastExtension)
		require.NoError(t, err)
		require.Equal(t, want, got[broadcastExtension], headers)
	}
}

func TestAnswersAreKeptForTheLifeOfAToken(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)
	alice := r.as(t, "alice")
	requireText(t, joinedReply, alice.enter("realtime:room:1", acked))
	message := userPush("1", "2", "realtime:room:1", "e", 1, `{}`)
	alice.sendBinary(message)
	alice.next()
	alice.next()

	_, err := r.pool.Exec(t.Context(), `drop policy "alice writes, with her claims" on realtime.messages`)
	require.NoError(t, err)
	alice.sendBinary(message)
	alice.expect(userBroadcast("realtime:room:1", "e", 1, `{}`), `["1","2","realtime:room:1","phx_reply",{"status":"ok","response":{}}]`)

	fresh := r.sign(t, map[string]any{"role": "authenticated", "sub": "alice", "exp": time.Now().Add(2 * time.Hour).Unix()})
	alice.send(`["1","3","realtime:room:1","access_token",{"access_token":"%s"}]`, fresh)
	alice.sendBinary(message)
	alice.expectNothing()
}

func TestAccessToken(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)
	refresh := func(c *client, token string) {
		c.t.Helper()
		c.send(`["1","9","realtime:room:1","access_token",{"access_token":%s}]`, token)
	}
	quoted := func(token string) string { return `"` + token + `"` }

	t.Run("that is nothing new is ignored", func(t *testing.T) {
		t.Parallel()
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter("realtime:room:1", acked))
		for _, token := range []string{"null", "7", `"sb_publishable_x"`, quoted(alice.token)} {
			refresh(alice.client, token)
		}
		alice.send(`["1","9","realtime:room:1","access_token",{}]`)
		alice.expectNothing()
	})
	t.Run("of somebody who may not read ends the channel", func(t *testing.T) {
		t.Parallel()
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter("realtime:room:1", acked))
		refresh(alice.client, quoted(r.token(t, "authenticated", "mallory")))
		alice.expect(shutDownFrames("room:1", "You do not have permissions to read from this Channel topic: room:1")...)
		alice.expectNothing()
	})
	t.Run("of somebody who may read less ends the channel", func(t *testing.T) {
		t.Parallel()
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter("realtime:room:1", `"presence":{"enabled":true}`))
		alice.next()
		refresh(alice.client, quoted(r.token(t, "authenticated", "bob")))
		alice.expect(shutDownFrames("room:1", "You no longer have permission to read from this Channel topic: room:1")...)
	})
	t.Run("that is none ends a public channel as well", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:room:1", `{}`)
		refresh(c, `"x"`)
		c.expect(shutDownFrames("room:1", "The token provided is not a valid JWT")...)
	})
	t.Run("opens what the last one did not", func(t *testing.T) {
		t.Parallel()
		carol := r.as(t, "carol")
		requireText(t, joinedReply, carol.enter("realtime:room:9", acked+`,"presence":{"enabled":true}`))
		carol.next()
		carol.send(`["1","9","realtime:room:9","access_token",{"access_token":"%s"}]`, r.token(t, "authenticated", "alice"))
		carol.sendBinary(userPush("1", "2", "realtime:room:9", "mine", 1, `{}`))
		carol.expect(userBroadcast("realtime:room:9", "mine", 1, `{}`))
	})
}

func TestExpiredToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{IdleTimeout: 24 * time.Hour})
	c := r.dial(t, "2.0.0")
	_, reply := c.join("realtime:a", `{"access_token":"`+r.token(t, "authenticated", "alice")+`"}`)
	requireText(t, joinedReply, reply)
	c.ref = 0
	c.mustJoin("realtime:b", `{}`)

	r.sweep(time.Now().Add(2 * time.Hour))
	c.expect(shutDownFrames("a", "Token has expired 1 seconds ago")...)
	c.expectNothing()
}

func TestDatabaseThatCannotAnswer(t *testing.T) {
	t.Parallel()

	t.Run("because it is not there", func(t *testing.T) {
		t.Parallel()
		c := newRig(t, Options{}).dial(t, "2.0.0")
		_, reply := c.join("realtime:a", `{"config":{"private":true}}`)
		requireText(t, `{"status":"error","response":{"reason":"UnableToConnectToProject: `+
			`Realtime was unable to connect to the project database"}}`, reply)
	})
	t.Run("because it has no partition for today", func(t *testing.T) {
		t.Parallel()
		r := newPrivateRig(t)
		_, err := r.pool.Exec(t.Context(), `do $$ declare part regclass; begin
			for part in select inhrelid from pg_inherits where inhparent = 'realtime.messages'::regclass loop
				execute 'drop table ' || part;
			end loop; end $$`)
		require.NoError(t, err)
		alice := r.as(t, "alice")
		requireText(t, `{"status":"error","response":{"reason":"MissingPartition: `+
			`Realtime was unable to find the expected messages partition"}}`, alice.enter("realtime:room:1", acked))
		status, answer := r.post(t, "/api/broadcast/t/events/e?private=true", jsonType, `{}`)
		requireText(t, `{"message":"Missing messages partition"}`, answer)
		require.Equal(t, 422, status)
	})
	t.Run("because every connection is taken", func(t *testing.T) {
		t.Parallel()
		r := newPrivateRig(t)
		for range r.pool.Config().MaxConns {
			conn, err := r.pool.Acquire(t.Context())
			require.NoError(t, err)
			t.Cleanup(conn.Release)
		}
		who, err := identify(r.ring, r.ring.AnonJWT())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err = r.authorizer.mayWrite(ctx, subject{identity: who, topic: "t", headers: "{}"}, broadcastExtension)
		require.ErrorIs(t, err, errPool)
		require.Equal(t, "IncreaseConnectionPool: Please increase your connection pool size", refusalOf(err, "t").Error())
	})
}
