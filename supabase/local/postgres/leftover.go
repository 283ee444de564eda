package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Bounds of stopping a server. A fast shutdown waits for replication clients, which may never answer.
const (
	fastShutdownTimeout      = 10 * time.Second
	immediateShutdownTimeout = 5 * time.Second
	processPollInterval      = 20 * time.Millisecond
)

// stopLeftover ends a server that an earlier, killed process left on the cluster. The caller holds the lock, so a
// server that still runs has no owner.
//
// The pid file of a dead server stays: Postgres removes it itself, after it has used the file to check that no backend
// of that server still writes to the cluster. Only when its pid now belongs to a stranger is it removed here, because
// Postgres would take the stranger for a server.
func stopLeftover(ctx context.Context, place layout) error {
	pid := readPID(place.pidFile())
	if pid <= 1 || !processAlive(pid) {
		return nil
	}
	if !runsIn(pid, place.cluster()) {
		if err := os.Remove(place.pidFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove stale pid file: %w", err)
		}
		return nil
	}
	return shutDownStranger(ctx, pid)
}

// shutDownStranger stops a process that is not our child, so its end can only be polled for.
func shutDownStranger(ctx context.Context, pid int) error {
	if err := signalProcess(pid, fastShutdown); err == nil && goneWithin(ctx, pid, fastShutdownTimeout) {
		return nil
	}
	if err := signalProcess(pid, immediateShutdown); err == nil && goneWithin(ctx, pid, immediateShutdownTimeout) {
		return nil
	}
	if processAlive(pid) {
		return fmt.Errorf("stop the server that an earlier run left (pid %d): it does not end", pid)
	}
	return nil
}

func goneWithin(ctx context.Context, pid int, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(processPollInterval)
	defer tick.Stop()
	for processAlive(pid) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
