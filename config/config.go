package config

import (
	"log/slog"
	"time"
)

// Config is what one process is told. Sections that a command does not use are not checked for it.
type Config struct {
	Supabase Supabase `mapstructure:"supabase"`
	Database Database `mapstructure:"database"`
	Worker   Worker   `mapstructure:"worker"`
	Mail     Mail     `mapstructure:"mail"`
	Metrics  Metrics  `mapstructure:"metrics"`
	Log      Log      `mapstructure:"log"`
	Dev      Dev      `mapstructure:"dev"`
}

// Supabase is the project's API.
type Supabase struct {
	// URL is the project's address, for example https://abcdefgh.supabase.co.
	URL string `mapstructure:"url"`
	// SecretKey is an sb_secret_ key or the legacy service_role JWT. The worker broadcasts with it.
	SecretKey Secret `mapstructure:"secret_key"`
	// PublishableKey is an sb_publishable_ key or the legacy anon JWT. Only examples and demo pages need it.
	PublishableKey string `mapstructure:"publishable_key"`
}

// Database is the project's Postgres.
type Database struct {
	// URL is a direct or session-mode connection as role postgres.
	URL Secret `mapstructure:"url"`
	// ReplicationURL is the direct connection for the write-ahead log; poolers cannot carry it. Default: URL.
	ReplicationURL Secret `mapstructure:"replication_url"`
	// MaxConnections bounds the pool. Default 8; small Supabase projects have 60 connections in all.
	MaxConnections int32 `mapstructure:"max_connections"`
}

// Worker is how the engine works.
type Worker struct {
	// Slot is the logical replication slot. Two workers with the same slot are leader and standby; two environments on
	// one database server need two names. Default "handoff".
	Slot string `mapstructure:"slot"`
	// Source is where events come from: "stream" (the write-ahead log), "poll" (the outbox table), or "auto": poll for as
	// long as the database cannot be streamed from. Default "auto".
	Source string `mapstructure:"source"`
	// QueueInterval is how often waiting conversations are looked for without an event. Default 10s.
	QueueInterval time.Duration `mapstructure:"queue_interval"`
	// ShutdownGrace is how long work in hand may take to finish on shutdown. Default 10s.
	ShutdownGrace time.Duration `mapstructure:"shutdown_grace"`
}

// Mail is how invitations and confirmations are sent. They are not, and stay in the database, while neither SMTPURL nor
// Function is set.
type Mail struct {
	// SMTPURL is a mail server, smtp://user:password@host:587 or smtps://user:password@host:465.
	SMTPURL Secret `mapstructure:"smtp_url"`
	// From is the sender, an address or "Name <address>". Needed with SMTPURL.
	From string `mapstructure:"from"`
	// Function is the Supabase Edge Function that sends mail instead of a mail server.
	Function string `mapstructure:"function"`
	// PublicURL is where your dashboard is: links in mails begin with it. Needed when mail is sent.
	PublicURL string `mapstructure:"public_url"`
	// Templates is a folder of templates that are used instead of the built-in ones (docs/mail.md). Default: none.
	Templates string `mapstructure:"templates"`
}

// On says whether mail is sent.
func (m Mail) On() bool { return m.SMTPURL != "" || m.Function != "" }

// Metrics is where numbers, health and readiness are shown.
type Metrics struct {
	// Address is where to listen, HOST:PORT; it has no protection of its own. Default: nothing is shown.
	Address string `mapstructure:"address"`
	// Pprof adds Go's profiles. Default false.
	Pprof bool `mapstructure:"pprof"`
}

// Log is what is written to standard error.
type Log struct {
	// Level is debug, info, warn or error. Default info.
	Level slog.Level `mapstructure:"level"`
	// Format is text or json. Default text.
	Format string `mapstructure:"format"`
}

// Dev is the local stand-in for Supabase that `handoff dev` starts.
type Dev struct {
	// Port is where the API listens on 127.0.0.1. Default 54321, the port of `supabase start`.
	Port int `mapstructure:"port"`
	// PostgresPort is where Postgres listens on 127.0.0.1. Default 54322; 0: a free one.
	PostgresPort int `mapstructure:"postgres_port"`
	// PagesPort is where the shop and the dashboard are served on 127.0.0.1. Default 54323; 0: a free one. The default too
	// is a free one when Port is 0: who asks for free ports runs more than one.
	PagesPort int `mapstructure:"pages_port"`
	// DataDir holds the database between runs. Default: a folder of the user's cache.
	DataDir string `mapstructure:"data_dir"`
	// SupabaseLimits applies Supabase's default rate limits to the local Realtime. Default false: generous ones.
	SupabaseLimits bool `mapstructure:"supabase_limits"`
	// Worker says whether the worker runs too. Default true; false to run `handoff run` beside it.
	Worker bool `mapstructure:"worker"`
	// Assistant says whether a rule-based AI answers the visitors of the demo project. Default false; `make run` turns it on.
	Assistant bool `mapstructure:"assistant"`
}

// Secret is text that is never printed: every way of formatting it gives "[redacted]".
type Secret string

const redacted = "[redacted]"

// String hides the text, unless it is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the text from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }
