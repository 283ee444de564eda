package rest_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/rest"
)

//go:embed testdata/schema.sql
var schemaSQL string

const userID = "7f1c9e52-5b0e-4c59-9f0a-2c6ab6a2c001"

// bundle is a running handler over a database of its own.
type bundle struct {
	db      *localtest.Database
	ring    *keys.Ring
	handler *rest.Handler
	pool    *pgxpool.Pool
	url     string
	// user is a token of an authenticated user.
	user string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("rest", createSchema))
	ring := keys.New()
	pool := db.Pool(t, "authenticator")
	handler := rest.New(pool, ring, slog.New(slog.NewTextHandler(t.Output(), nil)))
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b := &bundle{db: db, ring: ring, handler: handler, pool: pool, url: server.URL}
	b.user = b.token(t, map[string]any{"role": "authenticated", "sub": userID, "exp": time.Now().Add(time.Hour).Unix()})
	return b
}

func createSchema(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // the schema stands or the test fails
	_, err = conn.Exec(ctx, schemaSQL)
	return err
}

func (b *bundle) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	token, err := b.ring.Sign(claims)
	require.NoError(t, err)
	return token
}

// postgres is a pool of the role that owns the schema.
func (b *bundle) postgres(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return b.db.Pool(t, "postgres")
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// refusal is the body of an error.
type refusal struct {
	Code    string
	Message string
	Details any
	Hint    any
}

func (r reply) refusal(t *testing.T) refusal {
	t.Helper()
	var refused refusal
	require.NoError(t, json.Unmarshal([]byte(r.body), &refused), "body: %s", r.body)
	return refused
}

// send makes a request as the authenticated user; headers are "Name: value" and replace what send sets.
func (b *bundle) send(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("apikey", keys.Publishable)
	r.Header.Set("Authorization", "Bearer "+b.user)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return reply{status: response.StatusCode, header: response.Header, body: compact(content)}
}

// compact takes out the white space that Postgres puts between rows.
func compact(content []byte) string {
	var out bytes.Buffer
	if json.Compact(&out, content) != nil {
		return string(content)
	}
	return out.String()
}

func (b *bundle) get(t *testing.T, path string, headers ...string) reply {
	t.Helper()
	return b.send(t, http.MethodGet, path, "", headers...)
}

func (b *bundle) post(t *testing.T, path, body string, headers ...string) reply {
	t.Helper()
	return b.send(t, http.MethodPost, path, body, headers...)
}

// assertBody checks a successful answer.
func assertBody(t *testing.T, got reply, status int, body string) {
	t.Helper()
	assert.Equal(t, status, got.status, "body: %s", got.body)
	assert.Equal(t, body, got.body)
}

// assertRefused checks the status and code of an error, and the header that repeats the code.
func assertRefused(t *testing.T, got reply, status int, code string) refusal {
	t.Helper()
	require.Equal(t, status, got.status, "body: %s", got.body)
	refused := got.refusal(t)
	assert.Equal(t, code, refused.Code, "body: %s", got.body)
	assert.Equal(t, "PostgREST; error="+code, got.header.Get("Proxy-Status"))
	assert.Equal(t, "application/json; charset=utf-8", got.header.Get("Content-Type"))
	return refused
}
