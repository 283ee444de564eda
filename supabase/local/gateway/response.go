package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
)

// response stands between a backend and the client. It remembers the status for the access log and sets the CORS
// headers last, because a backend may set its own and a browser refuses an answer that carries two.
type response struct {
	http.ResponseWriter
	// status is 0 until something was answered, and 101 once the connection was taken over.
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		allowAnyOrigin(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(body)
}

// Hijack hands the connection to the WebSocket server, which asks for http.Hijacker by type.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	w.status = http.StatusSwitchingProtocols
	return conn, buffered, nil
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answer writes a body of the gateway's own.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller who has gone needs no answer
}
