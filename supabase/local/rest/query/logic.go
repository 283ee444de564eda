package query

import "strings"

// Group joins conditions by and, or by or.
type Group struct {
	Negated bool
	// Any is set for or: one condition is enough.
	Any bool
	// Of are the conditions, at least one.
	Of []Condition
}

func (Group) condition() {}

// parseLogic reads the value of or=, and=, not.or= or not.and=.
func parseLogic(anyOf, negated bool, text string) (Condition, error) {
	s := newScanner("logic tree", text)
	of, err := s.conditions()
	if err != nil {
		return nil, err
	}
	return Group{Negated: negated, Any: anyOf, Of: of}, s.expectEnd("end of input")
}

// conditions takes (a,b,...).
func (s *scanner) conditions() ([]Condition, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if !s.lexeme("(") {
		return nil, s.fail(`"("`)
	}
	var of []Condition
	for {
		condition, err := s.conditionTree()
		if err != nil {
			return nil, err
		}
		if of = append(of, condition); s.lexeme(",") {
			continue
		}
		if !s.lexeme(")") {
			return nil, s.fail(`"," or ")"`)
		}
		return of, nil
	}
}

// conditionTree takes a nested group or a filter. A column may be called "or": only a parenthesis makes it a group.
func (s *scanner) conditionTree() (Condition, error) {
	s.skipSpace()
	for _, group := range []struct {
		prefix         string
		anyOf, negated bool
	}{{"and", false, false}, {"or", true, false}, {"not.and", false, true}, {"not.or", true, true}} {
		after, found := strings.CutPrefix(s.rest(), group.prefix)
		if !found || !strings.HasPrefix(strings.TrimLeft(after, " \t"), "(") {
			continue
		}
		s.pos += len(group.prefix)
		of, err := s.conditions()
		return Group{Negated: group.negated, Any: group.anyOf, Of: of}, err
	}
	return s.comparison()
}

// comparison takes column.operator.value inside a group.
func (s *scanner) comparison() (Condition, error) {
	field, err := s.field()
	if err != nil {
		return nil, err
	}
	if !s.take(".") {
		return nil, s.fail(`"->>", "->" or delimiter (.)`)
	}
	comparison, err := s.operation(func() (string, error) { return s.groupedValue(), nil })
	if err != nil {
		return nil, err
	}
	comparison.Field = field
	return comparison, nil
}

// groupedValue takes a value inside a group: an array or object in braces, or an element.
func (s *scanner) groupedValue() string {
	if s.peek() != '{' {
		return s.element()
	}
	if end := strings.IndexAny(s.rest()[1:], "{}"); end >= 0 && s.rest()[1+end] == '}' {
		value := s.rest()[:end+2]
		s.pos += len(value)
		return value
	}
	return s.element()
}
