package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// call is a request for a function.
type call struct {
	request *request
	builder *builder
	// function is the overload that the arguments chose.
	function *catalog.Function
	// root is the read of the result.
	root *node
}

const callPrefix = "/rpc/"

func isCall(r *request) bool { return strings.HasPrefix(r.http.URL.Path, callPrefix) }

// planCall plans GET, HEAD and POST of a function.
func planCall(r *request, snapshot *catalog.Snapshot, name string) (*plan, error) {
	if !r.reads() && r.http.Method != http.MethodPost {
		return nil, &apiError{
			status: http.StatusMethodNotAllowed, code: "PGRST101",
			message: fmt.Sprintf("Cannot use the %s method on RPC", r.http.Method),
		}
	}
	names, err := argumentNames(r)
	if err != nil {
		return nil, err
	}
	function, err := choose(r, snapshot, name, names)
	if err != nil {
		return nil, err
	}
	c, err := newCall(r, snapshot, function)
	if err != nil {
		return nil, err
	}
	return c.plan(names)
}

// argumentNames are the distinct names given, sorted. A body that is no object has none: it can only go to a function
// that takes it whole.
func argumentNames(r *request) ([]string, error) {
	var names []string
	if r.reads() {
		for _, argument := range r.params.Arguments {
			names = append(names, argument.Name)
		}
		slices.Sort(names)
		return slices.Compact(names), nil
	}
	body := bytes.TrimSpace(r.body)
	if len(body) == 0 {
		return nil, nil
	}
	if !json.Valid(body) {
		return nil, badBody("Empty or invalid json")
	}
	if body[0] != '{' {
		return nil, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, badBody("Empty or invalid json")
	}
	return slices.Sorted(maps.Keys(object)), nil
}

func newCall(r *request, snapshot *catalog.Snapshot, function *catalog.Function) (*call, error) {
	part, err := rangeOf(r.params.At(), r.http)
	if err != nil {
		return nil, err
	}
	if function.Set {
		part = part.capped()
	}
	c := &call{
		request: r, builder: &builder{}, function: function,
		root: &node{table: snapshot.Table(function.Table), source: "pgrst_source", alias: function.Name, part: part},
	}
	if !function.Composite {
		return c, nil
	}
	return c, c.builder.tree(snapshot, r.params, c.root)
}

func (c *call) plan(names []string) (*plan, error) {
	source := c.source(names)
	rows, err := c.rows()
	if err != nil {
		return nil, err
	}
	total, err := c.count()
	if err != nil {
		return nil, err
	}
	return &plan{
		readOnly: c.request.reads() || !c.function.Volatile,
		settings: c.function.Settings,
		main:     c.builder.statement(envelope(source, rows, total, c.body())),
		finish:   c.finish,
	}, nil
}

// source calls the function once.
func (c *call) source(names []string) string {
	from, arguments := c.arguments(names)
	invocation := fmt.Sprintf("%s(%s)", exposed(c.function.Name), arguments)
	if !c.function.Composite {
		return fmt.Sprintf("select pgrst_call.pgrst_scalar from %slateral (select %s as pgrst_scalar) as pgrst_call", from, invocation)
	}
	return fmt.Sprintf("select pgrst_call.* from %slateral %s as pgrst_call", from, invocation)
}

// arguments binds what was given: a body as one JSON document that Postgres takes apart, a query string value by value.
func (c *call) arguments(names []string) (from, list string) {
	switch {
	case c.takesWhole():
		return "", fmt.Sprintf("%s::%s", c.builder.bind(string(c.request.body)), c.function.Parameters[0].Type)
	case len(names) == 0:
		return "", ""
	case c.request.reads():
		return "", c.queryArguments()
	default:
		return c.bodyArguments(names)
	}
}

// takesWhole tells a call whose only parameter has no name.
func (c *call) takesWhole() bool {
	return len(c.function.Parameters) == 1 && c.function.Parameters[0].Name == "" && !c.request.reads()
}

func (c *call) bodyArguments(names []string) (from, list string) {
	var columns []typed
	var arguments []string
	for _, parameter := range c.function.Parameters {
		if !slices.Contains(names, parameter.Name) {
			continue
		}
		columns = append(columns, typed{name: parameter.Name, kind: parameter.Type})
		arguments = append(arguments, named(parameter, quote("pgrst_body", parameter.Name)))
	}
	body := "[" + string(c.request.body) + "]"
	return c.builder.records(columns, body, false) + ", ", strings.Join(arguments, ", ")
}

func named(parameter catalog.Parameter, value string) string {
	text := quote(parameter.Name) + " => " + value
	if parameter.Variadic {
		return "variadic " + text
	}
	return text
}

// queryArguments casts each value to the type of its parameter. A variadic parameter takes all values of its name.
func (c *call) queryArguments() string {
	given := map[string][]string{}
	for _, argument := range c.request.params.Arguments {
		given[argument.Name] = append(given[argument.Name], argument.Value)
	}
	var arguments []string
	for _, parameter := range c.function.Parameters {
		values, found := given[parameter.Name]
		if !found {
			continue
		}
		value := values[len(values)-1]
		if parameter.Variadic && (len(values) > 1 || !strings.HasPrefix(value, "{")) {
			value = arrayLiteral(values)
		}
		arguments = append(arguments, named(parameter, fmt.Sprintf("%s::%s", c.builder.bind(value), parameter.Type)))
	}
	return strings.Join(arguments, ", ")
}

// rows selects from the result; select and filters need columns, so a scalar is taken as it is.
func (c *call) rows() (string, error) {
	if !c.function.Composite {
		return "select * from pgrst_source" + c.root.part.clause(), nil
	}
	return c.builder.selection(c.root)
}

// count counts what the filters leave of the result. planned and estimated are exact here: the statement in hand is the
// only one that may call the function.
func (c *call) count() (string, error) {
	if c.request.prefer.count == "" {
		return noTotal, nil
	}
	rows, err := c.builder.counting(c.root)
	return countRows(rows), err
}

// body has the shape of the function's result.
func (c *call) body() string {
	m := c.request.media
	switch {
	case c.function.Void:
		return noBody
	case m.csv:
		return rowsCSV
	case c.function.Composite && (m.single || !c.function.Set):
		return m.object(rowsJSON)
	case c.function.Composite:
		return m.array(rowsJSON)
	case m.single || !c.function.Set:
		return m.object(valuesJSON)
	default:
		return m.array(valuesJSON)
	}
}

func (c *call) finish(o outcome) (*answer, error) {
	r := c.request
	if r.media.single && o.rows != 1 {
		return nil, notSingular(o.rows)
	}
	if err := c.checkAffected(o); err != nil {
		return nil, err
	}
	a, err := ranged(c.root.part, o)
	if err != nil {
		return nil, err
	}
	a.prefer(r.prefer.applied("count", "handling", "max-affected"))
	if c.function.Void {
		a.status = http.StatusNoContent
	} else {
		a.carry(r, o.body)
	}
	return a.overridden(o)
}

func (c *call) checkAffected(o outcome) error {
	if c.request.prefer.limitAffected() >= 0 && !c.function.Set {
		return &apiError{
			status: http.StatusBadRequest, code: "PGRST128",
			message: "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
		}
	}
	return checkAffected(c.request, o.rows)
}
