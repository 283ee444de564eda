package storage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// requestTimeout bounds a request from its first byte to its last.
const requestTimeout = 2 * time.Minute

// Handler answers requests to /storage/v1, whose paths come without that prefix.
type Handler struct {
	db     database
	disk   disk
	ring   *keys.Ring
	logger *slog.Logger
}

// New returns a handler that keeps files in the folder dir, which exists. The pool connects as supabase_storage_admin.
func New(pool *pgxpool.Pool, ring *keys.Ring, dir string, logger *slog.Logger) *Handler {
	if pool == nil || ring == nil || dir == "" || logger == nil {
		panic("storage.New: pool, ring, folder and logger are required")
	}
	return &Handler{db: database{pool}, disk: disk{dir}, ring: ring, logger: logger}
}

// request is what each endpoint gets.
type request struct {
	http   *http.Request
	caller keys.Claims
	bucket string
	// name is the object's, without a slash in front.
	name string
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	if err := h.respond(w, r.WithContext(ctx)); err != nil {
		refused := asAPIError(err)
		if refused == errUnknown && r.Context().Err() == nil {
			h.logger.WarnContext(ctx, "storage request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		refused.write(w)
	}
}

type endpoint func(http.ResponseWriter, *request) error

func (h *Handler) respond(w http.ResponseWriter, r *http.Request) error {
	serve, rest, open := h.route(r.Method, strings.TrimPrefix(r.URL.Path, "/object/"))
	if serve == nil {
		return &apiError{http.StatusNotFound, "not_found", "Route " + r.Method + ":" + r.URL.Path + " not found"}
	}
	asked := &request{http: r}
	asked.bucket, asked.name, _ = strings.Cut(rest, "/")
	if asked.name != "" && !validKey.MatchString(asked.name) {
		return &apiError{http.StatusBadRequest, "InvalidKey", "Invalid key: " + asked.name}
	}
	if !open {
		var err error
		if asked.caller, err = h.identify(r); err != nil {
			return err
		}
	}
	return serve(w, asked)
}

// validKey are the names that S3 takes.
var validKey = regexp.MustCompile(`^[\w/!.*'() &$@=;:+,?-]+$`)

// route finds the endpoint and the rest of the path that it is asked about: a bucket, or a bucket and a name. Open ones
// know the caller in another way than by a token.
func (h *Handler) route(method, path string) (serve endpoint, rest string, open bool) {
	reads := method == http.MethodGet || method == http.MethodHead
	kind, below, _ := strings.Cut(path, "/")
	switch {
	case reads && kind == "sign":
		return h.downloadSigned, below, true
	case reads && kind == "public":
		return h.downloadPublic, below, true
	case reads && kind == "authenticated":
		return h.download, below, false
	case reads:
		return h.download, path, false
	case method == http.MethodPost && kind == "sign":
		return h.sign, below, false
	case method == http.MethodPost && kind == "list":
		return h.list, below, false
	case method == http.MethodPost:
		return h.upload, path, false
	case method == http.MethodPut:
		return h.update, path, false
	case method == http.MethodDelete:
		return h.remove, path, false
	default:
		return nil, "", false
	}
}

// identify verifies the token of a request: the bearer, else the API key. Either may be an sb_ key.
func (h *Handler) identify(r *http.Request) (keys.Claims, error) {
	credential := r.Header.Get("Apikey")
	if scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "bearer") {
		credential = strings.TrimSpace(token)
	}
	token, err := h.ring.Resolve(credential)
	if err != nil {
		return keys.Claims{}, denied("Invalid Compact JWS")
	}
	claims, err := h.ring.Verify(token)
	switch {
	case errors.Is(err, keys.ErrExpired):
		return keys.Claims{}, denied("jwt expired")
	case err != nil:
		return keys.Claims{}, denied("signature verification failed")
	}
	return claims, nil
}
