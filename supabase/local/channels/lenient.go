package channels

import "encoding/json"

// The functions here read JSON from clients. Realtime takes a field of the wrong type for an absent one, so none of
// them returns an error.

// asString returns nil unless raw is a JSON string.
func asString(raw json.RawMessage) *string {
	var text *string
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}
	return text
}

// asText is asString with "" for nil.
func asText(raw json.RawMessage) string {
	if text := asString(raw); text != nil {
		return *text
	}
	return ""
}

// asBool is true for true and "true".
func asBool(raw json.RawMessage) bool {
	return string(raw) == "true" || string(raw) == `"true"`
}

// asObject returns nil unless raw is a JSON object. Its values point into raw.
func asObject(raw json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
}

// asList returns nil unless raw is a JSON array.
func asList(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// mustMarshal is for values of this package, which have no way to fail.
func mustMarshal(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}
