package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/supabase"
)

const (
	// checkTimeout bounds one question.
	checkTimeout = 20 * time.Second
	// requestTimeout bounds one request to the project's API.
	requestTimeout = 10 * time.Second
	closeTimeout   = 5 * time.Second
)

// Options say which project is looked at. DatabaseURL is required; what depends on something else that is empty is skipped.
type Options struct {
	// DatabaseURL and ReplicationURL are the worker's; ReplicationURL defaults to DatabaseURL.
	DatabaseURL    string
	ReplicationURL string
	// Slot is the name of the worker's replication slot.
	Slot string
	// SupabaseURL, SecretKey and PublishableKey are the project's API.
	SupabaseURL    string
	SecretKey      string
	PublishableKey string
	// Fix mends what can be mended without a risk.
	Fix bool
	// Only names the checks that are asked; "database" always is. Default: all.
	Only []string
	// Now is this machine's clock. Default time.Now.
	Now func() time.Time
}

// fix mends one finding.
type fix func(ctx context.Context, conn *pgx.Conn) error

// patient is the project under examination.
type patient struct {
	Options

	conn     *pgx.Conn // nil while the database does not answer
	migrated bool
	client   *http.Client
}

// need is what a question cannot be asked without.
type need int

const (
	needsNothing need = iota
	needsDatabase
	needsTables
	needsAPI
)

// check is one question. Its findings need no Check: Examine fills it in.
type check struct {
	name  string
	needs need
	ask   func(ctx context.Context, p *patient) ([]Finding, error)
}

// firstCheck connects, so it is asked before every other.
const firstCheck = "database"

// checks are all questions, in the order in which a person would mend what they find.
func checks() []check {
	return []check{
		{firstCheck, needsNothing, askDatabase},
		{"postgres_version", needsDatabase, askVersion},
		{"migrations", needsDatabase, askMigrations},
		{"clock_skew", needsDatabase, askClock},
		{"synchronous_commit", needsDatabase, askSynchronousCommit},
		{"wal_level", needsDatabase, askWALLevel},
		{"replication", needsTables, askReplication},
		{"replication_slots", needsDatabase, askFreeSlots},
		{"wal_senders", needsDatabase, askFreeSenders},
		{"wal_keep_size", needsDatabase, askKeepSize},
		{"slot", needsTables, askSlot},
		{"worker", needsTables, askWorker},
		{"row_level_security", needsTables, askRowLevelSecurity},
		{"privileges", needsTables, askPrivileges},
		{"realtime_policies", needsTables, askPolicies},
		{"attachments", needsTables, askAttachments},
		{"chat_counts", needsTables, askCounts},
		{"queue", needsTables, askQueue},
		{"outbox", needsTables, askOutbox},
		{"dead_letters", needsTables, askDeadLetters},
		{"secret_key", needsAPI, askSecretKey},
		{"publishable_key", needsAPI, askPublishableKey},
		{"anonymous_sign_ins", needsAPI, askAnonymous},
		{"functions", needsAPI, askFunctions},
		{"realtime_socket", needsAPI, askSocket},
		{"realtime_http", needsAPI, askHTTP},
	}
}

// Examine asks every question and, if it is told to, mends what can be mended. It never fails: what goes wrong is a finding.
func Examine(ctx context.Context, options Options) Report {
	p := &patient{Options: options.withDefaults(), client: &http.Client{Timeout: requestTimeout}}
	defer p.close(ctx)
	var report Report
	for _, question := range checks() {
		if !options.asks(question.name) {
			continue
		}
		for _, found := range p.answer(ctx, question) {
			found.Check = question.name
			report.Findings = append(report.Findings, p.mend(ctx, found))
		}
	}
	return report
}

func (o Options) asks(name string) bool {
	return len(o.Only) == 0 || name == firstCheck || slices.Contains(o.Only, name)
}

func (o Options) withDefaults() Options {
	if o.ReplicationURL == "" {
		o.ReplicationURL = o.DatabaseURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (p *patient) answer(ctx context.Context, question check) []Finding {
	if reason := p.lacks(question.needs); reason != "" {
		return skipped(reason)
	}
	askCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found, err := question.ask(askCtx, p)
	if err != nil {
		p.reviveAfter(ctx)
		return []Finding{broken(fmt.Sprintf("the question could not be answered: %v", err), "Run it again; if it stays, report it with this text.")}
	}
	return found
}

// lacks says why a question cannot be asked, or "".
func (p *patient) lacks(needs need) string {
	switch {
	case needs == needsAPI && p.SupabaseURL == "":
		return "SUPABASE_URL is not set"
	case (needs == needsDatabase || needs == needsTables) && p.conn == nil:
		return "the database does not answer"
	case needs == needsTables && !p.migrated:
		return "the tables are not there"
	default:
		return ""
	}
}

// reviveAfter replaces a connection that a failed question has broken, so that the next question is asked of a sound one.
func (p *patient) reviveAfter(ctx context.Context) {
	if p.conn == nil || !p.conn.IsClosed() {
		return
	}
	conn, err := supabase.Connect(ctx, p.DatabaseURL)
	if err != nil {
		conn = nil
	}
	p.conn = conn
}

// mend mends the finding if that is wanted and possible, and says so in it.
func (p *patient) mend(ctx context.Context, found Finding) Finding {
	if !p.Fix || found.fix == nil || p.conn == nil {
		return found
	}
	fixCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := found.fix(fixCtx, p.conn); err != nil {
		found.Remedy = fmt.Sprintf("It could not be mended (%v). %s", err, found.Remedy)
		return found
	}
	found.Fixed = true
	return found
}

func (p *patient) close(ctx context.Context) {
	p.client.CloseIdleConnections()
	if p.conn == nil {
		return
	}
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = p.conn.Close(closeCtx) // the server ends the session either way
}

// silent is the logger of what is tried out here: its troubles are findings.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Checks lists the names of all questions.
func Checks() []string {
	var names []string
	for _, question := range checks() {
		names = append(names, question.name)
	}
	return names
}
