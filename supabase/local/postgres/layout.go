package postgres

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// layout names the parts of Options.DataDir.
type layout struct{ dir string }

func (l layout) lock() string       { return filepath.Join(l.dir, "lock") }
func (l layout) log() string        { return filepath.Join(l.dir, "server.log") }
func (l layout) cluster() string    { return filepath.Join(l.dir, "cluster") }
func (l layout) unfinished() string { return filepath.Join(l.dir, "cluster.unfinished") }
func (l layout) settings() string   { return filepath.Join(l.cluster(), settingsFile) }
func (l layout) pidFile() string    { return filepath.Join(l.cluster(), "postmaster.pid") }

// prepare makes the folder and returns the layout by its real path, the one that the server reports as its own. Others
// may enter the folder, because the server may be another user; the cluster inside is closed.
func (l layout) prepare() (layout, error) {
	if err := os.MkdirAll(l.dir, 0o755); err != nil { //nolint:gosec // see the doc comment
		return l, err
	}
	dir, err := filepath.EvalSymlinks(l.dir)
	return layout{dir}, err
}

// clusterMajor is the version of Postgres that made the cluster, 0 when there is none yet.
func (l layout) clusterMajor() int {
	text, err := os.ReadFile(filepath.Join(l.cluster(), "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return major
}
