package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds nested parentheses, so that a hostile query string cannot grow the stack.
const maxDepth = 32

// scanner walks over one parameter's value. Its methods leave pos behind what they took.
type scanner struct {
	// what names the parameter in errors: "filter", "select parameter".
	what  string
	text  string
	pos   int
	depth int
}

func newScanner(what, text string) *scanner {
	return &scanner{what: what, text: text}
}

// rest is what has not been taken yet.
func (s *scanner) rest() string { return s.text[s.pos:] }

func (s *scanner) atEnd() bool { return s.pos >= len(s.text) }

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.atEnd() {
		return 0
	}
	return s.text[s.pos]
}

// take moves past token if it comes next.
func (s *scanner) take(token string) bool {
	if !strings.HasPrefix(s.rest(), token) {
		return false
	}
	s.pos += len(token)
	return true
}

// takeFold is take without regard to case.
func (s *scanner) takeFold(token string) bool {
	if len(s.rest()) < len(token) || !strings.EqualFold(s.rest()[:len(token)], token) {
		return false
	}
	s.pos += len(token)
	return true
}

func (s *scanner) skipSpace() {
	s.pos += len(s.rest()) - len(strings.TrimLeft(s.rest(), " \t"))
}

// lexeme is take with white space allowed on both sides.
func (s *scanner) lexeme(token string) bool {
	start := s.pos
	s.skipSpace()
	if !s.take(token) {
		s.pos = start
		return false
	}
	s.skipSpace()
	return true
}

// fail is the error at the present position. expecting names what would have been right.
func (s *scanner) fail(expecting string) error {
	unexpected := "end of input"
	if !s.atEnd() {
		char, _ := utf8.DecodeRuneInString(s.rest())
		unexpected = fmt.Sprintf("%q", string(char))
	}
	return s.failText(fmt.Sprintf("unexpected %s expecting %s", unexpected, expecting))
}

// failText is the error at the present position with details of its own.
func (s *scanner) failText(details string) error {
	column := utf8.RuneCountInString(s.text[:s.pos]) + 1
	return &Error{
		Code:    CodeParse,
		Message: fmt.Sprintf("\"failed to parse %s (%s)\" (line 1, column %d)", s.what, s.text, column),
		Details: details,
	}
}

// expectEnd refuses what is left over.
func (s *scanner) expectEnd(expecting string) error {
	if s.atEnd() {
		return nil
	}
	return s.fail(expecting)
}

// enter and leave count parentheses.
func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return s.failText(fmt.Sprintf("more than %d levels of parentheses", maxDepth))
	}
	return nil
}

func (s *scanner) leave() { s.depth-- }

// name takes a field name: bare (letters, digits, _, $, spaces inside, dashes) or in double quotes.
func (s *scanner) name() (string, error) {
	if s.peek() == '"' {
		return s.quoted()
	}
	start := s.pos
	for !s.atEnd() {
		char, size := utf8.DecodeRuneInString(s.rest())
		if !isNameRune(char) && !s.atDash() {
			break
		}
		s.pos += size
	}
	name := strings.TrimSpace(s.text[start:s.pos])
	if name == "" {
		s.pos = start
		return "", s.fail("field name (* or [a..z0..9_$])")
	}
	return name, nil
}

// atDash tells a dash in a name from the arrow of a JSON path.
func (s *scanner) atDash() bool {
	return s.peek() == '-' && !strings.HasPrefix(s.rest(), "->")
}

func isNameRune(char rune) bool {
	return unicode.IsLetter(char) || unicode.IsDigit(char) || strings.ContainsRune("_ $", char)
}

// quoted takes a string in double quotes; a backslash keeps the byte after it.
func (s *scanner) quoted() (string, error) {
	start := s.pos
	var value strings.Builder
	for s.pos++; !s.atEnd(); s.pos++ {
		switch s.peek() {
		case '"':
			s.pos++
			return value.String(), nil
		case '\\':
			if s.pos++; !s.atEnd() {
				value.WriteByte(s.peek())
			}
		default:
			value.WriteByte(s.peek())
		}
	}
	s.pos = start
	return "", s.failText("a double quote is not closed")
}

// names takes a comma-separated list of field names to the end of the text.
func (s *scanner) names() ([]string, error) {
	var names []string
	for {
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if names = append(names, name); !s.lexeme(",") {
			return names, s.expectEnd(`"," or end of input`)
		}
	}
}
