package query

import "strings"

// Field is a column, or a place inside a JSON column.
type Field struct {
	// Name is the column, "*" for all of them (in select only).
	Name string
	// Path leads into a JSON column: data->a->>0 has two steps.
	Path []Step
}

// Step is one arrow of a JSON path.
type Step struct {
	// Operand is an object key, or digits with an optional minus when Index is set.
	Operand string
	Index   bool
	// Text is set for ->>, which gives text; -> gives JSON.
	Text bool
}

// Label is the name of the field in a result that has no alias: the last key of the path, or the column.
func (f Field) Label() string {
	for i := len(f.Path) - 1; i >= 0; i-- {
		if !f.Path[i].Index {
			return f.Path[i].Operand
		}
	}
	return f.Name
}

// field takes a name and its JSON path.
func (s *scanner) field() (Field, error) {
	name, err := s.name()
	if err != nil {
		return Field{}, err
	}
	path, err := s.path()
	return Field{Name: name, Path: path}, err
}

func (s *scanner) path() ([]Step, error) {
	var steps []Step
	for {
		text := s.take("->>")
		if !text && !s.take("->") {
			return steps, nil
		}
		operand, index, err := s.operand()
		if err != nil {
			return nil, err
		}
		steps = append(steps, Step{Operand: operand, Index: index, Text: text})
	}
}

// operand takes an array index if digits stand alone, otherwise an object key.
func (s *scanner) operand() (operand string, index bool, err error) {
	start := s.pos
	s.take("-")
	digits := len(s.rest()) - len(strings.TrimLeft(s.rest(), "0123456789"))
	if s.pos += digits; digits > 0 && s.atOperandEnd() {
		return s.text[start:s.pos], true, nil
	}
	s.pos = start
	operand, err = s.name()
	return operand, false, err
}

func (s *scanner) atOperandEnd() bool {
	if s.atEnd() {
		return true
	}
	for _, end := range []string{"->", "::", ".", ",", ")"} {
		if strings.HasPrefix(s.rest(), end) {
			return true
		}
	}
	return false
}
