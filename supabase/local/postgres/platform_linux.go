package postgres

import (
	"fmt"
	"os"
	"syscall"
)

// dieWithParent has the kernel send a fast shutdown when the parent dies, kill -9 included. It is bound to the thread
// that starts the process, not to the parent process: see runPostmaster.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = fastShutdown }

// freeBytes is the room that is left in the file system of dir, 0 when that is not known.
func freeBytes(dir string) uint64 {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0
	}
	return stat.Bavail * uint64(stat.Bsize) //nolint:gosec // a block size is positive
}

// runsIn tells whether the process is the postmaster of the data directory: a postmaster works in it.
func runsIn(pid int, clusterDir string) bool {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && dir == clusterDir
}
