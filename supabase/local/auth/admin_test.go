package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/supportbase/handoff/supabase/local/auth"
	"github.com/supportbase/handoff/supabase/local/keys"
)

func TestAdminUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	service := b.ring.ServiceRoleJWT()
	create := func(t *testing.T, body object) user {
		t.Helper()
		return b.ok(t, http.MethodPost, "/admin/users", service, body).User
	}

	t.Run("creates a user with a given id who can sign in", func(t *testing.T) {
		t.Parallel()
		const id = "00000000-0000-4000-8000-0000000000a1"
		got := create(t, object{
			"id": id, "email": "sarah@example.com", "password": password, "email_confirm": true,
			"user_metadata": object{"name": "Sarah"}, "app_metadata": object{"team": "support"},
		})
		assert.Equal(t, id, got.ID)
		assert.Equal(t, "Sarah", got.UserMetadata["name"])
		assert.Equal(t, map[string]any{"provider": "email", "providers": []any{"email"}, "team": "support"}, got.AppMetadata)
		assert.Empty(t, got.LastSignInAt)
		assert.Equal(t, id, b.signIn(t, "sarah@example.com", password).User.ID)
		b.refused(t, http.StatusUnprocessableEntity, "email_exists",
			b.do(t, http.MethodPost, "/admin/users", service, object{"email": "sarah@example.com"}))
	})
	t.Run("creates a user who has to confirm first", func(t *testing.T) {
		t.Parallel()
		got := create(t, object{"email": "later@example.com", "password": password})
		b.refused(t, http.StatusBadRequest, "email_not_confirmed", b.signIn(t, "later@example.com", password))
		b.ok(t, http.MethodPut, "/admin/users/"+got.ID, service, object{"email_confirm": true})
		assert.Equal(t, http.StatusOK, b.signIn(t, "later@example.com", password).status)
	})
	t.Run("takes a bcrypt hash for a password", func(t *testing.T) {
		t.Parallel()
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		require.NoError(t, err)
		create(t, object{"email": "hash@example.com", "password_hash": string(hash), "email_confirm": true})
		assert.Equal(t, http.StatusOK, b.signIn(t, "hash@example.com", password).status)
	})
	t.Run("bans and lifts a ban", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "ban@example.com")
		path := "/admin/users/" + session.User.ID
		b.ok(t, http.MethodPut, path, service, object{"ban_duration": "24h"})
		b.refused(t, http.StatusBadRequest, "user_banned", b.signIn(t, "ban@example.com", password))
		b.refused(t, http.StatusBadRequest, "user_banned", b.refresh(t, session.RefreshToken))
		b.ok(t, http.MethodPut, path, service, object{"ban_duration": "none"})
		assert.Equal(t, http.StatusOK, b.signIn(t, "ban@example.com", password).status)
	})
	t.Run("ends every session when it sets a password", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "reset@example.com")
		b.ok(t, http.MethodPut, "/admin/users/"+session.User.ID, service, object{"password": "another-password"})
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, session.RefreshToken))
		assert.Equal(t, http.StatusOK, b.signIn(t, "reset@example.com", "another-password").status)
	})
	t.Run("deletes for good", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "delete@example.com")
		path := "/admin/users/" + session.User.ID
		got := b.do(t, http.MethodDelete, path, service, nil)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		assert.JSONEq(t, `{}`, string(got.body), "supabase-js reads a field of the answer")
		b.refused(t, http.StatusNotFound, "user_not_found", b.do(t, http.MethodGet, path, service, nil))
		b.refused(t, http.StatusNotFound, "user_not_found", b.do(t, http.MethodDelete, path, service, nil))
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, session.RefreshToken))
		b.signUp(t, "delete@example.com")
	})
	t.Run("deletes softly: the row stays, the user is gone", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "soft@example.com")
		b.do(t, http.MethodDelete, "/admin/users/"+session.User.ID, service, object{"should_soft_delete": true})
		b.refused(t, http.StatusBadRequest, "invalid_credentials", b.signIn(t, "soft@example.com", password))
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, session.RefreshToken))
		var deletedAt time.Time
		err := b.pool.QueryRow(t.Context(), `select deleted_at from auth.users where id = $1`, session.User.ID).Scan(&deletedAt)
		require.NoError(t, err)
		b.signUp(t, "soft@example.com")
	})

	for claim, test := range map[string]struct {
		method, path string
		body         object
		status       int
		code         string
	}{
		"refuses an id that is no uuid":    {"GET", "/admin/users/1", nil, 404, "validation_failed"},
		"refuses a user without address":   {"POST", "/admin/users", object{"password": password}, 400, "validation_failed"},
		"refuses a foreign hash":           {"POST", "/admin/users", object{"email": "x@example.com", "password_hash": "$argon2id$"}, 400, "validation_failed"},
		"refuses a ban that is no time":    {"POST", "/admin/users", object{"email": "x@example.com", "ban_duration": "long"}, 400, "validation_failed"},
		"refuses a phone number":           {"POST", "/admin/users", object{"phone": "4917012345"}, 400, "phone_provider_disabled"},
		"refuses an invitation to nowhere": {"POST", "/invite", object{}, 400, "validation_failed"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			b.refused(t, test.status, test.code, b.do(t, test.method, test.path, service, test.body))
		})
	}
}

func TestAdminIsServiceRoleOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	session := b.signUp(t, "user@example.com")
	for _, endpoint := range [][2]string{
		{"GET", "/admin/users"},
		{"POST", "/admin/users"},
		{"GET", "/admin/users/" + session.User.ID},
		{"PUT", "/admin/users/" + session.User.ID},
		{"DELETE", "/admin/users/" + session.User.ID},
		{"POST", "/invite"},
	} {
		t.Run("for "+endpoint[0]+" "+endpoint[1], func(t *testing.T) {
			t.Parallel()
			for _, token := range []string{session.AccessToken, b.ring.AnonJWT(), keys.Publishable} {
				b.refused(t, http.StatusForbidden, "not_admin", b.do(t, endpoint[0], endpoint[1], token, object{}))
			}
			b.refused(t, http.StatusUnauthorized, "no_authorization", b.do(t, endpoint[0], endpoint[1], "", object{}))
		})
	}
	t.Run("and takes the secret key for it", func(t *testing.T) {
		t.Parallel()
		b.ok(t, http.MethodGet, "/admin/users/"+session.User.ID, keys.Secret, nil)
	})
}

func TestAdminList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := func(t *testing.T, query string) reply {
		t.Helper()
		got := b.do(t, http.MethodGet, "/admin/users"+query, b.ring.ServiceRoleJWT(), nil)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		return got
	}
	assert.JSONEq(t, `{"users":[],"aud":"authenticated"}`, string(list(t, "").body))
	for i := range 3 {
		b.clock.advance(time.Second)
		b.signUp(t, fmt.Sprintf("u%d@example.com", i))
	}
	emails := func(r reply) (emails []string) {
		for _, user := range r.Users {
			emails = append(emails, user.Email)
			assert.Len(t, user.Identities, 1)
		}
		return emails
	}

	first := list(t, "?page=1&per_page=2")
	assert.Equal(t, []string{"u2@example.com", "u1@example.com"}, emails(first))
	assert.Equal(t, "3", first.header.Get("X-Total-Count"))
	assert.Equal(t, `</admin/users?page=2&per_page=2>; rel="next", </admin/users?page=2&per_page=2>; rel="last"`,
		first.header.Get("Link"))
	second := list(t, "?page=2&per_page=2")
	assert.Equal(t, []string{"u0@example.com"}, emails(second))
	assert.NotContains(t, second.header.Get("Link"), "next")
	assert.Len(t, list(t, "?page=&per_page=").Users, 3, "supabase-js sends empty parameters")
	for _, query := range []string{"?page=0", "?page=x", "?per_page=-1"} {
		b.refused(t, http.StatusBadRequest, "validation_failed",
			b.do(t, http.MethodGet, "/admin/users"+query, b.ring.ServiceRoleJWT(), nil))
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	invite := func(t *testing.T, email string) reply {
		t.Helper()
		return b.do(t, http.MethodPost, "/invite?redirect_to=http://x", b.ring.ServiceRoleJWT(),
			object{"email": email, "data": object{"name": "Mike"}})
	}
	var invited user
	got := invite(t, "mike@example.com")
	require.NoError(t, json.Unmarshal(got.body, &invited))
	assert.NotEmpty(t, invited.InvitedAt)
	assert.Empty(t, invited.EmailConfirmedAt)
	assert.Equal(t, http.StatusOK, invite(t, "mike@example.com").status, "an open invitation may be repeated")

	accepted := b.signUp(t, "mike@example.com")
	assert.Equal(t, invited.ID, accepted.User.ID, "signing up with the invited address accepts")
	assert.Equal(t, "Mike", accepted.User.UserMetadata["name"])
	assert.Equal(t, http.StatusOK, b.signIn(t, "mike@example.com", password).status)
	b.refused(t, http.StatusUnprocessableEntity, "email_exists", invite(t, "mike@example.com"))
	b.refused(t, http.StatusUnprocessableEntity, "user_already_exists",
		b.do(t, http.MethodPost, "/signup", "", object{"email": "mike@example.com", "password": password}))
}

func TestMeta(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("says that it is there", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, string(b.do(t, http.MethodGet, "/health", "", nil).body), "GoTrue")
	})
	t.Run("says how one may sign in", func(t *testing.T) {
		t.Parallel()
		var settings struct {
			External    map[string]bool
			Autoconfirm bool `json:"mailer_autoconfirm"`
		}
		require.NoError(t, json.Unmarshal(b.do(t, http.MethodGet, "/settings", "", nil).body, &settings))
		assert.Equal(t, map[string]bool{"anonymous_users": true, "email": true, "phone": false}, settings.External)
		assert.True(t, settings.Autoconfirm)
	})
	t.Run("publishes the key of its tokens, and only its public half", func(t *testing.T) {
		t.Parallel()
		var published struct{ Keys []map[string]any }
		require.NoError(t, json.Unmarshal(b.do(t, http.MethodGet, "/.well-known/jwks.json", "", nil).body, &published))
		require.Len(t, published.Keys, 1)
		key := published.Keys[0]
		assert.Equal(t, []any{"EC", "P-256", "ES256", "sig"}, []any{key["kty"], key["crv"], key["alg"], key["use"]})
		assert.NotContains(t, key, "d", "the private half")
		assert.Equal(t, map[string]any{"alg": "ES256", "kid": key["kid"], "typ": "JWT"},
			headerOf(t, b.signUp(t, "keys@example.com").AccessToken))
	})
	t.Run("publishes no key when it signs with the shared secret", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, auth.Options{LegacySigning: true})
		assert.JSONEq(t, `{"keys":[]}`, string(b.do(t, http.MethodGet, "/.well-known/jwks.json", "", nil).body))
		session := b.signUp(t, "legacy@example.com")
		assert.Equal(t, "HS256", headerOf(t, session.AccessToken)["alg"])
		b.ok(t, http.MethodGet, "/user", session.AccessToken, nil)
	})
	t.Run("says what it does not answer", func(t *testing.T) {
		t.Parallel()
		got := b.do(t, http.MethodPost, "/otp", "", object{"email": "a@example.com"})
		b.refused(t, http.StatusNotFound, "not_found", got)
		assert.Contains(t, got.Msg, "POST /otp")
	})
	t.Run("does not show a cause of its own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.pool.Close()
		got := b.do(t, http.MethodPost, "/signup", "", object{})
		b.refused(t, http.StatusInternalServerError, "unexpected_failure", got)
		assert.NotContains(t, string(got.body), "pool")
	})
}
