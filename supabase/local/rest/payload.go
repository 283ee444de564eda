package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// payload is a JSON body: an object, or an array of objects with equal keys.
type payload struct {
	// text is the body as an array.
	text string
	// keys are the keys of the objects, sorted.
	keys []string
}

// requireJSON refuses bodies of another type; a missing type means JSON.
func requireJSON(header http.Header) error {
	contentType := header.Get("Content-Type")
	if contentType == "" {
		return nil
	}
	name, _, err := mime.ParseMediaType(contentType)
	if err != nil || name != "application/json" && name != "application/vnd.pgrst.object+json" &&
		name != "application/vnd.pgrst.array+json" {
		return unsupportedContentType(contentType)
	}
	return nil
}

// parsePayload reads the body of an insert or update. With columns the keys of the objects may differ.
func parsePayload(body []byte, columns []string) (payload, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !json.Valid(body) {
		return payload{}, badBody("Empty or invalid json")
	}
	if body[0] == '{' {
		body = slices.Concat([]byte("["), body, []byte("]"))
	}
	var objects []map[string]json.RawMessage
	if err := json.Unmarshal(body, &objects); err != nil || slices.ContainsFunc(objects, isNull) {
		return payload{}, badBody("All object keys must match")
	}
	if columns != nil {
		return payload{text: string(body), keys: columns}, nil
	}
	keys, err := commonKeys(objects)
	return payload{text: string(body), keys: keys}, err
}

func isNull(object map[string]json.RawMessage) bool { return object == nil }

func commonKeys(objects []map[string]json.RawMessage) ([]string, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	keys := slices.Sorted(maps.Keys(objects[0]))
	for _, object := range objects[1:] {
		if !slices.Equal(keys, slices.Sorted(maps.Keys(object))) {
			return nil, badBody("All object keys must match")
		}
	}
	return keys, nil
}

// records is a FROM item pgrst_body with the payload's rows as typed columns. Without keys it has rows but no columns.
// With defaults, a key that an object lacks takes the column's default instead of null.
func (b *builder) records(columns []typed, text string, defaults bool) string {
	if len(columns) == 0 {
		return fmt.Sprintf("json_array_elements(%s::json) as pgrst_body", b.bind(text))
	}
	definitions := make([]string, len(columns))
	for i, column := range columns {
		definitions[i] = quote(column.name) + " " + column.kind
	}
	source := "json_to_recordset"
	document := b.bind(text) + "::json"
	if defaults {
		source = "jsonb_to_recordset"
		document = fmt.Sprintf("(select jsonb_agg(%s || pgrst_element) from jsonb_array_elements(%sb) as pgrst_element)",
			b.defaults(columns), document)
	}
	return fmt.Sprintf("%s(%s) as pgrst_body(%s)", source, document, strings.Join(definitions, ", "))
}

// typed is a column of records. kind and preset come from the catalogue and are SQL.
type typed struct {
	name, kind, preset string
}

func (b *builder) defaults(columns []typed) string {
	var pairs []string
	for _, column := range columns {
		if column.preset != "" {
			pairs = append(pairs, fmt.Sprintf("%s::text, %s", b.bind(column.name), column.preset))
		}
	}
	return "jsonb_build_object(" + strings.Join(pairs, ", ") + ")"
}
