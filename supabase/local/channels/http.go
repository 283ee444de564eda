package channels

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBodyBytes bounds the body of a request that sends messages.
const maxBodyBytes = 8_000_000

// payloadTooLarge is what HTTP says of a payload above MaxPayloadBytes.
const payloadTooLarge = "Payload size exceeds tenant limit"

// preflight answers a browser that asks before it sends. Behind the gateway, the gateway does.
func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	w.Header().Set("Access-Control-Allow-Headers", "apikey, authorization, content-type, x-client-info")
	w.WriteHeader(http.StatusNoContent)
}

// writeJSON answers with a JSON body. An error of writing is the client's: it has gone.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(mustMarshal(body))
}

func writeMessage(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"message": text})
}

func writeErrors(w http.ResponseWriter, errs any) {
	writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"errors": errs})
}

// sender checks who sends a request, and the rate. When it returns nil the request has been answered.
func (s *Server) sender(w http.ResponseWriter, r *http.Request) *identity {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	token, ok := bearer(r.Header)
	if !ok { // Realtime crashes on such a header
		writeJSON(w, http.StatusInternalServerError, map[string]any{"errors": map[string]string{"detail": "Internal Server Error"}})
		return nil
	}
	who, err := identify(s.options.Ring, token)
	if err != nil {
		writeMessage(w, http.StatusUnauthorized, "Unauthorized")
		return nil
	}
	average := int(s.events.average(time.Now()))
	limit := s.options.Limits.EventsPerSecond
	w.Header().Set("X-Rate-Rolling", strconv.Itoa(average))
	w.Header().Set("X-Rate-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(limit-average))
	if average >= limit {
		writeMessage(w, http.StatusTooManyRequests, "Too many requests")
		return nil
	}
	return who
}

// bearer returns the token of a request: that of Authorization, else the API key. It fails when Authorization is
// anything but two words.
func bearer(header http.Header) (token string, ok bool) {
	authorization := header.Get("Authorization")
	if authorization == "" {
		return header.Get("Apikey"), true
	}
	words := strings.Fields(authorization)
	if len(words) != 2 {
		return "", false
	}
	return words[1], true
}

// readBody returns the body of a request. When ok is false the request has been answered.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeJSON(w, http.StatusRequestEntityTooLarge, map[string]any{"errors": map[string]string{"detail": "Request Entity Too Large"}})
		return nil, false
	case err != nil:
		writeBadRequest(w)
		return nil, false
	}
	return body, true
}

func writeBadRequest(w http.ResponseWriter) {
	writeJSON(w, http.StatusBadRequest, map[string]any{"errors": map[string]string{"detail": "Bad Request"}})
}

// subjectOf is the sender as the policies see it. Over HTTP they see every header.
func subjectOf(who *identity, topic string, header http.Header) subject {
	return subject{
		identity: who, topic: topic,
		headers: headersJSON(header, func(string) bool { return true }),
	}
}

// emptyObject stands for a body that is not there.
var emptyObject = json.RawMessage("{}")
