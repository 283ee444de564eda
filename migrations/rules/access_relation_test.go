package rules_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// relation is a table or view that the access tables have rows for.
type relation struct {
	name string
	// columns are all of them in order; writable leaves out what nobody can write (generated, identity always).
	columns  []string
	writable []string
	types    map[string]string
	// key tells rows apart: the primary key, or all columns where there is none.
	key []string
	// generatedKey are the columns of the key that a new row gets by itself.
	generatedKey []string
	rows         []accessRow
}

// accessRow is a row of the world.
type accessRow struct {
	key     string
	text    string
	project string // a word of accessWords, or empty
	chat    string // as project
}

const relationsQuery = `
	select relation.oid::regclass::text as name,
	       array_agg(attribute.attname::text order by attribute.attnum) as columns,
	       array_agg(attribute.attname::text order by attribute.attnum)
	         filter (where attribute.attidentity <> 'a' and attribute.attgenerated = '') as writable,
	       jsonb_object_agg(attribute.attname, format_type(attribute.atttypid, attribute.atttypmod)) as types,
	       coalesce(array_agg(attribute.attname::text order by attribute.attnum)
	         filter (where attribute.attnum = any(primary_key.indkey)), '{}') as key,
	       coalesce(array_agg(attribute.attname::text order by attribute.attnum)
	         filter (where attribute.attnum = any(primary_key.indkey) and attribute.atthasdef), '{}') as generated_key
	  from pg_catalog.pg_class as relation
	  join pg_catalog.pg_attribute as attribute
	    on attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
	  left join pg_catalog.pg_index as primary_key on primary_key.indrelid = relation.oid and primary_key.indisprimary
	 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
	   and relation.relkind in ('r', 'p', 'v', 'm', 'f')
	 group by relation.oid
	 order by name`

// relations are all tables and views of both schemas, with the rows of the world.
func (w accessWorld) relations(t *testing.T) []relation {
	t.Helper()
	rows, err := w.conn.Query(t.Context(), relationsQuery)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (relation, error) {
		var one relation
		err := row.Scan(&one.name, &one.columns, &one.writable, &one.types, &one.key, &one.generatedKey)
		return one, err
	})
	require.NoError(t, err)
	for i := range found {
		if len(found[i].key) == 0 {
			found[i].key = found[i].columns
		}
		found[i].rows = w.rowsOf(t, found[i])
	}
	return found
}

func (w accessWorld) rowsOf(t *testing.T, table relation) []accessRow {
	t.Helper()
	rows, err := w.conn.Query(t.Context(),
		fmt.Sprintf(`select jsonb_build_array(%s)::text, to_jsonb(t)::text from %s as t`, strings.Join(table.key, ", "), table.name))
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (accessRow, error) {
		var one accessRow
		err := row.Scan(&one.key, &one.text)
		return one, err
	})
	require.NoError(t, err)
	for i := range found {
		found[i].place(t, table.name)
	}
	return found
}

// place finds the project and the conversation of a row by its references.
func (r *accessRow) place(t *testing.T, table string) {
	t.Helper()
	var values map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.text), &values))
	r.chat = wordOf(values["conversation_id"], "visitor_chat", "other_chat", "outside_chat")
	r.project = wordOf(values["project_id"], "acme", "outside")
	switch table {
	case "public.projects":
		r.project = wordOf(values["id"], "acme", "outside")
	case "public.conversations":
		r.chat = wordOf(values["id"], "visitor_chat", "other_chat", "outside_chat")
	}
	if r.project == "" {
		r.project = projectOf(r.chat + wordOf(values["customer_id"], "visitor_customer", "other_customer", "outside_customer"))
	}
}

func projectOf(word string) string {
	switch {
	case word == "":
		return ""
	case strings.HasPrefix(word, "outside"):
		return "outside"
	default:
		return "acme"
	}
}

// wordOf is the one of the words whose uuid the value is; empty when it is none of them.
func wordOf(value any, words ...string) string {
	for _, word := range words {
		if value == wordID(word) {
			return word
		}
	}
	return ""
}

// names says whether the actor's id is in the row.
func (r accessRow) names(actor accessActor) bool {
	return actor.id() != "" && strings.Contains(r.text, actor.id())
}

// record is the row as an expression of its table's row type.
func (r accessRow) record(table string) string {
	return fmt.Sprintf("jsonb_populate_record(null::%s, %s::jsonb)", table, sqlText(r.text))
}

// signedBy is the row with the actor in the place of every person.
func (r accessRow) signedBy(actor accessActor) accessRow {
	if actor.id() == "" {
		return r
	}
	for _, person := range accessPeople {
		r.text = strings.ReplaceAll(r.text, wordID(person), actor.id())
	}
	return r
}

func sqlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
