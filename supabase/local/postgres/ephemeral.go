package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	ephemeralPrefix = "handoff-postgres-"
	// ephemeralMinimumAge is how long a folder may stand before its lock is taken.
	ephemeralMinimumAge = time.Minute
)

const (
	// memoryDir is a file system in memory. Creating a database there takes 10 ms where a disk takes 50 to 300: it is
	// 300 small files.
	memoryDir = "/dev/shm"
	// memoryNeeded leaves room for the clusters of several test processes, and for the log that a slot holds back.
	// Containers often have 64 MB.
	memoryNeeded = 4 << 30
)

// ephemeralParent is where clusters that nobody named are made: in memory when there is plenty, unless the developer
// chose a place by TMPDIR.
func ephemeralParent() string {
	if os.Getenv("TMPDIR") == "" && freeBytes(memoryDir) >= memoryNeeded {
		return memoryDir
	}
	return os.TempDir()
}

// newEphemeralDir makes a folder for a cluster that nobody named.
func newEphemeralDir() (string, error) {
	dir, err := os.MkdirTemp(ephemeralParent(), ephemeralPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) //nolint:gosec // entered by the unprivileged user that runs the server for root
}

// sweepEphemeral removes the clusters of processes that were killed. Nothing is reported: a cluster that cannot be
// removed belongs to another user, or is only wasted space.
func sweepEphemeral(ctx context.Context) {
	for _, parent := range []string{os.TempDir(), memoryDir} {
		sweepParent(ctx, parent)
	}
}

func sweepParent(ctx context.Context, parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ephemeralPrefix) && olderThan(entry, ephemeralMinimumAge) {
			sweepCluster(ctx, layout{filepath.Join(parent, entry.Name())})
		}
	}
}

// sweepCluster holds the lock while it removes, so that two sweepers do not meet.
func sweepCluster(ctx context.Context, place layout) {
	lock, err := takeLock(place.dir, place.lock())
	if err != nil {
		return
	}
	defer lock.Close() //nolint:errcheck // the file is gone by then
	if err := stopLeftover(ctx, place); err == nil {
		_ = os.RemoveAll(place.dir)
	}
}
