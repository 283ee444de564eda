package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase"
)

const (
	oldestVersion = 150000
	// mostSkew is how far two clocks may differ before times that people compare look wrong.
	mostSkew = 5 * time.Second
	// transactionPort is where Supabase's poolers serve transactions instead of sessions.
	transactionPort = "6543"
)

// askDatabase connects; all questions about the database use that connection.
func askDatabase(ctx context.Context, p *patient) ([]Finding, error) {
	conn, err := supabase.Connect(ctx, p.DatabaseURL)
	if err != nil {
		return []Finding{connectFinding(err)}, nil
	}
	p.conn = conn
	if err := conn.QueryRow(ctx, `select to_regclass('handoff.outbox') is not null`).Scan(&p.migrated); err != nil {
		return nil, err
	}
	return []Finding{connectionMode(p.DatabaseURL)}, nil
}

func connectFinding(err error) Finding {
	refused, ok := errors.AsType[*supabase.ConnectError](err)
	if !ok {
		return broken(err.Error(), "")
	}
	return broken(refused.Error(), refused.Remedy())
}

// connectionMode tells a direct connection from a pooler's, as Supabase's addresses show it.
func connectionMode(address string) Finding {
	parsed, err := url.Parse(address)
	if err != nil {
		return Finding{Severity: OK, Text: "it answers"}
	}
	switch {
	case parsed.Port() == transactionPort:
		return broken("DATABASE_URL is a pooler in transaction mode: it keeps neither prepared statements nor locks of a session",
			"Use the direct connection, or the pooler's port 5432.")
	case strings.Contains(parsed.Hostname(), ".pooler."):
		return Finding{Severity: OK, Text: "it answers, through a pooler in session mode; replication needs REPLICATION_URL to be the direct connection"}
	default:
		return Finding{Severity: OK, Text: "it answers, directly"}
	}
}

func askVersion(ctx context.Context, p *patient) ([]Finding, error) {
	var number int
	var name string
	err := p.conn.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('server_version')`).Scan(&number, &name)
	if err != nil {
		return nil, err
	}
	if number < oldestVersion {
		return []Finding{broken("Postgres is version "+name, "Upgrade the project: 15 is the oldest version that works.")}, nil
	}
	return fine("Postgres " + name), nil
}

func askMigrations(ctx context.Context, p *patient) ([]Finding, error) {
	if !p.migrated {
		return []Finding{broken("the tables of the engine are not there", "Run `handoff migrate up`.")}, nil
	}
	standings, err := migrations.Status(ctx, p.conn)
	if err != nil {
		return nil, err
	}
	var outstanding []string
	for _, one := range standings {
		if one.State != migrations.StateApplied {
			outstanding = append(outstanding, one.Name+" ("+string(one.State)+")")
		}
	}
	if len(outstanding) == 0 {
		return fine(fmt.Sprintf("all %d are applied in this version", len(standings))), nil
	}
	return []Finding{broken("not applied in this version: "+strings.Join(outstanding, ", "),
		"Run `handoff migrate up`; if a newer worker has run here, upgrade this one instead.")}, nil
}

// askClock compares the database's clock with this machine's. Nothing here depends on them agreeing: every time is the
// database's. But people compare logs.
func askClock(ctx context.Context, p *patient) ([]Finding, error) {
	var theirs time.Time
	before := p.Now()
	if err := p.conn.QueryRow(ctx, `select clock_timestamp()`).Scan(&theirs); err != nil {
		return nil, err
	}
	ours := before.Add(p.Now().Sub(before) / 2)
	if skew := theirs.Sub(ours).Round(time.Millisecond); skew.Abs() > mostSkew {
		return []Finding{warn(fmt.Sprintf("the database's clock and this machine's differ by %s", skew.Abs()),
			"Let both follow NTP. Deadlines hold, because they are the database's alone; but logs cannot be compared.")}, nil
	}
	return fine("the clocks agree"), nil
}

func askSynchronousCommit(ctx context.Context, p *patient) ([]Finding, error) {
	var setting string
	if err := p.conn.QueryRow(ctx, `select current_setting('synchronous_commit')`).Scan(&setting); err != nil {
		return nil, err
	}
	if setting == "off" {
		return []Finding{warn("synchronous_commit is off: an event reaches the worker up to 0.4 s later, and a crash loses acknowledged messages",
			"Run: alter database postgres set synchronous_commit = on")}, nil
	}
	return fine("synchronous_commit is " + setting), nil
}
