package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// anonymousRole is the role for which a missing privilege means "log in" (401) and not "forbidden" (403).
const anonymousRole = "anon"

// databaseError turns an error of the database into a refusal; other errors pass. It is the one place that knows
// SQLSTATEs.
func databaseError(err error, role string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Code == "PGRST" {
		return raisedError(refused)
	}
	refusal := &apiError{
		status: statusOf(refused, role), code: refused.Code, message: refused.Message,
		details: nullable(refused.Detail), hint: nullable(refused.Hint),
	}
	if refusal.status == http.StatusUnauthorized {
		refusal.header = http.Header{"Www-Authenticate": {"Bearer"}}
	}
	return refusal
}

// statusOf gives the HTTP status of a SQLSTATE: single codes first, then classes.
func statusOf(refused *pgconn.PgError, role string) int {
	switch refused.Code {
	case "42501": // insufficient privilege
		if role == anonymousRole {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	case "22023": // invalid parameter value
		if strings.HasPrefix(refused.Message, "role") && strings.HasSuffix(refused.Message, "does not exist") {
			return http.StatusUnauthorized
		}
		return http.StatusBadRequest
	case "21000": // cardinality violation
		if strings.HasSuffix(refused.Message, "requires a WHERE clause") {
			return http.StatusBadRequest
		}
		return http.StatusInternalServerError
	}
	if status, ok := codeStatus[refused.Code]; ok {
		return status
	}
	if number, ok := strings.CutPrefix(refused.Code, "PT"); ok {
		return raisedStatus(number)
	}
	if status, ok := classStatus[refused.Code[:2]]; ok {
		return status
	}
	return http.StatusBadRequest
}

var codeStatus = map[string]int{
	"23503": http.StatusConflict,            // foreign key violation
	"23505": http.StatusConflict,            // unique violation
	"25006": http.StatusMethodNotAllowed,    // write in a read-only transaction
	"42883": http.StatusNotFound,            // undefined function
	"42P01": http.StatusNotFound,            // undefined table
	"42P17": http.StatusInternalServerError, // infinite recursion, in policies say
	"53400": http.StatusInternalServerError, // configuration limit exceeded
	"57P01": http.StatusServiceUnavailable,  // the server is shutting down
	"P0001": http.StatusBadRequest,          // raise without a code
}

var classStatus = map[string]int{
	"08": http.StatusServiceUnavailable,
	"09": http.StatusInternalServerError,
	"0L": http.StatusForbidden,
	"0P": http.StatusForbidden,
	"25": http.StatusInternalServerError,
	"28": http.StatusForbidden,
	"2D": http.StatusInternalServerError,
	"38": http.StatusInternalServerError,
	"39": http.StatusInternalServerError,
	"3B": http.StatusInternalServerError,
	"40": http.StatusInternalServerError,
	"53": http.StatusServiceUnavailable,
	"54": http.StatusInternalServerError,
	"55": http.StatusInternalServerError,
	"57": http.StatusInternalServerError,
	"58": http.StatusInternalServerError,
	"F0": http.StatusInternalServerError,
	"HV": http.StatusInternalServerError,
	"P0": http.StatusInternalServerError,
	"XX": http.StatusInternalServerError,
}

// raisedStatus reads the xyz of PTxyz. net/http panics on less than three digits, so what is no status becomes 500.
func raisedStatus(number string) int {
	status, err := strconv.Atoi(number)
	if err != nil || !validStatus(status) {
		return http.StatusInternalServerError
	}
	return status
}

// validStatus excludes 1xx: they are not final, the client would go on waiting.
func validStatus(status int) bool { return status >= 200 && status <= 999 }

// raisedError reads an error that a function raised with SQLSTATE PGRST: its message and detail are JSON and control
// the whole answer.
func raisedError(refused *pgconn.PgError) error {
	var message struct {
		Code, Message *string
		Details, Hint *string
	}
	if json.Unmarshal([]byte(refused.Message), &message) != nil || message.Code == nil || message.Message == nil {
		return badRaise(fmt.Sprintf("Invalid JSON value for MESSAGE: '%s'", refused.Message), raiseMessageHint)
	}
	if refused.Detail == "" {
		return badRaise("DETAIL is missing in the RAISE statement", raiseDetailHint)
	}
	var detail struct {
		Status  *int
		Headers map[string]string
	}
	if json.Unmarshal([]byte(refused.Detail), &detail) != nil || detail.Status == nil || detail.Headers == nil ||
		!validStatus(*detail.Status) {
		return badRaise(fmt.Sprintf("Invalid JSON value for DETAIL: '%s'", refused.Detail), raiseDetailHint)
	}
	refusal := &apiError{status: *detail.Status, code: *message.Code, message: *message.Message, header: http.Header{}}
	if message.Details != nil {
		refusal.details = *message.Details
	}
	if message.Hint != nil {
		refusal.hint = *message.Hint
	}
	for name, value := range detail.Headers {
		refusal.header.Set(name, value)
	}
	return refusal
}

const (
	raiseMessageHint = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'."
	raiseDetailHint  = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
)

func badRaise(details, hint string) error {
	return &apiError{
		status: http.StatusInternalServerError, code: "PGRST121",
		message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`, details: details, hint: hint,
	}
}
