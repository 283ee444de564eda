package gateway

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// observed writes the access log and turns a panic into an answer.
func (g *gateway) observed(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		recorder := &response{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				g.answerPanic(recorder, r, cause)
			}
			g.logger.DebugContext(r.Context(), "gateway request",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", recorder.status),
				slog.Duration("took", time.Since(started)))
		}()
		next(recorder, r)
	})
}

// answerPanic panics again for http.ErrAbortHandler: a handler uses it to ask net/http to cut the connection.
func (g *gateway) answerPanic(w *response, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint // a panic value is compared by identity, as net/http does
		panic(cause)
	}
	g.logger.ErrorContext(r.Context(), "gateway recovered from a panic",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
	if w.status == 0 {
		answer(w, http.StatusInternalServerError, refusalBody{Message: "An unexpected error occurred"})
	}
}
