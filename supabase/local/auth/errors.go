package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// apiError is a refusal that the client is told about.
type apiError struct {
	status  int
	code    string
	message string
	// reasons go with weak_password only.
	reasons []string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// Refusals that more than one place hands out.
var (
	errNoBearer         = refuse(http.StatusUnauthorized, "no_authorization", "This endpoint requires a valid Bearer token")
	errNotAdmin         = refuse(http.StatusForbidden, "not_admin", "User not allowed")
	errWrongCredentials = refuse(http.StatusBadRequest, "invalid_credentials", "Invalid login credentials")
	errUserExists       = refuse(http.StatusUnprocessableEntity, "user_already_exists", "User already registered")
	errEmailExists      = refuse(http.StatusUnprocessableEntity, "email_exists",
		"A user with this email address has already been registered")
	errUserNotFound = refuse(http.StatusNotFound, "user_not_found", "User not found")
	errNoPhones     = refuse(http.StatusBadRequest, "phone_provider_disabled",
		"Phone numbers are not supported by the local stand-in")
	errUnexpected = refuse(http.StatusInternalServerError, "unexpected_failure",
		"Unexpected failure, please check server logs for more information")
)

const versionHeader = "X-Supabase-Api-Version"

// codedErrorsSince is the API version from which an error's code is a word in "code" rather than a number.
var codedErrorsSince = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

type (
	weakPassword struct {
		Reasons []string `json:"reasons"`
	}
	codedErrorBody struct {
		Code         string        `json:"code"`
		Message      string        `json:"message"`
		WeakPassword *weakPassword `json:"weak_password,omitempty"`
	}
	legacyErrorBody struct {
		Code         int           `json:"code"`
		ErrorCode    string        `json:"error_code"`
		Message      string        `json:"msg"`
		WeakPassword *weakPassword `json:"weak_password,omitempty"`
	}
)

// writeError answers with the refusal in err, or logs err and answers with a 500 that does not show it.
func (s *server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	if refusal == errUnexpected && !errors.Is(err, context.Canceled) {
		s.opts.Logger.ErrorContext(r.Context(), "auth request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("err", err))
	}
	var weak *weakPassword
	if refusal.reasons != nil {
		weak = &weakPassword{Reasons: refusal.reasons}
	}
	if wantsCodedErrors(r) {
		w.Header().Set(versionHeader, codedErrorsSince.Format(time.DateOnly))
		writeJSON(w, refusal.status, codedErrorBody{Code: refusal.code, Message: refusal.message, WeakPassword: weak})
		return
	}
	writeJSON(w, refusal.status, legacyErrorBody{
		Code: refusal.status, ErrorCode: refusal.code, Message: refusal.message, WeakPassword: weak,
	})
}

// refusalOf finds what the client is told: the refusal in err, or errUnexpected. Text that the database cannot store, a
// zero byte or a name that is too long, is the client's mistake wherever it came in.
func refusalOf(err error) *apiError {
	const dataException = "22" // a class of SQLSTATEs
	refusal, stored := errUnexpected, new(pgconn.PgError)
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &stored) && strings.HasPrefix(stored.Code, dataException):
		return refuse(http.StatusBadRequest, "validation_failed", "A value cannot be stored: %s", stored.Message)
	}
	return errUnexpected
}

// wantsCodedErrors reads the version header. No header or an unreadable one means the first version, as on hosted.
func wantsCodedErrors(r *http.Request) bool {
	version, err := time.Parse(time.DateOnly, r.Header.Get(versionHeader))
	return err == nil && !version.Before(codedErrorsSince)
}
