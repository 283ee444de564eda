package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A route sends the paths at and below prefix to a backend, with target in the prefix's place.
type route struct {
	prefix  string
	target  string
	backend http.Handler
	// open routes are answered without an API key.
	open bool
	// exact routes match the prefix alone, nothing below it.
	exact bool
	// keyInQuery routes find the role token in the query: browsers cannot set headers on a WebSocket.
	keyInQuery bool
}

// routesTo lists the routes in the order they are tried.
func routesTo(backends Backends) []route {
	const socket = "/socket/websocket"
	routes := []route{
		{prefix: "/health", backend: http.HandlerFunc(health), open: true, exact: true},
		// Verifiers of tokens fetch the key set without being clients of the project.
		{prefix: "/auth/v1/.well-known", target: "/.well-known", backend: backends.Auth, open: true},
		// The link of a mail is opened by a browser, which has no key.
		{prefix: "/auth/v1/verify", target: "/verify", backend: backends.Auth, open: true, exact: true},
		{prefix: "/auth/v1", backend: backends.Auth},
		{prefix: "/rest/v1", backend: backends.Rest},
		{prefix: "/realtime/v1/websocket", target: socket, backend: backends.Realtime, exact: true, keyInQuery: true},
		{prefix: "/realtime/v1/api", target: "/api", backend: backends.Realtime},
		{prefix: socket, target: socket, backend: backends.Realtime, exact: true, keyInQuery: true},
	}
	if backends.Storage != nil {
		// Signed addresses carry no key; Storage asks for a token where it needs one.
		routes = append(routes, route{prefix: "/storage/v1", backend: backends.Storage, open: true})
	}
	return routes
}

func (g *gateway) routeOf(u *url.URL) (route, bool) {
	for _, candidate := range g.routes {
		if candidate.matches(u) {
			return candidate, true
		}
	}
	return route{}, false
}

// matches looks at the path as it was sent as well: a prefix spelt with escapes could not be cut off.
func (rt route) matches(u *url.URL) bool {
	return rt.matchesPath(u.Path) && (u.RawPath == "" || rt.matchesPath(u.RawPath))
}

func (rt route) matchesPath(path string) bool {
	rest, found := strings.CutPrefix(path, rt.prefix)
	return found && (rest == "" || !rt.exact && rest[0] == '/')
}

// rewrite returns a copy of the request as the backend is to see it. The escaping of what follows the prefix is kept,
// because a Realtime topic in a path may hold an escaped slash.
func (rt route) rewrite(r *http.Request) *http.Request {
	forwarded := r.Clone(r.Context())
	forwarded.URL.Path = rt.replace(r.URL.Path)
	if r.URL.RawPath != "" {
		forwarded.URL.RawPath = rt.replace(r.URL.RawPath)
	}
	addForwardedFor(forwarded)
	return forwarded
}

func (rt route) replace(path string) string {
	path = rt.target + strings.TrimPrefix(path, rt.prefix)
	if path == "" {
		return "/"
	}
	return path
}

// addForwardedFor names the caller to the services, which sit behind a proxy on hosted Supabase and look for it there.
func addForwardedFor(r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return // no address to name: the request did not come over a socket
	}
	if earlier := r.Header.Get("X-Forwarded-For"); earlier != "" {
		host = earlier + ", " + host
	}
	r.Header.Set("X-Forwarded-For", host)
}

func health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}
