package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// requestTimeout bounds everything a request does in the database.
const requestTimeout = 10 * time.Second

type server struct {
	pool *pgxpool.Pool
	ring *keys.Ring
	opts Options
}

// New returns the Auth service, to be mounted at /auth/v1 with that prefix stripped. The pool connects as a role that
// owns the auth schema: supabase_auth_admin or supabase_admin. The pool stays the caller's to close.
//
// The service checks the token in Authorization and nothing else: that a request has an API key is the gateway's rule.
func New(pool *pgxpool.Pool, ring *keys.Ring, opts Options) http.Handler {
	s := &server{pool: pool, ring: ring, opts: opts.withDefaults()}
	mux := http.NewServeMux()
	for pattern, handle := range s.endpoints() {
		mux.Handle(pattern, s.endpoint(handle))
	}
	return mux
}

// An endpoint answers the request itself or returns what writeError is to answer.
type endpoint func(w http.ResponseWriter, r *http.Request) error

func (s *server) endpoints() map[string]endpoint {
	return map[string]endpoint{
		"POST /signup": s.signUp,
		"POST /token":  s.token,
		"GET /user":    s.asUser(s.userGet),
		"PUT /user":    s.asUser(s.userUpdate),
		"POST /logout": s.asUser(s.logout),

		"POST /recover": s.recover,
		"POST /verify":  s.verify,
		"GET /verify":   s.verifyLink,

		"POST /invite":             s.asAdmin(s.invite),
		"GET /admin/users":         s.asAdmin(s.adminList),
		"POST /admin/users":        s.asAdmin(s.adminCreate),
		"GET /admin/users/{id}":    s.asAdmin(s.adminGet),
		"PUT /admin/users/{id}":    s.asAdmin(s.adminUpdate),
		"DELETE /admin/users/{id}": s.asAdmin(s.adminDelete),

		"GET /health":                s.health,
		"GET /settings":              s.settings,
		"GET /.well-known/jwks.json": s.jwks,
		"/":                          s.unsupported,
	}
}

func (s *server) endpoint(handle endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		if err := handle(w, r.WithContext(ctx)); err != nil {
			s.writeError(w, r, err)
		}
	})
}

// now is the service's clock at the precision of the database, so that an answer equals what is read back later.
func (s *server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Microsecond) }

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller who has gone needs no answer
}
