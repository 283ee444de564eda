package storage

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// apiError is a refusal in Storage's words. The status stands in the body; HTTP says 400 whatever it is, as Storage does.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// Refusals that more than one place hands out.
var (
	errNoBucket  = &apiError{http.StatusNotFound, "Bucket not found", "Bucket not found"}
	errNoObject  = &apiError{http.StatusNotFound, "not_found", "Object not found"}
	errDuplicate = &apiError{http.StatusConflict, "Duplicate", "The resource already exists"}
	errTooLarge  = &apiError{http.StatusRequestEntityTooLarge, "Payload too large", "The object exceeded the maximum allowed size"}
	errUnknown   = &apiError{http.StatusInternalServerError, "InternalError", "Internal server error"}
)

func denied(message string) *apiError {
	return &apiError{http.StatusForbidden, "Unauthorized", message}
}

func invalid(message string) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidRequest", message}
}

// asAPIError is what the client is told of an error: what the database refused, and nothing of what broke.
func asAPIError(err error) *apiError {
	var refused *apiError
	if errors.As(err, &refused) {
		return refused
	}
	var database *pgconn.PgError
	if errors.As(err, &database) {
		switch database.Code {
		case "42501":
			return denied(database.Message)
		case "23505":
			return errDuplicate
		}
	}
	return errUnknown
}

func (e *apiError) write(w http.ResponseWriter) {
	status := http.StatusBadRequest
	if e.status == http.StatusInternalServerError {
		status = e.status
	}
	answer(w, status, map[string]string{"statusCode": strconv.Itoa(e.status), "error": e.code, "message": e.message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
