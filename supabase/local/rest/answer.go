package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// answer is a response that has not been written yet.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ranged is the answer to a read of a part of the rows, without its body.
func ranged(part rowRange, o outcome) (*answer, error) {
	status, err := part.rangeStatus(o.rows, o.total)
	if err != nil {
		return nil, err
	}
	a := &answer{status: status, header: http.Header{}}
	a.header.Set("Content-Range", contentRange(part.offset, part.offset+o.rows-1, o.total))
	return a, nil
}

// carry sets the body and what describes it.
func (a *answer) carry(r *request, body []byte) {
	a.body = body
	a.header.Set("Content-Type", r.media.contentType())
	if r.profiled {
		a.header.Set("Content-Profile", catalog.Schema)
	}
}

func (a *answer) prefer(applied string) {
	if applied != "" {
		a.header.Set("Preference-Applied", applied)
	}
}

// overridden is the answer with what the database put into response.status and response.headers.
func (a *answer) overridden(o outcome) (*answer, error) {
	if o.status != "" {
		status, err := strconv.Atoi(o.status)
		if err != nil || !validStatus(status) {
			return nil, &apiError{
				status: http.StatusInternalServerError, code: "PGRST112",
				message: "response.status guc must be a valid status code",
			}
		}
		a.status = status
	}
	if o.headers == "" {
		return a, nil
	}
	var headers []map[string]string
	if err := json.Unmarshal([]byte(o.headers), &headers); err != nil || !singleKeys(headers) {
		return nil, &apiError{
			status: http.StatusInternalServerError, code: "PGRST111",
			message: "response.headers guc must be a JSON array composed of objects with a single key and a string value",
		}
	}
	a.addHeaders(headers)
	return a, nil
}

func singleKeys(headers []map[string]string) bool {
	for _, header := range headers {
		if len(header) != 1 {
			return false
		}
	}
	return true
}

// addHeaders replaces headers of this package, but lets the database send one name several times: cookies need that.
func (a *answer) addHeaders(headers []map[string]string) {
	replaced := map[string]bool{}
	for _, header := range headers {
		for name, value := range header {
			name = http.CanonicalHeaderKey(name)
			if !replaced[name] {
				a.header.Del(name)
				replaced[name] = true
			}
			a.header.Add(name, value)
		}
	}
}

// refusal is the answer of an error.
func refusal(err *apiError) *answer {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	// Strings, and lists of maps of strings: encoding them cannot fail.
	_ = encoder.Encode(struct {
		Code    string `json:"code"`
		Details any    `json:"details"`
		Hint    any    `json:"hint"`
		Message string `json:"message"`
	}{err.code, err.details, err.hint, err.message})
	a := &answer{status: err.status, header: http.Header{}, body: bytes.TrimSpace(body.Bytes())}
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	a.header.Set("Proxy-Status", "PostgREST; error="+err.code)
	for name, values := range err.header {
		a.header[name] = values
	}
	return a
}

// bodiless are the statuses that net/http refuses a body for.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// write sends the answer. An error means that the client is gone.
func (a *answer) write(w http.ResponseWriter, r *http.Request) error {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead || bodiless(a.status) {
		return nil
	}
	_, err := w.Write(a.body) //nolint:gosec // JSON from the database, sent as JSON: nothing renders it
	return err
}
