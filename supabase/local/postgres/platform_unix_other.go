//go:build unix && !linux

package postgres

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const psTimeout = 5 * time.Second

// dieWithParent does nothing: there is no such service. The next Start stops what was left.
func dieWithParent(*syscall.SysProcAttr) {}

// runsIn tells whether the process is the postmaster of the data directory, by its command line.
func runsIn(pid int, clusterDir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), psTimeout) //nolint:forbidigo // a local look-up with its own bound
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "-D "+clusterDir)
}

// freeBytes is 0, not known: only Linux has the place in memory that it is asked about.
func freeBytes(string) uint64 { return 0 }
