package replication

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// What can stand between a worker and its stream. Errors of Check and Run wrap one of these; their text says what to
// do about it.
var (
	// ErrBadURL: the connection string cannot be read. Its text is not repeated, because it holds a password.
	ErrBadURL = errors.New("connection string is not valid")
	// ErrUnreachable: no connection; the database may be starting, stopping, full or elsewhere.
	ErrUnreachable = errors.New("database is unreachable")
	// ErrWrongPassword: user or password refused. Supabase bans addresses that try again quickly.
	ErrWrongPassword = errors.New("user or password refused")
	// ErrReplicationRefused: the database answers, but not as a source of replication: a pooler is in between, or
	// the role lacks the REPLICATION attribute.
	ErrReplicationRefused = errors.New("replication connection refused")
	// ErrWALLevel: the log does not carry what logical decoding needs.
	ErrWALLevel = errors.New("wal_level is not logical")
	// ErrNoTable: the outbox does not exist in this database.
	ErrNoTable = errors.New("outbox table is missing")
	// ErrPublication: the publication cannot be made, or exists with another content.
	ErrPublication = errors.New("publication is not usable")
	// ErrSlot: the slot cannot be made, or its name is taken by something else.
	ErrSlot = errors.New("replication slot is not usable")
	// ErrNoFreeSlot is the ErrSlot of a server that has no slot left. Another one may be dropped at any time.
	ErrNoFreeSlot = fmt.Errorf("%w: none is free", ErrSlot)
	// ErrDatabaseReplaced: behind the same address there is now another database, or an older copy of the same.
	// Positions no longer compare, so the process must start afresh.
	ErrDatabaseReplaced = errors.New("database was replaced")
	// ErrUndecodable: the server sent something this version does not understand. Nothing is skipped; the stream ends.
	ErrUndecodable = errors.New("stream cannot be decoded")
	// ErrDelivery: the deliver function refused a transaction.
	ErrDelivery = errors.New("transaction was not taken")
)

// Control flow between the parts of an attempt; none of them leaves the package.
var (
	errNull        = errors.New("is null")
	errSlotBusy    = errors.New("slot is held by another connection")
	errRace        = errors.New("another process made it at the same moment")
	errServerQuiet = errors.New("the server has gone quiet")
	errServerEnded = errors.New("the server ended the stream")
	errServerStops = errors.New("the server is shutting down")
	errStatusDue   = errors.New("a status update is due")
	errMayStream   = errors.New("streaming is possible again")
)

// SetupError is an obstacle that has a name, a detail and a remedy.
type SetupError struct {
	// Kind is one of the Err... values above.
	Kind error
	// Detail is what was seen, with the names and values that matter. It never holds a password.
	Detail string
	// Remedy is what a person can do; empty when waiting is all there is.
	Remedy string
	// Cause is the server's or the network's own error, if there was one.
	Cause error
}

// Error is one sentence, and the remedy behind it.
func (e *SetupError) Error() string {
	parts := []string{e.Kind.Error()}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	text := strings.Join(parts, ": ")
	if e.Remedy != "" {
		text += ". " + e.Remedy
	}
	return text
}

// Unwrap lets errors.Is find Kind and errors.As the cause.
func (e *SetupError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// NeedsOperator reports whether waiting alone cannot help: a setting, a privilege or a password must change first.
func NeedsOperator(err error) bool {
	return isAny(err, ErrBadURL, ErrWrongPassword, ErrReplicationRefused, ErrWALLevel, ErrNoTable, ErrPublication, ErrSlot)
}

// IsRetryable reports whether Run goes on trying after err. It is slow about it when NeedsOperator.
func IsRetryable(err error) bool {
	return !isAny(err, ErrBadURL, ErrDatabaseReplaced, ErrUndecodable, ErrDelivery)
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// The SQLSTATEs this package tells apart.
const (
	stateInvalidPassword       = "28P01"
	stateInvalidAuthorization  = "28000"
	stateNoSuchDatabase        = "3D000"
	stateDuplicateObject       = "42710"
	stateUniqueViolation       = "23505"
	stateInsufficientPrivilege = "42501"
	stateObjectInUse           = "55006"
	stateUndefinedObject       = "42704"
	stateUndefinedTable        = "42P01"
	stateUndefinedSchema       = "3F000"
	stateTooManyConnections    = "53300"
	stateLimitExceeded         = "53400"
	stateAdminShutdown         = "57P01"
	stateCannotConnectNow      = "57P03"
)

// sqlState is the SQLSTATE behind err, or "".
func sqlState(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}

// connectError translates a connection that did not come about. The cause it keeps is the server's answer or the
// network's, never pgconn's own error: that one carries the configuration with the password in it.
func connectError(err error, address string) error {
	switch sqlState(err) {
	case stateInvalidPassword, stateInvalidAuthorization:
		return &SetupError{
			Kind: ErrWrongPassword, Detail: address, Cause: bareCause(err),
			Remedy: "Check user and password of the connection string; Supabase blocks an address that keeps trying wrong ones",
		}
	case stateNoSuchDatabase:
		return &SetupError{
			Kind: ErrUnreachable, Detail: address, Cause: bareCause(err),
			Remedy: "Check the database name of the connection string",
		}
	default:
		return &SetupError{Kind: ErrUnreachable, Detail: address, Cause: bareCause(err)}
	}
}

// bareCause picks from a connection error the part that says why: the server's answer, else the network's error.
func bareCause(err error) error {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return lookup
	}
	return errors.New(err.Error()) // keeps the text (without password) and drops the configuration
}

// queryError names what was asked when a query on an open connection did not work.
func queryError(what string, err error) error {
	return fmt.Errorf("%s: %w", what, err)
}
