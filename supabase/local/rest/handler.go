package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/rest/catalog"
	"github.com/supportbase/handoff/supabase/local/rest/query"
)

// maxBody is the largest body that is read, in bytes.
const maxBody = 16 << 20

// Handler answers requests to /rest/v1, whose paths come without that prefix.
type Handler struct {
	pool   *pgxpool.Pool
	ring   *keys.Ring
	logger *slog.Logger
	cache  *catalog.Cache
	// listener is nil unless started.
	listener *catalog.Listener
}

// New returns a handler. The pool connects as authenticator, which may take the roles that tokens name and may do
// nothing else. The handler works without Start, but then it learns of schema changes only when it misses something.
func New(pool *pgxpool.Pool, ring *keys.Ring, logger *slog.Logger) *Handler {
	if pool == nil || ring == nil || logger == nil {
		panic("rest.New: pool, ring and logger are required")
	}
	return &Handler{pool: pool, ring: ring, logger: logger, cache: catalog.NewCache(pool)}
}

// Start loads the schema cache and reloads it from then on at each NOTIFY pgrst, 'reload schema'. It returns once both
// stand. Call it once, before the first request; after success call Stop.
func (h *Handler) Start(ctx context.Context) error {
	listener, err := h.cache.Listen(ctx, h.logger)
	if err != nil {
		return fmt.Errorf("start rest: %w", err)
	}
	h.listener = listener
	return nil
}

// Stop ends the listening that Start began and waits for it. The pool stays open: it is the caller's.
func (h *Handler) Stop() {
	if h.listener != nil {
		h.listener.Stop()
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	a, err := h.respond(ctx, w, r)
	if err != nil {
		refused := asAPIError(err)
		// A client that left has ended its own request: that is no failure of ours.
		if refused.status >= http.StatusInternalServerError && r.Context().Err() == nil {
			h.logger.WarnContext(ctx, "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		a = refusal(refused)
	}
	if err := a.write(w, r); err != nil {
		h.logger.DebugContext(ctx, "answer not delivered", "path", r.URL.Path, "err", err)
	}
}

func (h *Handler) respond(ctx context.Context, w http.ResponseWriter, r *http.Request) (*answer, error) {
	claims, err := h.identify(r)
	if err != nil {
		return nil, err
	}
	planner, err := route(r.URL.Path)
	if err != nil {
		return nil, err
	}
	request, err := readRequest(w, r)
	if err != nil {
		return nil, err
	}
	request.claims = claims
	snapshot, p, err := h.plan(ctx, request, planner)
	if err != nil {
		return nil, err
	}
	return h.execute(ctx, request, snapshot, p)
}

// planner plans a request against a schema cache.
type planner func(*request, *catalog.Snapshot) (*plan, error)

// route picks the planner for a path.
func route(path string) (planner, error) {
	name, isFunction := strings.CutPrefix(path, callPrefix)
	if !isFunction {
		name = strings.TrimPrefix(path, "/")
	}
	switch {
	case path == "" || path == "/":
		return nil, &apiError{status: http.StatusNotFound, code: "PGRST126", message: "Root endpoint metadata is disabled"}
	case name == "" || strings.Contains(name, "/"):
		return nil, &apiError{status: http.StatusNotFound, code: "PGRST125", message: "Invalid path specified in request URL"}
	case isFunction:
		return func(r *request, s *catalog.Snapshot) (*plan, error) { return planCall(r, s, name) }, nil
	default:
		return func(r *request, s *catalog.Snapshot) (*plan, error) { return planTable(r, s, name) }, nil
	}
}

func planTable(r *request, snapshot *catalog.Snapshot, name string) (*plan, error) {
	if r.reads() {
		return planRead(r, snapshot, name)
	}
	return planMutation(r, snapshot, name)
}

// plan plans, and after a miss plans again when the schema cache has become newer.
func (h *Handler) plan(ctx context.Context, r *request, planner planner) (*catalog.Snapshot, *plan, error) {
	snapshot, err := h.cache.Snapshot(ctx)
	if err != nil {
		return nil, nil, noSchemaCache(err)
	}
	p, planErr := planner(r, snapshot)
	var refused *apiError
	if !errors.As(planErr, &refused) || !refused.miss {
		return snapshot, p, planErr
	}
	newer, err := h.cache.AfterMiss(ctx, snapshot)
	if err != nil {
		return nil, nil, noSchemaCache(err)
	}
	if newer != snapshot {
		p, planErr = planner(r, newer)
	}
	return newer, p, planErr
}

// noSchemaCache keeps the cause for the log behind what the client is told.
func noSchemaCache(err error) error {
	return errors.Join(&apiError{
		status: http.StatusServiceUnavailable, code: "PGRST002",
		message: "Could not query the database for the schema cache. Retrying.",
	}, err)
}

// readRequest reads everything but the identity.
func readRequest(w http.ResponseWriter, r *http.Request) (*request, error) {
	request := &request{http: r}
	var err error
	if request.profiled, err = profile(r, request.reads()); err != nil {
		return nil, err
	}
	if request.params, err = query.Parse(r.URL.RawQuery, isCall(request) && request.reads()); err != nil {
		return nil, err
	}
	if request.prefer, err = parsePreferences(r.Header); err != nil {
		return nil, err
	}
	if request.media, err = parseMedia(strings.Join(r.Header.Values("Accept"), ",")); err != nil {
		return nil, err
	}
	request.body, err = readBody(w, r)
	return request, err
}

// profile checks the schema that the request names.
func profile(r *http.Request, reads bool) (named bool, err error) {
	schema := r.Header.Get("Content-Profile")
	if reads {
		schema = r.Header.Get("Accept-Profile")
	}
	if schema != "" && schema != catalog.Schema {
		return false, &apiError{
			status: http.StatusNotAcceptable, code: "PGRST106", message: "Invalid schema: " + schema,
			hint: "Only the following schemas are exposed: " + catalog.Schema,
		}
	}
	return schema != "", nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return nil, nil
	}
	if err := requireJSON(r.Header); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &apiError{
			status: http.StatusRequestEntityTooLarge, code: "PGRST102",
			message: fmt.Sprintf("The body is larger than %d bytes", tooLarge.Limit),
		}
	case err != nil:
		return nil, badBody("The body could not be read")
	}
	return body, nil
}
