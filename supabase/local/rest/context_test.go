package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct{ name, apikey, authorization, role string }{
		{"the publishable key is anon", keys.Publishable, "", "anon"},
		{"the secret key is service_role", keys.Secret, "", "service_role"},
		{"a key as the bearer is resolved", "", "Bearer " + keys.Secret, "service_role"},
		{"the bearer goes before the key", keys.Publishable, "Bearer " + b.user, "authenticated"},
		{"a legacy key is its role", b.ring.AnonJWT(), "Bearer " + b.ring.AnonJWT(), "anon"},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			got := b.post(t, "/rpc/whoami", `{}`, "apikey: "+claim.apikey, "Authorization: "+claim.authorization)
			assertBody(t, got, http.StatusOK, `"`+claim.role+`"`)
		})
	}
	expired := b.token(t, map[string]any{"role": "authenticated", "exp": time.Now().Add(-time.Hour).Unix()})
	roleless := b.token(t, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
	unknown := b.token(t, map[string]any{"role": "nobody", "exp": time.Now().Add(time.Hour).Unix()})
	for _, claim := range []struct{ name, token, code, message, challenge string }{
		{"expired", expired, "PGRST303", "JWT expired", `Bearer error="invalid_token", error_description="JWT expired"`},
		{"without a role", roleless, "PGRST303", "Parsing claims failed", `Bearer error="invalid_token", error_description="Parsing claims failed"`},
		{"signed by someone else", b.user[:len(b.user)-6] + "AAAAAA", "PGRST301", "No suitable key or wrong key type", `Bearer error="invalid_token", error_description="No suitable key or wrong key type"`},
		{"that is none", "hello", "PGRST301", "Expected 3 parts in JWT; got 1", `Bearer error="invalid_token", error_description="Expected 3 parts in JWT; got 1"`},
		{"of a role that does not exist", unknown, "22023", `role "nobody" does not exist`, "Bearer"},
	} {
		t.Run("a token "+claim.name+" is refused", func(t *testing.T) {
			t.Parallel()
			got := b.get(t, "/authors", "Authorization: Bearer "+claim.token)
			assert.Equal(t, claim.message, assertRefused(t, got, http.StatusUnauthorized, claim.code).Message)
			assert.Equal(t, claim.challenge, got.header.Get("WWW-Authenticate"))
		})
	}
	t.Run("no token is refused", func(t *testing.T) {
		t.Parallel()
		got := b.get(t, "/authors", "apikey:", "Authorization:")
		assertRefused(t, got, http.StatusUnauthorized, "PGRST302")
		assert.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
	})
	t.Run("what anon may not do asks for a login", func(t *testing.T) {
		t.Parallel()
		got := b.get(t, "/secrets", "Authorization:")
		assertRefused(t, got, http.StatusUnauthorized, "42501")
		assert.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
	})
}

func TestRequestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct{ name, path, want string }{
		{"method", "/rpc/setting?name=request.method", `"GET"`},
		{"path", "/rpc/setting?name=request.path", `"/rpc/setting"`},
		{"search path", "/rpc/setting?name=search_path", `"\"public\", \"extensions\""`},
		{"read-only transaction", "/rpc/setting?name=transaction_read_only", `"on"`},
		{"statement timeout of the role", "/rpc/setting?name=statement_timeout", `"8s"`},
		{"statement timeout of the function", "/rpc/hurried", `"4321ms"`},
		{"headers in lower case", "/rpc/header?name=x-trace", `"abc"`},
		{"host", "/rpc/header?name=host", `"` + strings.TrimPrefix(b.url, "http://") + `"`},
		{"no cookies", "/rpc/header?name=cookie", `null`},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertBody(t, b.get(t, claim.path, "X-Trace: abc", "Cookie: a=b"), http.StatusOK, claim.want)
		})
	}
	t.Run("claims", func(t *testing.T) {
		t.Parallel()
		got := b.get(t, "/rpc/setting?name=request.jwt.claims")
		assert.Contains(t, got.body, `\"sub\":\"`+userID+`\"`)
	})
	t.Run("nothing of a request stays in the connection", func(t *testing.T) {
		t.Parallel()
		pool := b.db.Pool(t, "authenticator")
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
		var role string
		require.NoError(t, conn.QueryRow(t.Context(), "select current_user").Scan(&role))
		assert.Equal(t, "authenticator", role)
	})
}

func TestResponseSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("status and headers are the function's", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/rpc/teapot", `{}`)
		assertBody(t, got, http.StatusTeapot, `"short and stout"`)
		assert.Equal(t, "green", got.header.Get("X-Tea"))
		assert.Equal(t, []string{"a=1", "b=2"}, got.header.Values("Set-Cookie"))
	})
	t.Run("headers of another form are refused", func(t *testing.T) {
		t.Parallel()
		assertRefused(t, b.post(t, "/rpc/bad_headers", `{}`), http.StatusInternalServerError, "PGRST111")
	})
	t.Run("a status that is none is refused", func(t *testing.T) {
		t.Parallel()
		assertRefused(t, b.post(t, "/rpc/bad_status", `{}`), http.StatusInternalServerError, "PGRST112")
	})
}

func TestRaisedErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for state, status := range map[string]int{
		"P0001": 400, "P0002": 500, "PT409": 409, "PT599": 599, "PTXYZ": 500, "PT100": 500, "42501": 403, "23505": 409, "23503": 409,
		"42883": 404, "42P01": 404, "42P17": 500, "40001": 500, "53400": 500, "53300": 503, "57014": 500, "08006": 503,
		"25006": 405, "21000": 500, "22023": 400, "28000": 403, "XX000": 500, "22P02": 400,
	} {
		t.Run(fmt.Sprintf("%s is %d", state, status), func(t *testing.T) {
			t.Parallel()
			got := b.post(t, "/rpc/fail_with", fmt.Sprintf(`{"state":%q,"message":"m","detail":"d","hint":"h"}`, state))
			assert.Equal(t, refusal{Code: state, Message: "m", Details: "d", Hint: "h"}, assertRefused(t, got, status, state))
		})
	}
	t.Run("PGRST controls the whole answer", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/rpc/fail_with", `{"state":"PGRST",
			"message":"{\"code\":\"slow_down\",\"message\":\"later\",\"hint\":\"wait\"}",
			"detail":"{\"status\":429,\"headers\":{\"Retry-After\":\"30\"}}"}`)
		refused := assertRefused(t, got, http.StatusTooManyRequests, "slow_down")
		assert.Equal(t, refusal{Code: "slow_down", Message: "later", Hint: "wait"}, refused)
		assert.Equal(t, "30", got.header.Get("Retry-After"))
	})
	for name, body := range map[string]string{
		"a message that is no JSON":     `{"state":"PGRST","message":"x"}`,
		"a missing detail":              `{"state":"PGRST","message":"{\"code\":\"a\",\"message\":\"b\"}"}`,
		"a detail without a status":     `{"state":"PGRST","message":"{\"code\":\"a\",\"message\":\"b\"}","detail":"{\"headers\":{}}"}`,
		"a status that cannot be given": `{"state":"PGRST","message":"{\"code\":\"a\",\"message\":\"b\"}","detail":"{\"status\":1,\"headers\":{}}"}`,
	} {
		t.Run("PGRST with "+name+" is refused", func(t *testing.T) {
			t.Parallel()
			assertRefused(t, b.post(t, "/rpc/fail_with", body), http.StatusInternalServerError, "PGRST121")
		})
	}
	t.Run("a statement beyond its time is ended", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/rpc/slow", `{}`)
		refused := assertRefused(t, got, http.StatusInternalServerError, "57014")
		assert.Equal(t, "canceling statement due to statement timeout", refused.Message)
	})
	t.Run("a body beyond the limit is refused", func(t *testing.T) {
		t.Parallel()
		body := `{"word":"` + strings.Repeat("x", 17<<20) + `"}`
		assertRefused(t, b.post(t, "/rpc/shout", body), http.StatusRequestEntityTooLarge, "PGRST102")
	})
}
