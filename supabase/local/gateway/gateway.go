package gateway

import (
	"log/slog"
	"net/http"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// Backends are the services behind the gateway. All are required but Storage.
type Backends struct {
	// Auth is served with /auth/v1 stripped.
	Auth http.Handler
	// Rest is served with /rest/v1 stripped.
	Rest http.Handler
	// Realtime is served under the paths of the bare server: /socket/websocket and /api/*.
	Realtime http.Handler
	// Storage is served with /storage/v1 stripped. Nil: its paths are unknown.
	Storage http.Handler
}

type gateway struct {
	routes []route
	ring   *keys.Ring
	logger *slog.Logger
}

// New returns the gateway of the backends. It panics when a required backend, the ring or the logger is missing: that is a
// mistake of the caller which no request should have to find.
func New(backends Backends, ring *keys.Ring, logger *slog.Logger) http.Handler {
	if backends.Auth == nil || backends.Rest == nil || backends.Realtime == nil || ring == nil || logger == nil {
		panic("gateway: New needs three backends, a ring and a logger")
	}
	g := &gateway{routes: routesTo(backends), ring: ring, logger: logger}
	return g.observed(g.serve)
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	route, found := g.routeOf(r.URL)
	if !found {
		answer(w, http.StatusNotFound, refusalBody{Message: "no Route matched with those values"})
		return
	}
	forwarded := route.rewrite(r)
	if !route.open {
		if refused := g.admit(forwarded, route.keyInQuery); refused != nil {
			answer(w, http.StatusUnauthorized, *refused)
			return
		}
	}
	route.backend.ServeHTTP(w, forwarded)
}
