package config

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Problem is one setting that is wrong or missing.
type Problem struct {
	// Setting is its name as the user knows it, for example SUPABASE_URL.
	Setting string
	// Text says what is wrong and what is wanted. It never quotes a secret.
	Text string
}

// InvalidError is every problem of a configuration.
type InvalidError struct {
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	lines = append(lines, "the configuration is not complete:")
	for _, problem := range e.Problems {
		lines = append(lines, fmt.Sprintf("  %s %s", problem.Setting, problem.Text))
	}
	return strings.Join(lines, "\n")
}

// checks collects problems, at most one a setting.
type checks struct {
	problems []Problem
	reported map[string]bool
}

func validate(loaded Config, use Use, earlier []Problem) []Problem {
	c := &checks{reported: make(map[string]bool)}
	for _, problem := range earlier {
		c.reported[problem.Setting] = true
	}
	switch use {
	case UseDev:
		c.dev(loaded.Dev)
		c.worker(loaded.Worker)
		c.mail(loaded.Mail)
		c.metrics(loaded.Metrics)
	case UseDatabase:
		c.database(loaded.Database)
	case UseWorker:
		c.supabase(loaded.Supabase)
		c.database(loaded.Database)
		c.worker(loaded.Worker)
		c.mail(loaded.Mail)
		c.metrics(loaded.Metrics)
	}
	c.want(loaded.Log.Format == "text" || loaded.Log.Format == "json", "HANDOFF_LOG_FORMAT", "must be text or json")
	return c.problems
}

func (c *checks) want(fine bool, setting, text string) {
	if fine || c.reported[setting] {
		return
	}
	c.reported[setting] = true
	c.problems = append(c.problems, Problem{Setting: setting, Text: text})
}

func (c *checks) supabase(s Supabase) {
	c.want(s.URL != "", "SUPABASE_URL", "is missing: the address of the project, for example https://abcdefgh.supabase.co")
	c.want(isURL(s.URL, "http", "https"), "SUPABASE_URL", "must be an http or https address, for example https://abcdefgh.supabase.co")
	c.want(s.SecretKey != "", "SUPABASE_SECRET_KEY", "is missing: an sb_secret_ key, or the service_role key as SUPABASE_SERVICE_ROLE_KEY")
	c.want(!strings.HasPrefix(s.SecretKey.Reveal(), "sb_publishable_"), "SUPABASE_SECRET_KEY", "is a publishable key: the worker needs a secret one")
	c.want(roleOf(s.SecretKey.Reveal()) != "anon", "SUPABASE_SECRET_KEY", "is the anon key: the worker needs the service_role key or an sb_secret_ key")
}

// roleOf is the role that a legacy key names; empty for keys of the new kind and whatever is no token.
func roleOf(key string) string {
	parts := strings.Split(key, ".")
	if len(parts) != 3 { // header, claims, signature
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Role string `json:"role"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Role
}

// transactionPoolerPort is Supabase's pooler in transaction mode: no prepared statements, no LISTEN, no locks of a session.
const transactionPoolerPort = "6543"

func (c *checks) database(d Database) {
	c.want(d.URL != "", "DATABASE_URL", "is missing: the direct or session-mode connection string of the project, as role postgres")
	c.want(isURL(d.URL.Reveal(), "postgres", "postgresql"), "DATABASE_URL", "must be a connection string postgresql://user:password@host:port/database")
	c.want(portOf(d.URL.Reveal()) != transactionPoolerPort, "DATABASE_URL", "is the transaction pooler (port 6543): use the direct connection or the session pooler (port 5432)")
	if d.ReplicationURL != "" {
		c.want(isURL(d.ReplicationURL.Reveal(), "postgres", "postgresql"), "REPLICATION_URL", "must be a connection string postgresql://user:password@host:port/database")
	}
	c.want(d.MaxConnections >= 2 && d.MaxConnections <= 500, "HANDOFF_DATABASE_MAX_CONNECTIONS", "must be between 2 and 500")
}

func (c *checks) metrics(m Metrics) {
	if m.Address == "" {
		c.want(!m.Pprof, "HANDOFF_METRICS_PPROF", "needs HANDOFF_METRICS_ADDRESS: profiles are shown there")
		return
	}
	_, port, err := net.SplitHostPort(m.Address)
	number, portErr := strconv.ParseUint(port, 10, 16)
	c.want(err == nil && portErr == nil && (number > 0 || port == "0"), "HANDOFF_METRICS_ADDRESS",
		"must be HOST:PORT, for example 127.0.0.1:9464, or :9464 for every address of the machine")
}

// slotName is what Postgres allows as the name of a replication slot.
var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

func (c *checks) worker(w Worker) {
	c.want(slotName.MatchString(w.Slot), "HANDOFF_WORKER_SLOT", "must be 1 to 63 lower-case letters, digits or underscores")
	c.want(w.Source == "auto" || w.Source == "stream" || w.Source == "poll", "HANDOFF_WORKER_SOURCE", "must be auto, stream or poll")
	c.want(w.QueueInterval >= time.Second && w.QueueInterval <= time.Hour, "HANDOFF_WORKER_QUEUE_INTERVAL", "must be between 1s and 1h")
	c.want(w.ShutdownGrace >= 0 && w.ShutdownGrace <= 10*time.Minute, "HANDOFF_WORKER_SHUTDOWN_GRACE", "must be between 0s and 10m")
}

func (c *checks) mail(m Mail) {
	c.want(m.SMTPURL == "" || m.Function == "", "MAIL_FUNCTION", "is set besides MAIL_SMTP_URL: mail goes one way only, set one of them")
	if m.SMTPURL != "" {
		c.want(isURL(m.SMTPURL.Reveal(), "smtp", "smtps"), "MAIL_SMTP_URL", "must be smtp://user:password@host:587 or smtps://user:password@host:465; write special characters of the password as %XX")
		c.want(isAddress(m.From), "MAIL_FROM", "must be the sender of mails: an address, or Name <address>")
	}
	if m.Function != "" {
		c.want(functionName.MatchString(m.Function), "MAIL_FUNCTION", "must be the name of an Edge Function: letters, digits, - and _")
	}
	if m.On() {
		c.want(isURL(m.PublicURL, "http", "https"), "HANDOFF_PUBLIC_URL", "must be the http or https address of your dashboard: links in mails begin with it")
	}
}

// functionName is what Supabase allows as the name of an Edge Function.
var functionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func isAddress(text string) bool {
	_, err := mail.ParseAddress(text)
	return err == nil
}

const largestPort = 65535

func (c *checks) dev(d Dev) {
	c.want(d.Port >= 0 && d.Port <= largestPort, "HANDOFF_DEV_PORT", "must be a port number, or 0 for a free one")
	c.want(d.PostgresPort >= 0 && d.PostgresPort <= largestPort, "HANDOFF_DEV_POSTGRES_PORT", "must be a port number, or 0 for a free one")
	c.want(d.PagesPort >= 0 && d.PagesPort <= largestPort, "HANDOFF_DEV_PAGES_PORT", "must be a port number, or 0 for a free one")
}

func isURL(text string, schemes ...string) bool {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" {
		return false
	}
	for _, scheme := range schemes {
		if parsed.Scheme == scheme {
			return true
		}
	}
	return false
}

func portOf(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return parsed.Port()
}

func wanted(one setting) string {
	switch one.fallback.(type) {
	case time.Duration:
		return "a duration such as 10s"
	case int:
		return "a whole number"
	case bool:
		return "true or false"
	default:
		return one.usage
	}
}
