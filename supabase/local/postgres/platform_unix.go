//go:build unix

package postgres

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Signals of the postmaster.
const (
	fastShutdown      = syscall.SIGINT  // end sessions, write a checkpoint, exit
	immediateShutdown = syscall.SIGQUIT // exit at once; the next start replays the log
)

func platformSupported() error { return nil }

// attributes put a program into its own process group, so that Ctrl-C in the terminal reaches only the parent.
func (a *account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		attributes.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)} //nolint:gosec // ids of the user database are not negative
	}
	dieWithParent(attributes)
	return attributes
}

// flock takes the lock of an open file without waiting; errLocked when another process has it. The kernel gives it
// back when the process ends, however it ends.
func flock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}

// processAlive tells whether a process with the pid exists, ours or not.
func processAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func signalProcess(pid int, signal syscall.Signal) error { return syscall.Kill(pid, signal) }
