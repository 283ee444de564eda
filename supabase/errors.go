package supabase

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Why a connection could not be made. Match them with errors.Is on a ConnectError.
var (
	ErrBadURL          = errors.New("the database URL is not valid")
	ErrUnreachable     = errors.New("the database does not answer")
	ErrWrongPassword   = errors.New("the database refuses the user or password")
	ErrUnknownDatabase = errors.New("the database does not exist")
	ErrNotMigrated     = errors.New("the database has no handoff tables")
)

// ConnectError is a connection that could not be made.
type ConnectError struct {
	// Reason is one of the errors of this package.
	Reason error
	// Detail is what the other side or the system said; never a password.
	Detail string
}

// Error is the reason with its detail.
func (e *ConnectError) Error() string { return fmt.Sprintf("%v: %s", e.Reason, e.Detail) }

// Remedy says what a person can do about it.
func (e *ConnectError) Remedy() string { return remedies[e.Reason] }

var remedies = map[error]string{ //nolint:gosec // texts about passwords, no password
	ErrBadURL:          "Check DATABASE_URL: postgresql://user:password@host:port/database.",
	ErrUnreachable:     "Check host and port in DATABASE_URL, and that the database is running. Supabase's direct connection needs IPv6 or the IPv4 add-on.",
	ErrWrongPassword:   "Check user and password in DATABASE_URL. Do not try again quickly: Supabase blocks an address after several wrong passwords.",
	ErrUnknownDatabase: "Check the database name in DATABASE_URL; on Supabase it is postgres.",
	ErrNotMigrated:     "Run `handoff migrate up` first.",
}

// Unwrap gives the reason to errors.Is.
func (e *ConnectError) Unwrap() error { return e.Reason }

func connectError(err error) error {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		switch {
		case strings.HasPrefix(refusal.Code, "28"): // invalid authorization specification
			return &ConnectError{Reason: ErrWrongPassword, Detail: refusal.Message}
		case refusal.Code == "3D000": // invalid catalog name
			return &ConnectError{Reason: ErrUnknownDatabase, Detail: refusal.Message}
		default:
			return &ConnectError{Reason: ErrUnreachable, Detail: refusal.Message}
		}
	}
	return &ConnectError{Reason: ErrUnreachable, Detail: networkDetail(err)}
}

// networkDetail keeps the system's own words ("connection refused") and leaves out the URL that pgx puts around them.
func networkDetail(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Error()
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return lookup.Error()
	}
	return "no connection within " + connectTimeout.String()
}
