package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	headerTimeout = 5 * time.Second
	// answerTimeout covers the longest answer: a CPU profile of 30 s, the usual length.
	answerTimeout = time.Minute
	// readyTimeout bounds the questions behind /readyz; probes give up after a second or a few.
	readyTimeout = 2 * time.Second
)

// Readiness says whether the worker can do its work, and why not.
type Readiness struct {
	Ready bool `json:"ready"`
	// State is the stream's, Realtime is the socket's.
	State    string `json:"state"`
	Realtime string `json:"realtime"`
	// Reasons say what keeps the worker from being ready; empty when nothing does.
	Reasons []string `json:"reasons"`
}

// Options configure a Server. All but Pprof are required.
type Options struct {
	// Address is where to listen, HOST:PORT.
	Address string
	// Pprof adds Go's profiles under /debug/pprof/. They show nothing secret but cost time: keep the port private.
	Pprof   bool
	Sources Sources
	// Ready is asked for each /readyz.
	Ready  func(context.Context) Readiness
	Logger *slog.Logger
}

// Server answers /metrics, /healthz and /readyz. It has no protection of its own: Address must not be open to the world.
type Server struct {
	http     http.Server
	listener net.Listener
	logger   *slog.Logger
	cancel   context.CancelFunc
	ended    chan struct{}
}

// ListenError says that the address cannot be listened on.
type ListenError struct {
	Address string
	Err     error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("cannot listen on %s for metrics: %v", e.Address, e.Err)
}

// Unwrap gives the reason.
func (e *ListenError) Unwrap() error { return e.Err }

// Start listens and returns; a *ListenError when that is not possible. The server works until Stop; the context ends
// nothing.
func Start(ctx context.Context, options Options) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.Address)
	if err != nil {
		return nil, &ListenError{Address: options.Address, Err: err}
	}
	workCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{listener: listener, logger: options.Logger, cancel: cancel, ended: make(chan struct{})}
	s.http = http.Server{
		Handler: routes(workCtx, options), ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: answerTimeout,
		BaseContext: func(net.Listener) context.Context { return workCtx },
		ErrorLog:    slog.NewLogLogger(options.Logger.Handler(), slog.LevelDebug),
	}
	go s.serve(workCtx)
	return s, nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Stop lets answers in hand finish until ctx ends, and returns when the server has ended.
func (s *Server) Stop(ctx context.Context) {
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // the rest is cut off
	}
	s.cancel()
	<-s.ended
}

func (s *Server) serve(ctx context.Context) {
	defer close(s.ended)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		// The worker goes on: nobody's conversation depends on the numbers.
		s.logger.ErrorContext(ctx, "metrics are not served any more", "err", err)
	}
}

func routes(ctx context.Context, options Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(ctx, options.Sources), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(options.Logger.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	}))
	mux.HandleFunc("GET /healthz", func(answer http.ResponseWriter, _ *http.Request) {
		write(answer, http.StatusOK, map[string]any{"alive": true, "version": options.Sources.Version})
	})
	mux.HandleFunc("GET /readyz", func(answer http.ResponseWriter, request *http.Request) {
		askCtx, cancel := context.WithTimeout(request.Context(), readyTimeout)
		defer cancel()
		found, status := options.Ready(askCtx), http.StatusOK
		if !found.Ready {
			status = http.StatusServiceUnavailable
		}
		write(answer, status, found)
	})
	if options.Pprof {
		profiles(mux)
	}
	return mux
}

func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func write(answer http.ResponseWriter, status int, body any) {
	answer.Header().Set("Content-Type", "application/json")
	answer.Header().Set("Cache-Control", "no-store")
	answer.WriteHeader(status)
	_ = json.NewEncoder(answer).Encode(body) // who asked is gone
}
