package channels

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lxzan/gws"
)

// readBuffer is what each socket holds to read into. Messages are small; larger ones are read past it.
const readBuffer = 2 << 10

// handshakeTimeout bounds writing the answer that upgrades a connection.
const handshakeTimeout = 5 * time.Second

func newUpgrader(maxFrameBytes int) *gws.Upgrader {
	return gws.NewUpgrader(receiver{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxFrameBytes,
		ReadBufferSize:     readBuffer,
		HandshakeTimeout:   handshakeTimeout,
		// Text that is not UTF-8 would be passed on, and browsers close the connection that it comes on.
		CheckUtf8Enabled: true,
	})
}

// connect answers the request that opens a WebSocket. Refusals are HTTP answers, which browsers do not show.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	encoding, known := serializerFor(r.URL.Query().Get("vsn"))
	if !known {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	who, status, reason := s.admit(r)
	if reason != "" {
		pause(r.Context(), s.options.RefusalDelay)
		writeJSON(w, status, map[string]string{"error": reason})
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		writeJSON(w, http.StatusUpgradeRequired, map[string]string{"error": "This is a WebSocket endpoint"})
		return
	}
	s.open(w, r, encoding, who)
}

// admit checks API key and limits. An empty reason means that the client may connect.
func (s *Server) admit(r *http.Request) (who *identity, status int, reason string) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		key = r.URL.Query().Get("apikey")
	}
	if key == "" {
		return nil, http.StatusUnauthorized, "API key is missing"
	}
	who, err := identify(s.options.Ring, key)
	if err != nil {
		return nil, http.StatusUnauthorized, connectReason(err)
	}
	if s.users.Load() >= int64(s.options.Limits.Users) {
		return nil, http.StatusTooManyRequests, errUsers.message
	}
	if s.joins.reached(time.Now()) {
		return nil, http.StatusTooManyRequests, errJoins.message
	}
	return who, 0, ""
}

// connectReason differs from what a channel is told in one case: an expired key is not said since when.
func connectReason(err error) string {
	var refused *refusalError
	switch {
	case !errors.As(err, &refused):
		return err.Error()
	case strings.HasPrefix(refused.message, "Token has expired"):
		return "Token has expired"
	default:
		return refused.message
	}
}

// open upgrades the connection and starts its socket. The goroutine of the HTTP server goes free: what it holds for a
// request would otherwise stay in memory as long as the socket.
func (s *Server) open(w http.ResponseWriter, r *http.Request, encoding serializer, who *identity) {
	conn, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		s.options.Logger.DebugContext(r.Context(), "websocket not upgraded", "err", err)
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	socket := newSocket(ctx, cancel, s, conn, encoding, who)
	socket.headers = headersJSON(r.Header, func(name string) bool { return strings.HasPrefix(name, "x-") })
	if err := s.adopt(socket); err != nil {
		cancel()
		_ = conn.WriteClose(closeGoingAway, nil) // the client is turned away either way
		return
	}
	go socket.run()
}

// headersJSON is the value of request.headers: an object of the wanted headers, names in lower case.
func headersJSON(header http.Header, wanted func(name string) bool) string {
	chosen := make(map[string]string)
	for name, values := range header {
		if name = strings.ToLower(name); wanted(name) {
			chosen[name] = strings.Join(values, ", ")
		}
	}
	if len(chosen) == 0 {
		return "{}"
	}
	return string(mustMarshal(chosen))
}
