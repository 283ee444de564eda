package query

import "strings"

// Item is one entry of select: a column or an embedded table.
type Item struct {
	// Alias renames the entry in the result, empty for its own name.
	Alias string
	// Field is the column; its zero value when Embed is set.
	Field Field
	// Cast is the type the column is cast to, empty for none. It holds only letters, digits, _ and spaces.
	Cast string
	// Embed is the related table, nil for a column.
	Embed *Embed
}

// Embed asks for the rows of a related table inside each row.
type Embed struct {
	// Relation names a table, a foreign key constraint or a foreign key column.
	Relation string
	// Hint chooses between several relationships, empty for none.
	Hint string
	// Inner drops rows that have no related row.
	Inner bool
	// Spread lifts the columns of the related row into this one.
	Spread bool
	// Select are the entries of the related rows; empty joins without adding anything to the result.
	Select []Item
}

// Label is the name of the entry in the result.
func (i Item) Label() string {
	switch {
	case i.Alias != "":
		return i.Alias
	case i.Embed != nil:
		return i.Embed.Relation
	default:
		return i.Field.Label()
	}
}

// parseSelect reads select=. An empty text selects everything, as a missing select does.
func parseSelect(text string) ([]Item, error) {
	if strings.TrimSpace(text) == "" {
		return []Item{{Field: Field{Name: "*"}}}, nil
	}
	s := newScanner("select parameter", text)
	items, err := s.items()
	if err != nil {
		return nil, err
	}
	return items, s.expectEnd(`"," or end of input`)
}

func (s *scanner) items() ([]Item, error) {
	var items []Item
	for {
		item, err := s.item()
		if err != nil {
			return nil, err
		}
		if items = append(items, item); !s.lexeme(",") {
			return items, nil
		}
	}
}

func (s *scanner) item() (Item, error) {
	s.skipSpace()
	if s.take("...") {
		name, err := s.name()
		if err != nil {
			return Item{}, err
		}
		return s.embed("", name, true)
	}
	if s.take("*") {
		return Item{Field: Field{Name: "*"}}, s.itemEnd()
	}
	return s.aliased()
}

// aliased takes [alias:]name and then decides between a column and a table by what follows.
func (s *scanner) aliased() (Item, error) {
	name, err := s.name()
	if err != nil {
		return Item{}, err
	}
	alias := ""
	if s.peek() == ':' && !strings.HasPrefix(s.rest(), "::") {
		s.pos++
		alias = name
		if name, err = s.name(); err != nil {
			return Item{}, err
		}
	}
	if name == "count" && strings.HasPrefix(s.rest(), "()") {
		return Item{}, errAggregate()
	}
	if s.peek() == '!' || s.peek() == '(' {
		return s.embed(alias, name, false)
	}
	return s.column(alias, name)
}

func (s *scanner) column(alias, name string) (Item, error) {
	path, err := s.path()
	if err != nil {
		return Item{}, err
	}
	item := Item{Alias: alias, Field: Field{Name: name, Path: path}}
	if s.take("::") {
		if item.Cast, err = s.typeName(); err != nil {
			return Item{}, err
		}
	}
	if s.atAggregate() {
		return Item{}, errAggregate()
	}
	return item, s.itemEnd()
}

// atAggregate recognises .sum() and its like after a column.
func (s *scanner) atAggregate() bool {
	for _, call := range []string{".sum()", ".avg()", ".min()", ".max()", ".count()"} {
		if strings.HasPrefix(s.rest(), call) {
			return true
		}
	}
	return false
}

// typeName takes the target of a cast. It goes into the statement unquoted, because "int" and "double precision" are
// grammar, not names; hence the narrow alphabet.
func (s *scanner) typeName() (string, error) {
	start := s.pos
	for isTypeByte(s.peek()) {
		s.pos++
	}
	name := strings.TrimSpace(s.text[start:s.pos])
	if name == "" {
		return "", s.fail("letter or digit")
	}
	return name, nil
}

func isTypeByte(char byte) bool {
	return char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z' || char >= '0' && char <= '9' || char == '_' || char == ' '
}

func (s *scanner) embed(alias, relation string, spread bool) (Item, error) {
	embed := &Embed{Relation: relation, Spread: spread}
	for s.take("!") {
		if err := s.modifier(embed); err != nil {
			return Item{}, err
		}
	}
	if !s.take("(") {
		return Item{}, s.fail(`"!" or "("`)
	}
	if err := s.enter(); err != nil {
		return Item{}, err
	}
	defer s.leave()
	var err error
	if embed.Select, err = s.embeddedItems(); err != nil {
		return Item{}, err
	}
	return Item{Alias: alias, Embed: embed}, s.itemEnd()
}

func (s *scanner) modifier(embed *Embed) error {
	name, err := s.name()
	if err != nil {
		return err
	}
	switch name {
	case "inner":
		embed.Inner = true
	case "left":
	default:
		embed.Hint = name
	}
	return nil
}

// embeddedItems takes the entries up to and with the closing parenthesis.
func (s *scanner) embeddedItems() ([]Item, error) {
	if s.lexeme(")") {
		return nil, nil
	}
	items, err := s.items()
	if err != nil {
		return nil, err
	}
	if !s.take(")") {
		return nil, s.fail(`"," or ")"`)
	}
	return items, nil
}

func (s *scanner) itemEnd() error {
	s.skipSpace()
	if s.atEnd() || s.peek() == ',' || s.peek() == ')' {
		return nil
	}
	return s.fail(`"->>", "->", "::", ")", "," or end of input`)
}
