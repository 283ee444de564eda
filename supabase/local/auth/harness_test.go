package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/supabase/local/auth"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

const (
	password = "correct-horse"
	patience = 10 * time.Second
	tick     = 5 * time.Millisecond
)

// clock is the service's clock in a test: it starts now and moves only when it is told to.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

type bundle struct {
	url   string
	ring  *keys.Ring
	pool  *pgxpool.Pool
	clock *clock
	// observer is a pool that the service does not use.
	observer *pgxpool.Pool
}

func setup(t testing.TB) *bundle {
	t.Helper()
	return setupWith(t, auth.Options{})
}

func setupWith(t testing.TB, opts auth.Options) *bundle {
	t.Helper()
	const role = "supabase_auth_admin"
	db := localtest.New(t)
	b := &bundle{ring: keys.New(), clock: &clock{}, pool: db.Pool(t, role), observer: db.Pool(t, role)}
	opts.Now = b.clock.now
	opts.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	server := httptest.NewServer(auth.New(b.pool, b.ring, opts))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// reply is any answer of the service: the fields that the answer lacks are zero.
type reply struct {
	status int
	header http.Header
	body   []byte

	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
	ExpiresAt    int64  `json:"expires_at"`
	User         user   `json:"user"`
	Users        []user `json:"users"`

	ErrorCode string `json:"error_code"`
	Msg       string `json:"msg"`
}

type user struct {
	ID               string         `json:"id"`
	Aud              string         `json:"aud"`
	Role             string         `json:"role"`
	Email            string         `json:"email"`
	EmailConfirmedAt string         `json:"email_confirmed_at"`
	InvitedAt        string         `json:"invited_at"`
	LastSignInAt     string         `json:"last_sign_in_at"`
	AppMetadata      map[string]any `json:"app_metadata"`
	UserMetadata     map[string]any `json:"user_metadata"`
	Identities       []identity     `json:"identities"`
	IsAnonymous      bool           `json:"is_anonymous"`
}

type identity struct {
	ID       string         `json:"id"`
	Provider string         `json:"provider"`
	Email    string         `json:"email"`
	Data     map[string]any `json:"identity_data"`
}

type object map[string]any

// send sends a request with the bearer token, or none when it is empty. A nil body is sent as no body. headers are pairs
// of name and value.
func (b *bundle) send(ctx context.Context, method, path, bearer string, body any, headers ...string) (reply, error) {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return reply{}, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, b.url+path, &payload)
	if err != nil {
		return reply{}, err
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	got := reply{status: response.StatusCode, header: response.Header}
	got.body, err = io.ReadAll(response.Body)
	_ = json.Unmarshal(got.body, &got) // some answers have another shape or no body
	return got, err
}

// do is send for a request that must be answered.
func (b *bundle) do(t *testing.T, method, path, bearer string, body any, headers ...string) reply {
	t.Helper()
	got, err := b.send(t.Context(), method, path, bearer, body, headers...)
	require.NoError(t, err)
	return got
}

// race sends the same request several times while hold keeps a lock, lets go when all of them wait for it, and returns
// the answers.
func (b *bundle) race(t *testing.T, hold, path string, body any) []reply {
	t.Helper()
	const rivals = 3 // fewer than the pool of the service has connections
	ctx := t.Context()
	tx, err := b.observer.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, hold)
	require.NoError(t, err)

	replies := make([]reply, rivals)
	var group errgroup.Group
	for i := range replies {
		group.Go(func() (err error) {
			replies[i], err = b.send(ctx, http.MethodPost, path, "", body)
			return err
		})
	}
	assert.Eventually(t, func() bool { return b.waiting(ctx) == rivals }, patience, tick, "requests do not wait")
	require.NoError(t, tx.Commit(ctx))
	require.NoError(t, group.Wait())
	return replies
}

// waiting is how many of the service's sessions wait for a lock.
func (b *bundle) waiting(ctx context.Context) (count int) {
	_ = b.observer.QueryRow(ctx, `
		select count(*) from pg_stat_activity
		 where datname = current_database() and wait_event_type = 'Lock'`).Scan(&count) // an error is asked again
	return count
}

// ok is do for a request that must succeed. An answer that is a user is in User.
func (b *bundle) ok(t *testing.T, method, path, bearer string, body any) reply {
	t.Helper()
	got := b.do(t, method, path, bearer, body)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	if got.User.ID == "" {
		require.NoError(t, json.Unmarshal(got.body, &got.User))
	}
	return got
}

// refused asserts what the service answers to a request that it must refuse.
func (b *bundle) refused(t *testing.T, status int, code string, got reply) {
	t.Helper()
	assert.Equal(t, status, got.status, "%s", got.body)
	assert.Equal(t, code, got.ErrorCode, "%s", got.body)
	assert.NotEmpty(t, got.Msg)
}

func (b *bundle) signUp(t *testing.T, email string) reply {
	t.Helper()
	return b.ok(t, http.MethodPost, "/signup", "", object{"email": email, "password": password})
}

func (b *bundle) signIn(t *testing.T, email, password string) reply {
	t.Helper()
	return b.do(t, http.MethodPost, "/token?grant_type=password", "", object{"email": email, "password": password})
}

func (b *bundle) refresh(t *testing.T, token string) reply {
	t.Helper()
	return b.do(t, http.MethodPost, "/token?grant_type=refresh_token", "", object{"refresh_token": token})
}

func (b *bundle) claims(t *testing.T, token string) map[string]any {
	t.Helper()
	claims, err := b.ring.Verify(token)
	require.NoError(t, err)
	return claims.All
}

// headerOf reads the header of a token, which says how it was signed.
func headerOf(t *testing.T, token string) (header map[string]any) {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &header))
	return header
}
