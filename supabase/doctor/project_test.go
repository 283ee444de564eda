package doctor_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/doctor"
	"github.com/supportbase/handoff/supabase/local/auth"
	"github.com/supportbase/handoff/supabase/local/channels"
	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/rest"
)

// project is a stand-in with the engine installed.
type project struct {
	options doctor.Options
	pool    *pgxpool.Pool // as role postgres
	owner   *pgxpool.Pool // as the superuser: what no project's own role may do
	// superuser is the URL of the superuser of a server of its own.
	superuser string
}

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // the work is committed by then
	_, err = migrations.Up(ctx, conn)
	return err
}

// newProject is healthy, but that no worker runs.
func newProject(t *testing.T, change func(*auth.Options)) project {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", migrate))
	ring, logger := keys.New(), slog.New(slog.DiscardHandler)
	options := auth.Options{Issuer: "http://127.0.0.1/auth/v1", Logger: logger}
	if change != nil {
		change(&options)
	}
	tables := rest.New(db.Pool(t, "authenticator"), ring, logger)
	require.NoError(t, tables.Start(t.Context()))
	realtime := channels.New(channels.Options{Pool: db.Pool(t, "supabase_admin"), Ring: ring, Logger: logger})
	front := httptest.NewServer(gateway.New(gateway.Backends{
		Auth: auth.New(db.Pool(t, "supabase_auth_admin"), ring, options), Rest: tables, Realtime: realtime,
	}, ring, logger))
	t.Cleanup(func() {
		front.Close()
		assert.NoError(t, realtime.Close(context.WithoutCancel(t.Context())))
		tables.Stop()
	})
	return project{
		options: doctor.Options{
			DatabaseURL: db.URL("postgres"), Slot: "doctor_" + db.Name, SupabaseURL: front.URL,
			SecretKey: keys.Secret, PublishableKey: keys.Publishable,
		},
		pool: db.Pool(t, "postgres"), owner: db.Pool(t, "supabase_admin"),
	}
}

func (p project) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), statement, args...)
	require.NoError(t, err, statement)
}

// found examines the project and returns the findings of one check.
func (p project) found(t *testing.T, name string) []doctor.Finding {
	t.Helper()
	p.options.Only = []string{name}
	return only(t, doctor.Examine(t.Context(), p.options), name)
}

func only(t *testing.T, report doctor.Report, name string) []doctor.Finding {
	t.Helper()
	var found []doctor.Finding
	for _, one := range report.Findings {
		if one.Check == name {
			found = append(found, one)
		}
	}
	require.NotEmpty(t, found, name)
	return found
}

// says asserts that the check found one thing, of this severity, with these words and a remedy.
func (p project) says(t *testing.T, name string, severity doctor.Severity, text, remedy string) {
	t.Helper()
	found := p.found(t, name)
	require.Len(t, found, 1, found)
	assert.Equal(t, severity, found[0].Severity, found[0].Text)
	assert.Contains(t, found[0].Text, text)
	assert.Contains(t, found[0].Remedy, remedy)
}

// mends asserts that the finding can be mended, and is gone afterwards.
func (p project) mends(t *testing.T, name string) {
	t.Helper()
	fixing := p.options
	fixing.Fix, fixing.Only = true, []string{name}
	for _, one := range only(t, doctor.Examine(t.Context(), fixing), name) {
		assert.True(t, one.Fixed, one)
	}
	for _, one := range p.found(t, name) {
		assert.Equal(t, doctor.OK, one.Severity, one)
	}
}

// front answers some paths itself and leaves the rest to the project: the edge of the network.
func (p project) front(t *testing.T, answers map[string]int) project {
	t.Helper()
	behind := p.options.SupabaseURL
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, status := range answers {
			if len(r.URL.Path) >= len(path) && r.URL.Path[:len(path)] == path {
				w.WriteHeader(status)
				return
			}
		}
		http.Redirect(w, r, behind+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	p.options.SupabaseURL = server.URL
	return p
}
