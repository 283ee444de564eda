package localtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

// adminConnections bounds the databases that are made or dropped at the same time.
const adminConnections = 4

// connectTimeout bounds one connection, so that a wrong HANDOFF_TEST_POSTGRES is told at once.
const connectTimeout = 10 * time.Second

// plan says what a template holds besides the stand-in's schema.
type plan struct{ steps []step }

type step struct {
	key string
	run Setup
}

// cluster is the server that this process tests on.
type cluster struct {
	// server is nil when somebody else runs it.
	server *postgres.Server
	admin  *pgxpool.Pool
	base   *url.URL
	// prefix keeps names of several test processes on one server apart.
	prefix string
	serial atomic.Int64

	mu        sync.Mutex
	templates map[string]*template
}

// template is a database that others are cloned from.
type template struct {
	once sync.Once
	name string
	err  error
}

func newCluster(ctx context.Context) (*cluster, error) {
	c := &cluster{prefix: fmt.Sprintf("test_%d_", os.Getpid()), templates: map[string]*template{}}
	address := os.Getenv(serverVariable)
	if address == "" {
		server, err := postgres.Start(ctx, postgres.Options{Ephemeral: true, AllowInstall: true})
		if err != nil {
			return nil, err
		}
		c.server = server
		address = server.URL("postgres", postgres.Superuser)
	}
	if err := c.connect(ctx, address); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the test server: %w", err), c.abandon(ctx))
	}
	return c, nil
}

// abandon undoes newCluster half way.
func (c *cluster) abandon(ctx context.Context) error {
	if c.admin != nil {
		c.admin.Close()
	}
	if c.server == nil {
		return nil
	}
	return c.server.Stop(context.WithoutCancel(ctx))
}

func (c *cluster) connect(ctx context.Context, address string) error {
	var err error
	if c.base, err = url.Parse(address); err != nil {
		return fmt.Errorf("read %s: not a URL", serverVariable) // the error would quote the password
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return err
	}
	config.MaxConns = adminConnections
	config.ConnConfig.ConnectTimeout = connectTimeout
	if c.admin, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return err
	}
	return c.admin.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return schema.EnsureRoles(ctx, conn.Conn())
	})
}

func (c *cluster) url(database, role string) string { return withDatabase(c.base, database, role) }

// superuser is the role of the given URL: supabase_admin, unless the server is somebody else's.
func (c *cluster) superuser() string { return c.base.User.Username() }

func (c *cluster) nextName(kind string) string {
	return fmt.Sprintf("%s%s%d", c.prefix, kind, c.serial.Add(1))
}

// create clones the template of the plan.
func (c *cluster) create(ctx context.Context, wanted plan) (string, error) {
	source, err := c.templateFor(ctx, wanted)
	if err != nil {
		return "", fmt.Errorf("make template %s: %w", wanted, err)
	}
	name := c.nextName("")
	return name, c.exec(ctx, "create database "+name+" template "+source+" owner postgres")
}

// templateFor makes the template when it is the first of its plan; others wait for it. A failure is kept: trying again
// for each test would only bury the first message.
func (c *cluster) templateFor(ctx context.Context, wanted plan) (string, error) {
	c.mu.Lock()
	found, ok := c.templates[wanted.String()]
	if !ok {
		found = &template{name: c.nextName("template_")}
		c.templates[wanted.String()] = found
	}
	c.mu.Unlock()
	found.once.Do(func() { found.err = c.build(context.WithoutCancel(ctx), found.name, wanted) })
	return found.name, found.err
}

func (c *cluster) build(ctx context.Context, name string, wanted plan) error {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	if err := c.exec(ctx, "create database "+name+" template template0"); err != nil {
		return err
	}
	if err := c.bootstrap(ctx, name); err != nil {
		return err
	}
	for _, step := range wanted.steps {
		if err := step.run(ctx, c.url(name, "postgres")); err != nil {
			return fmt.Errorf("setup %q: %w", step.key, err)
		}
	}
	// A connection to the template would make clones fail.
	return c.exec(ctx, "alter database "+name+" allow_connections false")
}

func (c *cluster) bootstrap(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, c.url(name, c.superuser()))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // the work is committed by then
	return schema.Bootstrap(ctx, conn)
}

// exec runs one statement on the server. Names in it are ours and need no quotes.
func (c *cluster) exec(ctx context.Context, statement string) error {
	if _, err := c.admin.Exec(ctx, statement); err != nil {
		verb, _, _ := strings.Cut(statement, " template")
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// close drops the templates of a server that goes on running, or stops our own.
func (c *cluster) close(ctx context.Context) error {
	if c.server != nil {
		c.admin.Close()
		return c.server.Stop(ctx)
	}
	defer c.admin.Close()
	for _, made := range c.templates {
		if err := c.drop(ctx, made.name); err != nil {
			return err
		}
	}
	return nil
}
