package postgres

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	cacheVariable = "HANDOFF_CACHE_DIR"
	cacheName     = "supportbase-handoff"
	// rootCache stands outside /root, which other users may not enter: the server does not run as root.
	rootCache = "/var/cache/" + cacheName
)

// stageMinimumAge protects work in progress of other processes from the sweep.
const stageMinimumAge = time.Hour

// stagePrefix marks folders that are being filled. They get their final name by one rename, so that whoever finds a
// final name finds it complete.
const stagePrefix = ".stage-"

// DefaultCacheDir is HANDOFF_CACHE_DIR, else a folder of this project in the user's cache folder; for root it is one
// that unprivileged users may enter. The folder is not created.
func DefaultCacheDir() (string, error) {
	if dir := os.Getenv(cacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return rootCache, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder (set %s instead): %w", cacheVariable, err)
	}
	return filepath.Join(dir, cacheName), nil
}

// stage calls fill with a new folder beside target and renames the folder to target. When another process was faster
// its result stands and ours is dropped: both are the same.
func stage(target string, fill func(dir string) error) error {
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // entered by the unprivileged user that runs the server
		return err
	}
	sweepStages(parent)
	dir, err := os.MkdirTemp(parent, stagePrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // after the rename there is nothing to remove; else the sweep gets it
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	if err := fill(dir); err != nil {
		return err
	}
	if err := os.Rename(dir, target); err != nil && !exists(target) {
		return err
	}
	return nil
}

// sweepStages removes what killed processes left. Errors are not reported: a leftover is only wasted space.
func sweepStages(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), stagePrefix) && olderThan(entry, stageMinimumAge) {
			_ = os.RemoveAll(filepath.Join(parent, entry.Name()))
		}
	}
}

func olderThan(entry fs.DirEntry, age time.Duration) bool {
	info, err := entry.Info()
	return err == nil && time.Since(info.ModTime()) > age
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
