package local

import (
	"fmt"
	"log/slog"
)

// Options say where a stand-in lives. The zero value listens on free ports of the loopback address and needs DataDir or
// Ephemeral.
type Options struct {
	// DataDir is the folder of the Postgres cluster; made when missing. Ephemeral needs none.
	DataDir string
	// CacheDir is where downloaded binaries are kept. Default: see postgres.DefaultCacheDir.
	CacheDir string
	// Ephemeral trades durability for speed and removes the data on Stop.
	Ephemeral bool
	// GatewayPort is the port of URL. Zero takes a free one; `supabase start` uses 54321.
	GatewayPort int
	// PostgresPort is the port of DatabaseURL, always at 127.0.0.1. Zero takes a free one; `supabase start` uses 54322.
	PostgresPort int
	// Listen is the address of the gateway. Default: 127.0.0.1. Any other lets a network in, with keys that are no
	// secret; a warning is logged.
	Listen string
	// SupabaseLimits holds Realtime to what a project has that nobody has configured: 100 events a second, 200 users,
	// 5 presence calls in 30 seconds (channels.SupabaseDefaults). Without it nothing is throttled.
	SupabaseLimits bool
	// Logger hears of the parts' troubles, and of requests at debug level. Default: silence.
	Logger *slog.Logger
	// Mail is told what hosted Supabase would mail, and must return at once. May be nil.
	Mail func(to, subject, link string)
	// Progress is called with one line before each step that may take seconds. May be nil.
	Progress func(string)
}

const loopback = "127.0.0.1"

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = loopback
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Mail == nil {
		o.Mail = func(string, string, string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

// PortInUseError means that something else listens on a port that the stand-in was told to use. Nothing was started.
type PortInUseError struct {
	Port int
	// Setting is the field of Options that chose the port: GatewayPort or PostgresPort.
	Setting string
}

func (e *PortInUseError) Error() string {
	return fmt.Sprintf("port %d is in use by another program: choose another %s", e.Port, e.Setting)
}
