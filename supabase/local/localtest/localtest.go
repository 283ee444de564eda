package localtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/postgres"
)

const (
	serverVariable = "HANDOFF_TEST_POSTGRES"
	keepVariable   = "HANDOFF_KEEP_DATABASES"

	// createTimeout bounds the making of one database, with the start of the server and the setup when it is the first.
	createTimeout = 5 * time.Minute
	dropTimeout   = time.Minute
)

// Setup prepares a template. The URL is for the role postgres, the one that runs migrations on hosted Supabase.
type Setup func(ctx context.Context, url string) error

// Option changes what New makes.
type Option func(*plan)

// WithSetup runs setup in the template of the database. The key stands for what setup does: databases with the same
// keys in the same order share a template, so setup runs for the first of them only.
func WithSetup(key string, setup Setup) Option {
	return func(p *plan) { p.steps = append(p.steps, step{key, setup}) }
}

// Database is the database of one test.
type Database struct {
	// Name is the name of the database in the server.
	Name    string
	cluster *cluster
}

// New makes a database that is dropped when the test ends. It fails the test when that is not possible.
func New(t testing.TB, options ...Option) *Database {
	t.Helper()
	var wanted plan
	for _, option := range options {
		option(&wanted)
	}
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()
	server, err := shared.get(ctx)
	if err != nil {
		t.Fatalf("test server: %v", err)
	}
	name, err := server.create(ctx, wanted)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	db := &Database{Name: name, cluster: server}
	t.Cleanup(func() { db.drop(t) })
	return db
}

// URL is a connection string for a login role of the stand-in: postgres, authenticator, supabase_admin or
// supabase_auth_admin.
func (d *Database) URL(role string) string { return d.cluster.url(d.Name, role) }

// Server is the server of this process, nil when HANDOFF_TEST_POSTGRES names another one.
func (d *Database) Server() *postgres.Server { return d.cluster.server }

// Pool opens a pool that is closed when the test ends.
func (d *Database) Pool(t testing.TB, role string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), d.URL(role))
	if err != nil {
		t.Fatalf("test pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (d *Database) drop(t testing.TB) {
	t.Helper()
	if t.Failed() && os.Getenv(keepVariable) == "1" {
		t.Logf("database kept: %s", d.URL(postgres.Superuser))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), dropTimeout)
	defer cancel()
	if err := d.cluster.drop(ctx, d.Name); err != nil {
		t.Errorf("test database: %v", err)
	}
}

// withDatabase returns address with another database and role.
func withDatabase(address *url.URL, database, role string) string {
	changed := *address
	changed.Path = "/" + database
	if address.User.Username() != role {
		changed.User = url.UserPassword(role, postgres.Password)
	}
	return changed.String()
}

func (p plan) String() string {
	text := ""
	for _, step := range p.steps {
		text += fmt.Sprintf("%q ", step.key)
	}
	return text
}
