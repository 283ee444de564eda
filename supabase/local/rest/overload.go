package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// choose finds the overload that takes the named arguments; failing that, one that takes the body whole.
func choose(r *request, snapshot *catalog.Snapshot, name string, arguments []string) (*catalog.Function, error) {
	overloads := snapshot.Functions(name)
	candidates := filter(overloads, func(function *catalog.Function) bool { return function.Accepts(arguments) })
	if len(candidates) == 0 && !r.reads() {
		candidates = filter(overloads, func(function *catalog.Function) bool { return function.TakesWhole("json", "jsonb") })
	}
	switch len(candidates) {
	case 0:
		return nil, noFunction(r, snapshot, name, arguments)
	case 1:
		return candidates[0], nil
	default:
		return nil, ambiguousFunction(candidates)
	}
}

func filter(functions []*catalog.Function, keep func(*catalog.Function) bool) []*catalog.Function {
	var kept []*catalog.Function
	for _, function := range functions {
		if keep(function) {
			kept = append(kept, function)
		}
	}
	return kept
}

func noFunction(r *request, snapshot *catalog.Snapshot, name string, arguments []string) error {
	full := catalog.Schema + "." + name
	list := strings.Join(arguments, ", ")
	shape, searched := "("+list+")", " with parameter "+list
	switch len(arguments) {
	case 0:
		shape, searched = " without parameters", " without parameters"
	case 1:
	default:
		searched = " with parameters " + list
	}
	if !r.reads() {
		searched += " or with a single unnamed json/jsonb parameter"
	}
	return &apiError{
		status: http.StatusNotFound, code: "PGRST202", miss: true,
		message: fmt.Sprintf("Could not find the function %s%s in the schema cache", full, shape),
		details: fmt.Sprintf("Searched for the function %s%s, but no matches were found in the schema cache.", full, searched),
		hint:    functionHint(snapshot, name, arguments),
	}
}

// functionHint offers another overload, or when there is none another name.
func functionHint(snapshot *catalog.Snapshot, name string, arguments []string) any {
	const offer = "Perhaps you meant to call the function " + catalog.Schema + "."
	overloads := snapshot.Functions(name)
	if len(overloads) == 0 {
		return nullable(prefixIfAny(offer, catalog.Nearest(name, snapshot.FunctionNames())))
	}
	var shapes []string
	for _, function := range overloads {
		var names []string
		for _, parameter := range function.Parameters {
			names = append(names, parameter.Name)
		}
		slices.Sort(names)
		shapes = append(shapes, "("+strings.Join(names, ", ")+")")
	}
	return nullable(prefixIfAny(offer+name, catalog.Nearest("("+strings.Join(arguments, ", ")+")", shapes)))
}

func prefixIfAny(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func ambiguousFunction(candidates []*catalog.Function) error {
	var shapes []string
	for _, function := range candidates {
		var parameters []string
		for _, parameter := range function.Parameters {
			parameters = append(parameters, parameter.Name+" => "+parameter.Type)
		}
		shapes = append(shapes, fmt.Sprintf("%s.%s(%s)", catalog.Schema, function.Name, strings.Join(parameters, ", ")))
	}
	return &apiError{
		status: http.StatusMultipleChoices, code: "PGRST203",
		message: "Could not choose the best candidate function between: " + strings.Join(shapes, ", "),
		hint:    "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
	}
}
