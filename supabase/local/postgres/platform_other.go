//go:build !unix

package postgres

import (
	"io/fs"
	"os"
	"syscall"
)

const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGKILL
)

func platformSupported() error { return ErrUnsupported }

func (a *account) attributes() *syscall.SysProcAttr { return nil }

func flock(*os.File) error { return ErrUnsupported }

func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }

func processAlive(int) bool { return false }

func runsIn(int, string) bool { return false }

func signalProcess(int, syscall.Signal) error { return ErrUnsupported }

// freeBytes is 0, not known: only Linux has the place in memory that it is asked about.
func freeBytes(string) uint64 { return 0 }
