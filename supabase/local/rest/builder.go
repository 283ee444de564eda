package rest

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// builder collects the values of one statement while its text is put together. Whatever a request says reaches a text in
// one of three ways: a value through bind, a name through quote, a cast that query restricted to letters, digits, _ and
// spaces.
type builder struct {
	values [][]byte
	// embeds numbers the lateral joins, so that each has a name of its own.
	embeds int
}

// statement is a text and the values of its placeholders, all as text of unknown type for Postgres to infer.
type statement struct {
	text   string
	values [][]byte
}

func (b *builder) statement(text string) statement {
	return statement{text: text, values: b.values}
}

// bind returns the placeholder of a value.
func (b *builder) bind(value string) string {
	b.values = append(b.values, []byte(value))
	return fmt.Sprintf("$%d", len(b.values))
}

// joinName is a new name for a lateral join.
func (b *builder) joinName(label string) string {
	b.embeds++
	return fmt.Sprintf("%s_embed_%d", shorten(label), b.embeds)
}

// shorten keeps a generated name within the 63 bytes that Postgres would cut it to, which could make two names one.
func shorten(label string) string {
	const longest = 40
	if len(label) <= longest {
		return label
	}
	return strings.ToValidUTF8(label[:longest], "")
}

// quote makes a name of the parts.
func quote(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// exposed is a name in the exposed schema.
func exposed(name string) string { return quote(catalog.Schema, name) }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}
