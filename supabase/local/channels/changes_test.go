package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// changeTables are what the tests subscribe to: notes are for their owners, open is for everybody, half hides a column,
// keyless has a policy and no key, closed is granted to nobody, and secret is not published.
const changeTables = `
create table public.notes (id int primary key, owner text not null, body text, tags text[], data jsonb, at timestamptz);
alter table public.notes enable row level security;
create policy "owners see theirs" on public.notes for select to authenticated using (owner = auth.jwt()->>'sub');
create table public.open (id int primary key, name text, n numeric, big bigint, yes boolean);
create table public.half (id int primary key, shown text, hidden text);
create table public.keyless (name text);
alter table public.keyless replica identity full;
alter table public.keyless enable row level security;
create table public.closed (id int primary key);
create table public.secret (id int primary key);
create table public."Odd ""name" (r int, "a ""b" int primary key);
grant select on public.notes, public.open, public.keyless, public."Odd ""name" to authenticated, anon;
grant select (id, shown) on public.half to authenticated;
alter publication supabase_realtime add table public.notes, public.open, public.half, public.keyless, public.closed,
	public."Odd ""name";`

func newChangesRig(t *testing.T) *feedRig {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("channels changes", func(ctx context.Context, url string) error {
		pool, err := pgxpool.New(ctx, url)
		if err != nil {
			return err
		}
		defer pool.Close()
		_, err = pool.Exec(ctx, changeTables)
		return err
	}))
	r := &feedRig{admin: db.Pool(t, "supabase_admin"), postgres: db.Pool(t, "postgres"), log: &syncBuffer{}}
	options := Options{DatabaseURL: db.URL("supabase_admin"), Logger: slog.New(slog.NewTextHandler(r.log, nil))}
	r.rig = startRig(t, r.admin, options)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.log)
		}
	})
	return r
}

func changesSystem(name, status, text string) string {
	return fmt.Sprintf(`["1",null,"realtime:%s","system",{"extension":"postgres_changes","status":%q,"message":%s,"channel":%q}]`,
		name, status, mustMarshal(text), name)
}

// wish asks for the changes that items describe and returns what the system message says.
func (r *feedRig) wish(t *testing.T, subject, items string) (c *client, system string) {
	t.Helper()
	c = r.dialWith(t, "2.0.0", r.token(t, "authenticated", subject))
	_, reply := c.join("realtime:db", `{"config":{"postgres_changes":[`+items+`]}}`)
	require.Contains(t, reply, `"status":"ok"`)
	system = c.next()
	return c, system
}

func (r *feedRig) subscribe(t *testing.T, subject, items string) *client {
	t.Helper()
	c, system := r.wish(t, subject, items)
	requireText(t, changesSystem("db", "ok", "Subscribed to PostgreSQL"), system)
	return c
}

// told is the payload of a change.
type told struct {
	IDs  []uint32
	Data json.RawMessage
}

func (c *client) nextChange() (change told) {
	c.t.Helper()
	const prefix = `[null,null,"realtime:db","postgres_changes",`
	frame := c.next()
	require.True(c.t, strings.HasPrefix(frame, prefix), "frame %s", frame)
	require.NoError(c.t, json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(frame, prefix), "]")), &change))
	return change
}

// expectChange wants a change with these parts; its instant is any.
func (c *client) expectChange(kind, table, columns, rest string) {
	c.t.Helper()
	var data map[string]json.RawMessage
	require.NoError(c.t, json.Unmarshal(c.nextChange().Data, &data))
	require.Regexp(c.t, `^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"$`, string(data["commit_timestamp"]))
	delete(data, "commit_timestamp")
	require.JSONEq(c.t, fmt.Sprintf(`{"schema":"public","table":%q,"type":%q,"columns":%s,%s}`, table, kind, columns, rest),
		string(mustMarshal(data)))
}

// expectIDs wants the next changes to have these ids of the key, in this order, and nothing more.
func (c *client) expectIDs(r *feedRig, ids ...int) {
	c.t.Helper()
	r.exec(c.t, `insert into public.open (id, name) values (99, 'the end') on conflict (id) do update set name = 'the end'`)
	for _, id := range append(ids, 99) {
		var data struct {
			Record, Old struct{ ID int }
		}
		require.NoError(c.t, json.Unmarshal(c.nextChange().Data, &data))
		require.Equal(c.t, id, data.Record.ID)
	}
}

const (
	openColumns = `[{"name":"id","type":"int4"},{"name":"name","type":"text"},{"name":"n","type":"numeric"},` +
		`{"name":"big","type":"int8"},{"name":"yes","type":"bool"}]`
	noteColumns = `[{"name":"id","type":"int4"},{"name":"owner","type":"text"},{"name":"body","type":"text"},` +
		`{"name":"tags","type":"_text"},{"name":"data","type":"jsonb"},{"name":"at","type":"timestamptz"}]`
	theEnd = `,{"event":"*","schema":"public","table":"open","filter":"id=eq.99"}`
)

func TestChanges(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)
	c := r.subscribe(t, "alice", `{"event":"*","schema":"public","table":"open"}`)

	r.exec(t, `insert into public.open values (1, 'é"<', 1.50, 9007199254740993, true)`)
	c.expectChange("INSERT", "open", openColumns,
		`"errors":null,"record":{"id":1,"name":"é\"<","n":1.50,"big":9007199254740993,"yes":true}`)
	r.exec(t, `update public.open set name = null, yes = false where id = 1`)
	c.expectChange("UPDATE", "open", openColumns,
		`"errors":null,"record":{"id":1,"name":null,"n":1.50,"big":9007199254740993,"yes":false},"old_record":{"id":1}`)
	r.exec(t, `update public.open set id = 2 where id = 1`)
	c.expectChange("UPDATE", "open", openColumns,
		`"errors":null,"record":{"id":2,"name":null,"n":1.50,"big":9007199254740993,"yes":false},"old_record":{"id":1}`)
	r.exec(t, `delete from public.open where id = 2`)
	c.expectChange("DELETE", "open", openColumns, `"errors":null,"old_record":{"id":2}`)
}

func TestChangesUnderPolicies(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)
	const notes = `{"event":"*","schema":"public","table":"notes"}` + theEnd
	alice, bob := r.subscribe(t, "alice", notes), r.subscribe(t, "bob", notes)

	r.exec(t, `insert into public.notes values (1, 'alice', 'hers', '{a,b}', '{"k": [1]}', '2026-01-02 03:04:05+00')`)
	alice.expectChange("INSERT", "notes", noteColumns, `"errors":null,"record":{"id":1,"owner":"alice","body":"hers",
		"tags":["a","b"],"data":{"k":[1]},"at":"2026-01-02T03:04:05+00:00"}`)
	bob.expectIDs(r) // policies are asked when a change is read: only now it is certain that bob was not told
	alice.nextChange()
	r.exec(t, `update public.notes set owner = 'bob', data = '"text"' where id = 1`)
	bob.expectChange("UPDATE", "notes", noteColumns, `"errors":null,"record":{"id":1,"owner":"bob","body":"hers",
		"tags":["a","b"],"data":"text","at":"2026-01-02T03:04:05+00:00"},"old_record":{"id":1}`)
	alice.expectIDs(r)
	bob.nextChange()

	r.exec(t, `alter table public.notes replica identity full`)
	r.exec(t, `delete from public.notes`)
	for _, c := range []*client{alice, bob} { // of a row that is gone everybody learns the key, and no more
		c.expectChange("DELETE", "notes", noteColumns, `"errors":null,"old_record":{"id":1}`)
	}

	blind := r.subscribe(t, "alice",
		`{"event":"INSERT","schema":"public","table":"keyless"},{"event":"INSERT","schema":"public","table":"closed"},`+
			`{"event":"INSERT","schema":"public","table":"half"}`)
	r.exec(t, `insert into public.keyless values ('x')`)
	blind.expectChange("INSERT", "keyless", `[]`, `"errors":["Error 400: Bad Request, no primary key"]`)
	r.exec(t, `insert into public.closed values (2)`)
	blind.expectChange("INSERT", "closed", `[]`, `"errors":["Error 401: Unauthorized"]`)
	r.exec(t, `insert into public.half values (1, 'shown', 'hidden')`)
	blind.expectChange("INSERT", "half", `[{"name":"id","type":"int4"},{"name":"shown","type":"text"}]`,
		`"errors":null,"record":{"id":1,"shown":"shown"}`)
}

func TestFiltersOfChanges(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)
	clients := map[string]*client{}
	wants := map[string][]int{
		"id=eq.2": {2}, "id=neq.2": {1, 3, 10}, "id=lt.2": {1}, "id=lte.2": {1, 2}, "id=gt.2": {3, 10}, "id=gte.3": {3, 10},
		"id=in.(1,10)": {1, 10}, "name=in.(a,c)": {1, 3}, "id=gt.1,name=neq.c": {2}, "name=eq.d": nil, "n=eq.1.0": {1}, "yes=eq.t": {3},
	}
	for filter := range wants {
		clients[filter] = r.subscribe(t, "alice", `{"event":"INSERT","schema":"public","table":"open","filter":"`+filter+`"}`+theEnd)
	}
	r.exec(t, `insert into public.open values
		(1, 'a', 1, 0, false), (2, 'b', 2, 0, false), (3, 'c', 3, 3, true), (10, null, 10, 0, null)`)
	for filter, c := range clients {
		t.Log(filter)
		c.expectIDs(r, wants[filter]...)
	}
}

func TestFiltersOfDeletedRows(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)
	r.exec(t, `insert into public.open values (1, 'a'), (2, 'a')`)
	byKey := r.subscribe(t, "alice", `{"event":"DELETE","schema":"public","table":"open","filter":"id=eq.2"}`)
	byName := r.subscribe(t, "alice", `{"event":"DELETE","schema":"public","table":"open","filter":"name=eq.a"}`)
	r.exec(t, `delete from public.open`)
	byKey.expectChange("DELETE", "open", openColumns, `"errors":null,"old_record":{"id":2}`)
	byKey.expectNothing()
	byName.expectNothing() // its column is not part of the key
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)

	t.Run("of one channel share a change", func(t *testing.T) {
		t.Parallel()
		all := json.RawMessage(`{"event":"*","schema":"public","table":"*"}`)
		odd := json.RawMessage(`{"event":"INSERT","schema":"public","table":"Odd \"name","filter":"a \"b=eq.7"}`)
		c := r.subscribe(t, "alice", string(all)+","+string(odd))
		r.exec(t, `insert into public."Odd ""name" values (1, 7)`)
		assert.Equal(t, []uint32{changeID(asObject(all)), changeID(asObject(odd))}, c.nextChange().IDs)
	})
	t.Run("end with their channel", func(t *testing.T) {
		t.Parallel()
		c := r.subscribe(t, "alice", `{"event":"*","schema":"public","table":"half"}`)
		c.send(`["1","2","realtime:db","phx_leave",{}]`)
		c.next()
		c.next()
		r.changes.mu.Lock()
		defer r.changes.mu.Unlock()
		for member := range r.changes.subscribers {
			assert.NotNil(t, member.socket.find(member.topic), "a channel that has left is still subscribed")
		}
	})
	for name, test := range map[string]struct{ item, says string }{
		"to a table that is not published": {`"table":"secret"`, "Please check Realtime is enabled for the given connect parameters: [event: *, schema: public, table: secret]"},
		"to a schema without tables":       {`"schema":"nowhere"`, "Please check Realtime is enabled for the given connect parameters: [event: *, schema: nowhere, table: *]"},
		"to an unknown event":              {`"event":"TRUNCATE"`, "The event is none of *, INSERT, UPDATE and DELETE: [event: TRUNCATE, schema: public, table: *]"},
		"to some columns":                  {`"table":"open","select":["id"]`, "The local stand-in cannot select columns: [event: *, schema: public, table: open]"},
		"with a filter on every table":     {`"filter":"id=eq.1"`, "A filter needs a table: [event: *, schema: public, table: *]"},
		"with an unknown column":           {`"table":"open","filter":"x=eq.1"`, "The filter does not fit the table: [event: *, schema: public, table: open]"},
		"with a value of another type":     {`"table":"open","filter":"id=eq.x"`, "The filter does not fit the table: [event: *, schema: public, table: open]"},
	} {
		t.Run(name+" are refused, and the channel stays", func(t *testing.T) {
			t.Parallel()
			c, system := r.wish(t, "alice", `{`+test.item+`}`)
			requireText(t, changesSystem("db", "error", "Unable to subscribe to changes with given parameters. "+test.says), system)
			c.expectNothing()
		})
	}
	for _, filter := range []string{"wrong", "id", "id=1", "id=eq", "id=like.x", "id=not.eq.1", "=eq.1", "id=in.1,2", "id=in.(1"} {
		t.Run("with the filter "+filter+" are refused", func(t *testing.T) {
			t.Parallel()
			_, system := r.wish(t, "alice", `{"table":"open","filter":"`+filter+`"}`)
			requireText(t, changesSystem("db", "error", "Error parsing `filter` params: [\""+filter+"\"]"), system)
		})
	}
}

func TestLargeChanges(t *testing.T) {
	t.Parallel()
	r := newChangesRig(t)
	c := r.subscribe(t, "alice", `{"event":"*","schema":"public","table":"open"}`)
	r.exec(t, `insert into public.open values (1, repeat('x', 1100000), 2)`)
	c.expectChange("INSERT", "open", openColumns,
		`"errors":["Error 413: Payload Too Large"],"record":{"id":1,"n":2,"big":null,"yes":null}`)
}

func TestPoliciesAreAskedOnlyWhenTheTransactionIsVisible(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t, Options{})
	tx, err := r.postgres.Begin(t.Context())
	require.NoError(t, err)
	var xid uint32
	require.NoError(t, tx.QueryRow(t.Context(), `select pg_current_xact_id()::text::bigint`).Scan(&xid))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.authorizer.awaitEnd(ctx, xid), context.DeadlineExceeded)

	ended := make(chan error, 1)
	go func() { ended <- r.authorizer.awaitEnd(t.Context(), xid) }()
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-ended)
}
