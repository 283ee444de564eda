package rules_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// accessWords are the things that testdata/access/world.sql names. The place of a word in the list is its uuid.
var accessWords = []string{
	"owner", "admin", "agent", "removed_agent", "outside_agent", "outside_owner", "plain",
	"visitor", "other_visitor", "outside_visitor",
	"acme", "outside",
	"admin_member", "agent_member", "removed_member", "outside_member",
	"visitor_customer", "other_customer", "outside_customer",
	"visitor_chat", "other_chat", "outside_chat",
}

// accessPeople are the words that are users.
var accessPeople = accessWords[:slices.Index(accessWords, "acme")]

// accessActor is a column of the access tables.
type accessActor struct {
	name string
	role string
	// home is the project that the actor works for or visits.
	home string
	// chats are the conversations whose visitor or agent the actor is.
	chats     []string
	anonymous bool
}

var accessActors = []accessActor{
	{name: "owner", role: "authenticated", home: "acme"},
	{name: "admin", role: "authenticated", home: "acme", chats: []string{"other_chat"}},
	{name: "agent", role: "authenticated", home: "acme", chats: []string{"visitor_chat"}},
	{name: "removed_agent", role: "authenticated", home: "acme"},
	{name: "outside_agent", role: "authenticated", home: "outside", chats: []string{"outside_chat"}},
	{name: "visitor", role: "authenticated", home: "acme", chats: []string{"visitor_chat"}, anonymous: true},
	{name: "other_visitor", role: "authenticated", home: "acme", chats: []string{"other_chat"}, anonymous: true},
	{name: "plain", role: "authenticated"},
	{name: "anon", role: "anon"},
	{name: "service_role", role: "service_role"},
}

func accessActorNamed(name string) accessActor {
	return accessActors[slices.IndexFunc(accessActors, func(actor accessActor) bool { return actor.name == name })]
}

// id is the actor's user id; empty for those who are no user.
func (a accessActor) id() string {
	if !slices.Contains(accessPeople, a.name) {
		return ""
	}
	return wordID(a.name)
}

func (a accessActor) claims() string {
	claims := map[string]any{"role": a.role}
	if id := a.id(); id != "" {
		claims["sub"], claims["is_anonymous"], claims["aal"] = id, a.anonymous, "aal1"
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err) // strings and booleans
	}
	return string(text)
}

// wordID is the uuid that a word of world.sql stands for; a word that is not in the list gets one that nothing has.
func wordID(word string) string {
	return fmt.Sprintf("00000000-0000-4000-8000-0000000000%02x", slices.Index(accessWords, word)+1)
}

// fillWords puts uuid literals in the place of {words}.
func fillWords(text string) string {
	pairs := make([]string, 0, 2*len(accessWords))
	for _, word := range accessWords {
		pairs = append(pairs, "{"+word+"}", "uuid '"+wordID(word)+"'")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// fillTopic puts uuids in the place of {words}; a word that is none gets one that nothing has.
func fillTopic(topic string) string {
	before, rest, found := strings.Cut(topic, "{")
	if !found {
		return topic
	}
	word, after, _ := strings.Cut(rest, "}")
	return before + wordID(word) + after
}

// readOnlyMark begins a statement that is answered as in a transaction that must not write.
const readOnlyMark = "/* read only */"

// accessProbes are the functions by which statements are tried out. Both undo what the statement did, so every statement
// meets the same world. They are temporary and run as whoever the role of the session is.
//
//   - attempt answers 'ok' and the number of rows, or the SQLSTATE and the message;
//   - answer answers 'ok' and the first column of the first row, or the SQLSTATE and the message.
const accessProbes = `
	create function pg_temp.attempt(statement text) returns text language plpgsql as $$
	declare
	  touched bigint;
	begin
	  execute statement;
	  get diagnostics touched = row_count;
	  raise exception using errcode = 'UNDO0', message = touched::text;
	exception
	  when sqlstate 'UNDO0' then return 'ok ' || sqlerrm;
	  when others then return sqlstate || ' ' || sqlerrm;
	end $$;
	create function pg_temp.answer(statement text) returns text language plpgsql as $$
	declare
	  found text;
	begin
	  perform set_config('transaction_read_only', 'on', true) where starts_with(statement, '` + readOnlyMark + `');
	  execute statement into found;
	  raise exception using errcode = 'UNDO0', message = coalesce(found, '');
	exception
	  when sqlstate 'UNDO0' then return 'ok ' || sqlerrm;
	  when others then return sqlstate || ' ' || sqlerrm;
	end $$`

// outcome is how a statement went.
type outcome struct {
	// state is "ok" or the SQLSTATE.
	state string
	// text is what was answered, or the message.
	text string
}

func (o outcome) ok() bool { return o.state == "ok" }

// accessWorld is a database with the world of world.sql, and one connection that takes every role.
type accessWorld struct {
	conn *pgx.Conn
}

func newAccessWorld(t *testing.T) accessWorld {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	text, err := os.ReadFile("testdata/access/world.sql")
	require.NoError(t, err)
	owner := connectAs(t, db, "postgres")
	_, err = owner.PgConn().Exec(t.Context(), fillWords(string(text))).ReadAll()
	require.NoError(t, err, "testdata/access/world.sql")

	w := accessWorld{conn: connectSuperuser(t, db)}
	_, err = w.conn.PgConn().Exec(t.Context(), accessProbes).ReadAll()
	require.NoError(t, err)
	// With an empty search_path the catalogue writes every name with its schema.
	_, err = w.conn.Exec(t.Context(), `set search_path = ''`)
	require.NoError(t, err)
	return w
}

// attempt tries each statement as the actor and undoes it.
func (w accessWorld) attempt(t *testing.T, actor accessActor, statements []string) []outcome {
	t.Helper()
	return w.probe(t, actor, "attempt", statements)
}

// answer tries each statement as the actor, undoes it, and keeps the first value of its result.
func (w accessWorld) answer(t *testing.T, actor accessActor, statements []string) []outcome {
	t.Helper()
	return w.probe(t, actor, "answer", statements)
}

func (w accessWorld) probe(t *testing.T, actor accessActor, how string, statements []string) []outcome {
	t.Helper()
	if len(statements) == 0 {
		return nil
	}
	var outcomes []outcome
	scratch(t, w.conn, func() {
		_, err := w.conn.Exec(t.Context(), `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`,
			actor.role, actor.claims())
		require.NoError(t, err)
		answers := readColumn(t, w.conn, `select pg_temp.`+how+`(tried.statement)
			from unnest($1::text[]) with ordinality as tried (statement, place) order by tried.place`, statements)
		for _, text := range answers {
			state, rest, _ := strings.Cut(text, " ")
			outcomes = append(outcomes, outcome{state, rest})
		}
	})
	return outcomes
}
