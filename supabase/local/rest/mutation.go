package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// mutation is an insert, update or delete of one table.
type mutation struct {
	request *request
	table   *catalog.Table
	builder *builder
	// root is the read of the representation; its source is the rows that the statement returns.
	root *node
	// target is the node that the filters of an update or delete refer to.
	target *node
}

// planMutation plans POST, PATCH and DELETE of a table.
func planMutation(r *request, snapshot *catalog.Snapshot, name string) (*plan, error) {
	m, err := newMutation(r, snapshot, name)
	if err != nil {
		return nil, err
	}
	var change string
	switch r.http.Method {
	case http.MethodPost:
		change, err = m.insert()
	case http.MethodPatch:
		change, err = m.update()
	case http.MethodDelete:
		change, err = m.remove()
	default:
		return nil, unsupportedMethod(r.http.Method)
	}
	if err != nil {
		return nil, err
	}
	rows, body, err := m.representation()
	if err != nil {
		return nil, err
	}
	return &plan{
		main:   m.builder.statement(envelope(change, rows, noTotal, body)),
		finish: m.finish,
	}, nil
}

func newMutation(r *request, snapshot *catalog.Snapshot, name string) (*mutation, error) {
	table := snapshot.Table(name)
	if table == nil {
		return nil, noTable(name, snapshot)
	}
	m := &mutation{
		request: r, table: table, builder: &builder{},
		root:   &node{table: table, source: "pgrst_source", alias: name},
		target: &node{table: table, source: exposed(name), alias: name},
	}
	part, err := rangeOf(r.params.At(), r.http)
	if err != nil {
		return nil, err
	}
	if err := m.builder.tree(snapshot, r.params, m.root); err != nil {
		return nil, err
	}
	// The filters choose the rows to change; what the change made of them is shown whatever it is.
	m.target.where, m.root.where, m.root.part = m.root.where, nil, part
	return m, nil
}

// columns are the payload's keys with their types.
func (m *mutation) columns(keys []string) ([]typed, error) {
	var columns []typed
	for _, key := range keys {
		column, known := m.table.Column(key)
		if !known {
			return nil, noColumn(m.table.Name, key)
		}
		columns = append(columns, typed{name: column.Name, kind: column.Type, preset: column.Default})
	}
	return columns, nil
}

// payload reads the body and checks its keys.
func (m *mutation) payload() (payload, []typed, error) {
	data, err := parsePayload(m.request.body, m.request.params.Columns)
	if err != nil {
		return payload{}, nil, err
	}
	columns, err := m.columns(data.keys)
	return data, columns, err
}

// records is the FROM item that the change takes its values from.
func (m *mutation) records(data payload, columns []typed) string {
	return m.builder.records(columns, data.text, m.request.prefer.missing == "default")
}

func (m *mutation) insert() (string, error) {
	data, columns, err := m.payload()
	if err != nil {
		return "", err
	}
	keys, list := data.keys, ""
	if len(keys) > 0 {
		list = " (" + quoteAll(keys) + ")"
	}
	conflict, err := m.onConflict(keys)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("insert into %s as %s%s select %s from %s%s returning %s", m.target.source, quote(m.target.alias), list,
		strings.Join(prefixed("pgrst_body", keys), ", "), m.records(data, columns), conflict, m.returning()), nil
}

func prefixed(alias string, names []string) []string {
	columns := make([]string, len(names))
	for i, name := range names {
		columns[i] = quote(alias, name)
	}
	return columns
}

// onConflict is the clause of an upsert, empty for an insert or a table without a key.
func (m *mutation) onConflict(keys []string) (string, error) {
	unique := m.request.params.OnConflict
	if unique == nil {
		unique = m.table.PrimaryKey
	}
	if m.request.prefer.resolution == "" || len(unique) == 0 {
		return "", nil
	}
	for _, name := range unique {
		if _, known := m.table.Column(name); !known {
			return "", noColumn(m.table.Name, name)
		}
	}
	clause := " on conflict (" + quoteAll(unique) + ") do "
	if m.request.prefer.resolution == "ignore-duplicates" || len(keys) == 0 {
		return clause + "nothing", nil
	}
	assignments := make([]string, len(keys))
	for i, key := range keys {
		assignments[i] = fmt.Sprintf("%s = excluded.%s", quote(key), quote(key))
	}
	return fmt.Sprintf("%supdate set %s where %s", clause, strings.Join(assignments, ", "), countReplaced), nil
}

// countReplaced is always true and counts the rows it was asked about.
const countReplaced = `set_config('` + replacedSetting + `',
  (coalesce(nullif(current_setting('` + replacedSetting + `', true), ''), '0')::bigint + 1)::text, true) is not null`

func (m *mutation) update() (string, error) {
	data, columns, err := m.payload()
	if err != nil {
		return "", err
	}
	filters, err := m.filters("UPDATE")
	if err != nil {
		return "", err
	}
	if len(data.keys) == 0 {
		// SET cannot be empty. The filters stay: their values are bound, and every bound value must have its place.
		return fmt.Sprintf("select %s from %s as %s%s limit 0", m.returning(), m.target.source, quote(m.target.alias), filters), nil
	}
	assignments := make([]string, len(data.keys))
	for i, key := range data.keys {
		assignments[i] = fmt.Sprintf("%s = %s", quote(key), quote("pgrst_body", key))
	}
	return fmt.Sprintf("update %s as %s set %s from (select * from %s limit 1) as pgrst_body%s returning %s", m.target.source,
		quote(m.target.alias), strings.Join(assignments, ", "), m.records(data, columns), filters, m.returning()), nil
}

func (m *mutation) remove() (string, error) {
	filters, err := m.filters("DELETE")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("delete from %s as %s%s returning %s", m.target.source, quote(m.target.alias), filters, m.returning()), nil
}

// filters is the WHERE of a change. Hosted Supabase loads safeupdate for API roles, which refuses a change of all rows.
func (m *mutation) filters(verb string) (string, error) {
	if len(m.target.where) == 0 {
		return "", &apiError{status: http.StatusBadRequest, code: "21000", message: verb + " requires a WHERE clause"}
	}
	return m.builder.restrictions(m.target, joined)
}

// returning lists the columns that the answer needs and no others: the role may not read all of them.
func (m *mutation) returning() string {
	names := m.needed()
	if len(names) == 0 {
		return "1"
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = m.builder.columnOf(m.target.alias, name)
	}
	return strings.Join(list, ", ")
}

func (m *mutation) needed() []string {
	switch m.request.prefer.returning {
	case "headers-only":
		return m.table.PrimaryKey
	case "representation":
	default:
		return nil
	}
	var names []string
	for _, item := range m.root.columns {
		if item.Field.Name == "*" {
			return []string{"*"}
		}
		names = append(names, item.Field.Name)
	}
	for _, order := range m.root.order {
		if order.Relation == "" {
			names = append(names, order.Field.Name)
		}
	}
	names = append(names, m.root.joinKeys()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// representation is the read over the changed rows and the body made of it.
func (m *mutation) representation() (rows, body string, err error) {
	switch m.request.prefer.returning {
	case "representation":
		rows, err = m.builder.selection(m.root)
		return rows, m.request.media.rows(), err
	case "headers-only":
		return "select * from pgrst_source", media{}.array(rowsJSON), nil
	default:
		return "select * from pgrst_source", noBody, nil
	}
}

func (m *mutation) finish(o outcome) (*answer, error) {
	r := m.request
	// Also without a representation: who asks for one object expects to have changed one row.
	if r.media.single && o.rows != 1 {
		return nil, notSingular(o.rows)
	}
	if err := checkAffected(r, o.rows); err != nil {
		return nil, err
	}
	a := &answer{status: m.status(o), header: http.Header{}}
	a.header.Set("Content-Range", m.contentRange(o))
	a.prefer(r.prefer.applied(m.applicable()...))
	switch {
	case r.prefer.returning == "representation":
		a.carry(r, o.body)
	case r.prefer.returning == "headers-only" && r.http.Method == http.MethodPost:
		a.locate(m.table, o.body)
	}
	return a.overridden(o)
}

func checkAffected(r *request, rows int64) error {
	limit := r.prefer.limitAffected()
	if limit < 0 || rows <= limit || r.http.Method == http.MethodPost && !isCall(r) {
		return nil
	}
	return &apiError{
		status: http.StatusBadRequest, code: "PGRST124", message: "Query result exceeds max-affected preference constraint",
		details: fmt.Sprintf("The query affects %d rows", rows),
	}
}

func (m *mutation) status(o outcome) int {
	r := m.request
	switch {
	case r.http.Method == http.MethodPost && r.prefer.resolution == "merge-duplicates" && o.rows <= o.replaced:
		return http.StatusOK
	case r.http.Method == http.MethodPost:
		return http.StatusCreated
	case r.prefer.returning == "representation":
		return http.StatusOK
	default:
		return http.StatusNoContent
	}
}

func (m *mutation) contentRange(o outcome) string {
	var total *int64
	if m.request.prefer.count != "" {
		total = &o.rows
	}
	if m.request.http.Method == http.MethodPatch {
		return contentRange(0, o.rows-1, total)
	}
	return contentRange(1, 0, total)
}

// applicable are the preferences that meant something to this change.
func (m *mutation) applicable() []string {
	if m.request.http.Method != http.MethodPost {
		return []string{"return", "count", "missing", "handling", "max-affected"}
	}
	if len(m.table.PrimaryKey) == 0 && m.request.params.OnConflict == nil {
		return []string{"return", "count", "missing", "handling"}
	}
	return []string{"resolution", "return", "count", "missing", "handling"}
}

// locate points to the one row that was inserted, by its primary key. Of several rows none is pointed to.
func (a *answer) locate(table *catalog.Table, body []byte) {
	var rows []map[string]json.RawMessage
	if json.Unmarshal(body, &rows) != nil || len(rows) != 1 || len(table.PrimaryKey) == 0 {
		return
	}
	var filters []string
	for _, name := range table.PrimaryKey {
		filters = append(filters, url.QueryEscape(name)+"=eq."+url.QueryEscape(plainText(rows[0][name])))
	}
	a.header.Set("Location", "/"+table.Name+"?"+strings.Join(filters, "&"))
}

// plainText is a JSON string without its quotes, anything else as it stands.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
