package catalog

import "slices"

// Function is one overload of a function of the exposed schema.
type Function struct {
	Name string
	// Parameters are the input parameters in order.
	Parameters []Parameter
	// Volatile is unset for STABLE and IMMUTABLE functions, which run in read-only transactions.
	Volatile bool
	// Void is set when the function returns nothing.
	Void bool
	// Set is set when it returns any number of rows.
	Set bool
	// Composite is set when a row of the result has columns, unset for a single value.
	Composite bool
	// Table is the table of the exposed schema whose row type is returned, empty for others. Its relationships can be
	// embedded.
	Table string
	// Settings are the settings of the function that must hold before its statement begins: statement_timeout.
	Settings []Setting
}

// Parameter is an input parameter of a Function.
type Parameter struct {
	// Name is empty for an unnamed parameter.
	Name     string
	Type     string
	Optional bool
	Variadic bool
}

// Setting is a run-time parameter and its value.
type Setting struct{ Name, Value string }

// Accepts tells whether the function can be called with exactly these named arguments: each has a parameter, and
// parameters without a default all have theirs.
func (f *Function) Accepts(names []string) bool {
	for _, name := range names {
		if !slices.ContainsFunc(f.Parameters, func(parameter Parameter) bool { return parameter.Name == name }) {
			return false
		}
	}
	for _, parameter := range f.Parameters {
		if !parameter.Optional && !parameter.Variadic && !slices.Contains(names, parameter.Name) {
			return false
		}
	}
	return true
}

// TakesWhole tells whether the function has a single unnamed parameter of one of these types, which takes the body.
func (f *Function) TakesWhole(types ...string) bool {
	return len(f.Parameters) == 1 && f.Parameters[0].Name == "" && slices.Contains(types, f.Parameters[0].Type)
}
