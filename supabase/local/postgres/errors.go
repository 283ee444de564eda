package postgres

import (
	"errors"
	"fmt"
)

// ErrNoPostgres means that neither the machine nor npm offers a usable server. Its text names the remedies.
var ErrNoPostgres = errors.New("no PostgreSQL 15 or newer was found: install a PostgreSQL server package or npm, " +
	"or set " + binariesVariable + " to the folder that holds postgres and initdb")

// ErrUnsupported means that this package cannot run a server on this operating system.
var ErrUnsupported = errors.New("a local PostgreSQL can be run on Linux and macOS only (on Windows: inside WSL)")

var errNoDataDir = errors.New("start postgres: DataDir is empty")

// PortInUseError means that something else listens on the wanted port. Nothing was started.
type PortInUseError struct{ Port int }

func (e *PortInUseError) Error() string {
	return fmt.Sprintf("port %d on 127.0.0.1 is in use by another program", e.Port)
}

// AlreadyRunningError means that a live process runs a server on the same DataDir. PID is zero when it is not known.
type AlreadyRunningError struct {
	DataDir string
	PID     int
}

func (e *AlreadyRunningError) Error() string {
	return fmt.Sprintf("already running (pid %d) on %s", e.PID, e.DataDir)
}

// VersionError means that the cluster was made by another major version than the binaries that were found.
type VersionError struct {
	DataDir         string
	Cluster, Server int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s was made by PostgreSQL %d, which was not found (found: %d): install it or remove the folder",
		e.DataDir, e.Cluster, e.Server)
}

// StartError means that the server did not come up. Log holds the last lines that it wrote.
type StartError struct {
	Log string
	Err error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("start postgres: %v; its last words:\n%s", e.Err, e.Log)
}

func (e *StartError) Unwrap() error { return e.Err }

var (
	errNoAccount = errors.New("no unprivileged user")
	errLocked    = errors.New("file is locked by another process")
	errNotReady  = errors.New("the server did not answer in time")
	errExited    = errors.New("the server ended")

	errAnotherServer = errors.New("the port belongs to another cluster")
)
