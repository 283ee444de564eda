package rules_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// accessObjects are the arguments that say whose a call is about, by the name of the parameter without "p_": something
// of the visitor (and agent) of project acme, something of the other visitor (and admin) there, something outside.
var accessObjects = map[string][3]string{
	"project_id":      {"{acme}", "{acme}", "{outside}"},
	"conversation_id": {"{visitor_chat}", "{other_chat}", "{outside_chat}"},
	"customer_id":     {"{visitor_customer}", "{other_customer}", "{outside_customer}"},
	"member_id":       {"{agent_member}", "{admin_member}", "{outside_member}"},
	"user_id":         {"{agent}", "{admin}", "{outside_agent}"},
	"agent_id":        {"{agent}", "{admin}", "{outside_agent}"},
	"visitor_id":      {"'visitor'", "'other_visitor'", "'outside_visitor'"},
	"path":            {filePath("visitor_chat"), filePath("other_chat"), filePath("outside_chat")},
	"topic":           {"'conversation:' || {visitor_chat}", "'conversation:' || {other_chat}", "'conversation:' || {outside_chat}"},
}

// accessArguments are the other arguments, by name and type; a required parameter that is not here gets null.
var accessArguments = map[string]string{
	"status text": "'online'", "reason text": "'button_click'", "content text": "'Hello'", "rating integer": "5",
	"email text": "'visitor@example.com'", "name text": "'Vera'", "message text": "'Hello'", "settings jsonb": "'{}'",
	"role text": "'agent'", "flagged boolean": "true", "notes text": "'A note'", "tags text[]": "'{vip}'",
	"skills text[]": "'{billing}'", "url text": "'https://example.com/'", "title text": "'Home'", "source text": "'widget'",
	"metadata jsonb": "'{}'", "since bigint": "0", "token text": "'no-such-token'", "date date": "'2030-01-01'",
	"list text": "'all'", "files jsonb": "'[]'", "file jsonb": "'{}'", "connection_id uuid": "gen_random_uuid()", "limit integer": "10", "moment timestamp with time zone": "now()",
}

// accessFunction is a function of either schema as the access tables see it.
type accessFunction struct {
	name       string
	signature  string
	parameters []parameter
	exposed    bool
	trigger    bool
	readOnly   bool
}

type parameter struct {
	Name, Type string
	Optional   bool
}

const functionsQuery = `
	select function.pronamespace::regnamespace || '.' || function.proname as name,
	       function.oid::regprocedure::text as signature,
	       function.pronamespace = 'public'::regnamespace as exposed,
	       function.prorettype = 'trigger'::regtype as trigger,
	       function.provolatile <> 'v' as read_only,
	       coalesce(parameters.list, '[]') as parameters
	  from pg_catalog.pg_proc as function
	  left join lateral (
	       select jsonb_agg(jsonb_build_object('name', coalesce(function.proargnames[place], ''),
	                                           'type', format_type(type, null),
	                                           'optional', place > function.pronargs - function.pronargdefaults) order by place) as list
	         from unnest(function.proargtypes::oid[]) with ordinality as argument (type, place)
	       ) as parameters on true
	 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
	 order by signature`

func (w accessWorld) functions(t *testing.T) []accessFunction {
	t.Helper()
	rows, err := w.conn.Query(t.Context(), functionsQuery)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (accessFunction, error) {
		var one accessFunction
		err := row.Scan(&one.name, &one.signature, &one.exposed, &one.trigger, &one.readOnly, &one.parameters)
		return one, err
	})
	require.NoError(t, err)
	return found
}

// functionCells calls every function as every actor about each of the three objects.
func (w accessWorld) functionCells(t *testing.T, functions []accessFunction) []matrixLine {
	t.Helper()
	lines := make([]matrixLine, len(functions))
	for i, one := range functions {
		lines[i] = matrixLine{subject: one.signature, cells: map[string]string{}}
	}
	for _, actor := range accessActors {
		for i, results := range w.callAll(t, actor, functions) {
			lines[i].cells[actor.name] = callSummary(results)
		}
	}
	return lines
}

// callAll returns the results of each function's calls.
func (w accessWorld) callAll(t *testing.T, actor accessActor, functions []accessFunction) [][]string {
	t.Helper()
	var statements []string
	for _, one := range functions {
		statements = append(statements, one.calls()...)
	}
	outcomes := w.answer(t, actor, statements)
	results := make([][]string, len(functions))
	next := 0
	for i, one := range functions {
		for range one.calls() {
			results[i] = append(results[i], one.result(outcomes[next]))
			next++
		}
	}
	return results
}

// objects are the places in accessObjects that the function's parameters can name; a project has one, not two in acme.
// A function without such a parameter has none.
func (f accessFunction) objects() []int {
	for name := range accessObjects {
		if name != "project_id" && f.takes(name) {
			return []int{0, 1, 2}
		}
	}
	if f.takes("project_id") {
		return []int{0, 2}
	}
	return nil
}

// calls are the statements that call the function: one for each of its objects, or just one.
func (f accessFunction) calls() []string {
	statements := []string{}
	for _, object := range f.objects() {
		statements = append(statements, f.call(object))
	}
	if len(statements) == 0 {
		statements = append(statements, f.call(0))
	}
	return statements
}

func (f accessFunction) takes(name string) bool {
	return slices.ContainsFunc(f.parameters, func(one parameter) bool { return !one.Optional && one.plainName() == name })
}

func (p parameter) plainName() string { return strings.TrimPrefix(p.Name, "p_") }

func (f accessFunction) call(object int) string {
	var arguments []string
	for _, one := range f.parameters {
		if one.Optional {
			break
		}
		value := "null"
		if values, ok := accessObjects[one.plainName()]; ok {
			value = values[object]
		} else if text, ok := accessArguments[one.plainName()+" "+one.Type]; ok {
			value = text
		}
		arguments = append(arguments, fmt.Sprintf("(%s)::%s", value, one.Type))
	}
	call := fillWords(fmt.Sprintf("select %s(%s)::text", f.name, strings.Join(arguments, ", ")))
	if f.exposed && f.readOnly {
		return readOnlyMark + call // as PostgREST runs what is not volatile
	}
	return call
}

// result is the word for how a call went.
func (f accessFunction) result(call outcome) string {
	switch {
	case call.ok():
		return answerWord(call.text)
	case call.state == "42501" && strings.HasPrefix(call.text, "permission denied for function "+f.bareName()):
		return cellRefused
	case strings.HasPrefix(call.state, "PT"):
		return call.state[2:]
	default:
		return call.state
	}
}

func (f accessFunction) bareName() string { return f.name[strings.Index(f.name, ".")+1:] }

// answerWord is the word for an answer: a truth value, a refusal ({"success": false, "error": "ACCESS_DENIED"}), or ok.
func answerWord(text string) string {
	var answer struct {
		Success *bool  `json:"success"`
		Error   string `json:"error"`
	}
	switch {
	case text == "true" || text == "false":
		return text
	case json.Unmarshal([]byte(text), &answer) == nil && answer.Success != nil && !*answer.Success:
		return strings.ToLower(answer.Error)
	default:
		return "ok"
	}
}

// callSummary is one word when all calls went the same way.
func callSummary(results []string) string {
	if len(slices.Compact(slices.Clone(results))) == 1 {
		return results[0]
	}
	return strings.Join(results, " ")
}
