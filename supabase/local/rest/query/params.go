package query

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params is a query string that was understood.
type Params struct {
	Select []Item
	// Columns are the keys of the payload to write, nil when not given.
	Columns []string
	// OnConflict are the columns of the unique key an upsert collides on, nil when not given.
	OnConflict []string
	// Arguments are the parameters of a function call by GET, in the order given; see Parse.
	Arguments []Argument

	levels map[string]*Level
}

// Argument is one parameter of a function call.
type Argument struct{ Name, Value string }

// Level holds what restricts and sorts the rows of one table: the root or an embedded one.
type Level struct {
	// Where are joined by and.
	Where []Condition
	Order []Order
	// Limit is nil without a limit. It may be negative: the caller refuses that with an answer of its own.
	Limit  *int64
	Offset int64
}

// At is the level of an embedded table, the root without labels. Labels are aliases, or names where there is no alias.
func (p *Params) At(labels ...string) Level {
	if level, ok := p.levels[strings.Join(labels, ".")]; ok {
		return *level
	}
	return Level{}
}

// Paths are the dotted paths of the embedded levels that anything was said about, sorted. The caller checks that each
// is embedded.
func (p *Params) Paths() []string {
	var paths []string
	for path := range p.levels {
		if path != "" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// level is the level at path, made on first use.
func (p *Params) level(path []string) *Level {
	key := strings.Join(path, ".")
	if p.levels[key] == nil {
		p.levels[key] = &Level{}
	}
	return p.levels[key]
}

// Parse reads a raw query string. With arguments, as for a function called by GET, a root parameter whose value does
// not begin with an operator is an argument; without, it is refused. Errors are of type *Error.
func Parse(raw string, arguments bool) (*Params, error) {
	params := &Params{levels: map[string]*Level{}, Select: []Item{{Field: Field{Name: "*"}}}}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, err := unescape(pair)
		if err != nil {
			return nil, err
		}
		if err := params.add(key, value, arguments); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func unescape(pair string) (key, value string, err error) {
	rawKey, rawValue, _ := strings.Cut(pair, "=")
	if key, err = url.QueryUnescape(rawKey); err == nil {
		value, err = url.QueryUnescape(rawValue)
	}
	if err != nil {
		return "", "", &Error{Code: CodeParse, Message: "\"failed to parse query string\" (line 1, column 1)", Details: err.Error()}
	}
	return key, value, nil
}

func (p *Params) add(key, value string, arguments bool) error {
	var err error
	switch key {
	case "select":
		p.Select, err = parseSelect(value)
		return err
	case "columns":
		p.Columns, err = newScanner("columns parameter", value).names()
		return err
	case "on_conflict":
		p.OnConflict, err = newScanner("on_conflict parameter", value).names()
		return err
	}
	if known, err := p.addScoped(key, value); known || err != nil {
		return err
	}
	if arguments && !strings.Contains(key, ".") && !startsWithOperator(value) {
		p.Arguments = append(p.Arguments, Argument{Name: key, Value: value})
		return nil
	}
	return p.addFilter(key, value)
}

// addScoped handles the words that may stand behind a path: order, limit, offset, and, or.
func (p *Params) addScoped(key, value string) (known bool, err error) {
	word := key[strings.LastIndexByte(key, '.')+1:]
	switch word {
	case "order", "limit", "offset", "and", "or":
	default:
		return false, nil
	}
	path, err := scopePath(key)
	if err != nil {
		return true, err
	}
	switch word {
	case "order":
		return true, p.addOrder(path, value)
	case "limit", "offset":
		p.addRange(path, word, value)
		return true, nil
	default:
		return true, p.addLogic(path, word == "or", value)
	}
}

// scopePath is what stands before the last word of key.
func scopePath(key string) ([]string, error) {
	path, _, err := parsePath(key)
	return path, err
}

func parsePath(key string) ([]string, Field, error) {
	s := newScanner("tree path", key)
	var path []string
	for {
		field, err := s.field()
		if err != nil {
			return nil, Field{}, err
		}
		if !s.take(".") {
			return path, field, s.expectEnd(`"->>", "->", delimiter (.) or end of input`)
		}
		path = append(path, field.Name)
	}
}

func (p *Params) addOrder(path []string, value string) error {
	if value == "" {
		return nil
	}
	orders, err := parseOrder(value)
	if err != nil {
		return err
	}
	level := p.level(path)
	level.Order = append(level.Order, orders...)
	return nil
}

// addRange ignores what is not a number, as PostgREST does.
func (p *Params) addRange(path []string, word, value string) {
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return
	}
	if word == "limit" {
		p.level(path).Limit = &number
		return
	}
	p.level(path).Offset = max(number, 0)
}

func (p *Params) addLogic(path []string, anyOf bool, value string) error {
	negated := len(path) > 0 && path[len(path)-1] == "not"
	if negated {
		path = path[:len(path)-1]
	}
	condition, err := parseLogic(anyOf, negated, value)
	if err != nil {
		return err
	}
	level := p.level(path)
	level.Where = append(level.Where, condition)
	return nil
}

func (p *Params) addFilter(key, value string) error {
	path, field, err := parsePath(key)
	if err != nil {
		return err
	}
	comparison, err := parseOperation(value)
	if err != nil {
		return err
	}
	comparison.Field = field
	level := p.level(path)
	level.Where = append(level.Where, comparison)
	return nil
}

// startsWithOperator tells a filter from an argument by its value.
func startsWithOperator(value string) bool {
	token, _, found := strings.Cut(value, ".")
	if !found {
		return false
	}
	name, _, _ := strings.Cut(token, "(")
	operator := Operator(name)
	return name == "not" || operator == Is || operator == In || plainOperators[operator]
}
