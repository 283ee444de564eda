package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
)

// broadcastSingle sends one message, named by the path; the body is its payload. Unlike a batch it says when the
// policies refuse.
func (s *Server) broadcastSingle(w http.ResponseWriter, r *http.Request) {
	who := s.sender(w, r)
	if who == nil {
		return
	}
	user := s.readUserMessage(w, r)
	if user == nil {
		return
	}
	topic, private := r.PathValue("topic"), r.URL.Query().Get("private") == "true"
	if private && !s.maySend(w, r, subjectOf(who, topic, r.Header)) {
		return
	}
	key := roomKey{topic: topicPrefix + topic, private: private}
	s.send(s.hub.find(key), newUserBroadcast(key.topic, user), nil)
	w.WriteHeader(http.StatusAccepted)
}

// readUserMessage returns nil when the request has been answered.
func (s *Server) readUserMessage(w http.ResponseWriter, r *http.Request) *userMessage {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" && kind != "application/octet-stream" {
		writeJSON(w, http.StatusUnsupportedMediaType,
			map[string]string{"error": "Unsupported Media Type. Use application/json or application/octet-stream"})
		return nil
	}
	body, ok := readBody(w, r)
	if !ok {
		return nil
	}
	user := &userMessage{event: r.PathValue("event"), raw: kind == "application/octet-stream", payload: body}
	if !user.raw {
		if user.payload = objectBody(body); user.payload == nil {
			writeBadRequest(w)
			return nil
		}
	}
	if len(user.payload) > s.options.MaxPayloadBytes {
		writeErrors(w, map[string][]string{"payload": {payloadTooLarge}})
		return nil
	}
	return user
}

// objectBody returns a JSON body as an object: what is none comes under the key _json. It is nil for bad JSON.
func objectBody(body []byte) json.RawMessage {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return emptyObject
	case !validJSON(body):
		return nil
	case body[0] == '{':
		return body
	default:
		return append(append([]byte(`{"_json":`), body...), '}')
	}
}

// maySend asks the policies and answers the request when they do not allow it, or cannot be asked.
func (s *Server) maySend(w http.ResponseWriter, r *http.Request, who subject) bool {
	allowed, err := s.authorizer.mayWrite(r.Context(), who, broadcastExtension)
	switch {
	case err == nil && !allowed:
		writeMessage(w, http.StatusForbidden, "Unauthorized")
	case errors.Is(err, errPool):
		writeMessage(w, http.StatusTooManyRequests, "Connection pool exhausted")
	case err != nil:
		s.options.Logger.WarnContext(r.Context(), "policies not asked", "topic", who.topic, "err", err)
		writeMessage(w, http.StatusUnprocessableEntity, probeMessage(err))
	}
	return err == nil && allowed
}

// probeMessage is what the endpoint for one message says of a probe that failed.
func probeMessage(err error) string {
	switch {
	case errors.Is(err, errPartition):
		return "Missing messages partition"
	case errors.Is(err, errCanceled):
		return "Query canceled"
	case errors.Is(err, errPolicy):
		return "RLS policy error"
	default:
		return "Tenant database unavailable"
	}
}
