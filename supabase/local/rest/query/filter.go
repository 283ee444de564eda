package query

import (
	"fmt"
	"strings"
)

// Operator is a comparison by its name in the query string.
type Operator string

// Operators that take special values.
const (
	// In compares with Values.
	In Operator = "in"
	// Is compares with null, not_null, true, false or unknown in Value.
	Is Operator = "is"
)

// plainOperators take one value as it stands.
var plainOperators = map[Operator]bool{
	"eq": true, "neq": true, "gt": true, "gte": true, "lt": true, "lte": true,
	"like": true, "ilike": true, "match": true, "imatch": true, "isdistinct": true,
	"cs": true, "cd": true, "ov": true, "sl": true, "sr": true, "nxr": true, "nxl": true, "adj": true,
	"fts": true, "plfts": true, "phfts": true, "wfts": true,
}

// quantifiable are the operators that may be followed by (any) or (all).
var quantifiable = map[Operator]bool{
	"eq": true, "gt": true, "gte": true, "lt": true, "lte": true,
	"like": true, "ilike": true, "match": true, "imatch": true,
}

// IsTextSearch tells the full text operators, the only ones that take a language.
func (o Operator) IsTextSearch() bool { return strings.HasSuffix(string(o), "fts") }

// Condition is a Comparison or a Group.
type Condition interface{ condition() }

// Comparison is one filter.
type Comparison struct {
	Field    Field
	Negated  bool
	Operator Operator
	// Quantifier is any or all, empty for none; then Value is an array literal.
	Quantifier string
	// Language is the configuration of a text search, empty for the default.
	Language string
	// Value is the operand of every operator but In.
	Value string
	// Values are the operands of In.
	Values []string
}

func (Comparison) condition() {}

// parseOperation reads the right side of ?column=..., which runs to the end of the text.
func parseOperation(text string) (Comparison, error) {
	s := newScanner("filter", text)
	comparison, err := s.operation(func() (string, error) {
		value := s.rest()
		s.pos = len(s.text)
		return value, nil
	})
	if err != nil {
		return Comparison{}, err
	}
	return comparison, s.expectEnd("end of input")
}

// operation takes [not.]operator.value; value takes the operand of a plain operator.
func (s *scanner) operation(value func() (string, error)) (Comparison, error) {
	comparison := Comparison{Negated: s.take("not.")}
	if err := s.operator(&comparison); err != nil {
		return Comparison{}, err
	}
	var err error
	switch comparison.Operator {
	case In:
		comparison.Values, err = s.list()
	case Is:
		comparison.Value, err = s.trilean()
	default:
		comparison.Value, err = value()
	}
	return comparison, err
}

// operator takes the name, its modifier in parentheses and the dot.
func (s *scanner) operator(comparison *Comparison) error {
	token, _, found := strings.Cut(s.rest(), ".")
	if !found {
		return s.fail("operator (eq, gt, ...)")
	}
	name, modifier, err := s.splitModifier(token)
	if err != nil {
		return err
	}
	comparison.Operator = Operator(name)
	if comparison.Operator != In && comparison.Operator != Is && !plainOperators[comparison.Operator] {
		return s.failText("unknown single value operator " + token)
	}
	if err := s.modify(comparison, modifier); err != nil {
		return err
	}
	s.pos += len(token) + len(".")
	return nil
}

func (s *scanner) splitModifier(token string) (name, modifier string, err error) {
	name, modifier, found := strings.Cut(token, "(")
	if !found {
		return name, "", nil
	}
	modifier, closed := strings.CutSuffix(modifier, ")")
	if !closed || modifier == "" {
		return "", "", s.failText("unknown single value operator " + token)
	}
	return name, modifier, nil
}

func (s *scanner) modify(comparison *Comparison, modifier string) error {
	switch {
	case modifier == "":
	case comparison.Operator.IsTextSearch():
		comparison.Language = modifier
	case quantifiable[comparison.Operator] && (modifier == "any" || modifier == "all"):
		comparison.Quantifier = modifier
	default:
		return s.failText(fmt.Sprintf("unknown single value operator %s(%s)", comparison.Operator, modifier))
	}
	return nil
}

func (s *scanner) trilean() (string, error) {
	for _, value := range []string{"null", "not_null", "unknown", "true", "false"} {
		if s.takeFold(value) {
			return value, nil
		}
	}
	return "", s.fail("isVal: (null, not_null, true, false, unknown)")
}

// list takes the operands of In: (a,"b,c",d). An empty pair of parentheses is an empty list.
func (s *scanner) list() ([]string, error) {
	if !s.lexeme("(") {
		return nil, s.fail(`"("`)
	}
	values := []string{}
	if s.lexeme(")") {
		return values, nil
	}
	for {
		values = append(values, s.element())
		if s.take(",") {
			continue
		}
		if !s.lexeme(")") {
			return nil, s.fail(`"," or ")"`)
		}
		return values, nil
	}
}

// element takes a value that ends before a comma or a closing parenthesis. Quotes count only when they enclose all of it.
func (s *scanner) element() string {
	start := s.pos
	if s.peek() == '"' {
		value, err := s.quoted()
		if err == nil && (s.atEnd() || s.peek() == ',' || s.peek() == ')') {
			return value
		}
		s.pos = start
	}
	s.pos += lengthUntil(s.rest(), ",)")
	return s.text[start:s.pos]
}

func lengthUntil(text, stops string) int {
	if at := strings.IndexAny(text, stops); at >= 0 {
		return at
	}
	return len(text)
}
