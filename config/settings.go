package config

import "time"

// setting ties one field of Config to its names outside.
type setting struct {
	// key is the path in handoff.yaml.
	key string
	// env are the environment variables that set it; the first that is set wins.
	env []string
	// fallback is the default; nil for none.
	fallback any
	// flag is its name on the command line. Empty for secrets: command lines are visible to every user of a machine.
	flag string
	// usage is the help text of the flag.
	usage string
}

// Defaults of the stand-in, the ports of `supabase start`.
const (
	defaultDevPort      = 54321
	defaultPostgresPort = 54322
	defaultPagesPort    = 54323
)

// settings is every setting there is. docs/env.md is checked against it.
var settings = []setting{
	{key: "supabase.url", env: []string{"SUPABASE_URL"}, flag: "supabase-url", usage: "address of the Supabase project"},
	{key: "supabase.secret_key", env: []string{"SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"}},
	{key: "supabase.publishable_key", env: []string{"SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"}, flag: "publishable-key", usage: "publishable (anon) key"},
	{key: "database.url", env: []string{"DATABASE_URL"}},
	{key: "database.replication_url", env: []string{"REPLICATION_URL"}},
	{key: "database.max_connections", env: []string{"HANDOFF_DATABASE_MAX_CONNECTIONS"}, flag: "max-connections", fallback: 8, usage: "connections of the pool"},
	{key: "worker.slot", env: []string{"HANDOFF_WORKER_SLOT"}, flag: "slot", fallback: "handoff", usage: "name of the replication slot"},
	{key: "worker.source", env: []string{"HANDOFF_WORKER_SOURCE"}, flag: "source", fallback: "auto", usage: "where events come from: auto, stream or poll"},
	{key: "worker.queue_interval", env: []string{"HANDOFF_WORKER_QUEUE_INTERVAL"}, flag: "queue-interval", fallback: 10 * time.Second, usage: "pause between looks at the queue without an event"},
	{key: "worker.shutdown_grace", env: []string{"HANDOFF_WORKER_SHUTDOWN_GRACE"}, flag: "shutdown-grace", fallback: 10 * time.Second, usage: "time for work in hand on shutdown"},
	{key: "mail.smtp_url", env: []string{"MAIL_SMTP_URL"}},
	{key: "mail.from", env: []string{"MAIL_FROM"}, flag: "mail-from", usage: "sender of mails"},
	{key: "mail.function", env: []string{"MAIL_FUNCTION"}, flag: "mail-function", usage: "Edge Function that sends mails"},
	{key: "mail.public_url", env: []string{"HANDOFF_PUBLIC_URL"}, flag: "public-url", usage: "address of your dashboard, for links in mails"},
	{key: "mail.templates", env: []string{"HANDOFF_MAIL_TEMPLATES"}, flag: "mail-templates", usage: "folder of mail templates"},
	{key: "metrics.address", env: []string{"HANDOFF_METRICS_ADDRESS"}, flag: "metrics-address", fallback: "", usage: "HOST:PORT for /metrics, /healthz and /readyz"},
	{key: "metrics.pprof", env: []string{"HANDOFF_METRICS_PPROF"}, flag: "metrics-pprof", fallback: false, usage: "show Go's profiles there too"},
	{key: "log.level", env: []string{"HANDOFF_LOG_LEVEL"}, flag: "log-level", fallback: "info", usage: "debug, info, warn or error"},
	{key: "log.format", env: []string{"HANDOFF_LOG_FORMAT"}, flag: "log-format", fallback: "text", usage: "text or json"},
	{key: "dev.port", env: []string{"HANDOFF_DEV_PORT"}, flag: "port", fallback: defaultDevPort, usage: "port of the local API"},
	{key: "dev.postgres_port", env: []string{"HANDOFF_DEV_POSTGRES_PORT"}, flag: "postgres-port", fallback: defaultPostgresPort, usage: "port of the local Postgres, 0 for a free one"},
	{key: "dev.pages_port", env: []string{"HANDOFF_DEV_PAGES_PORT"}, flag: "pages-port", fallback: defaultPagesPort, usage: "port of the shop and the dashboard, 0 for a free one"},
	{key: "dev.data_dir", env: []string{"HANDOFF_DEV_DATA_DIR"}, flag: "data-dir", fallback: "", usage: "folder of the local database"},
	{key: "dev.supabase_limits", env: []string{"HANDOFF_DEV_SUPABASE_LIMITS"}, flag: "supabase-limits", fallback: false, usage: "apply Supabase's default rate limits to the local Realtime"},
	{key: "dev.worker", env: []string{"HANDOFF_DEV_WORKER"}, flag: "worker", fallback: true, usage: "run the worker too"},
	{key: "dev.assistant", env: []string{"HANDOFF_DEV_ASSISTANT"}, flag: "assistant", fallback: false, usage: "answer the demo project's visitors as an AI would"},
}
