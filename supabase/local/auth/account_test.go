package auth_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUserUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	anonymous := func(t *testing.T) reply {
		t.Helper()
		return b.ok(t, http.MethodPost, "/signup", "", object{"data": object{"visitor": "v1"}})
	}

	t.Run("makes an anonymous user permanent under the same id", func(t *testing.T) {
		t.Parallel()
		visitor := anonymous(t)
		got := b.ok(t, http.MethodPut, "/user", visitor.AccessToken,
			object{"email": "visitor@example.com", "password": password})
		assert.Equal(t, visitor.User.ID, got.User.ID)
		assert.False(t, got.User.IsAnonymous)
		assert.Equal(t, "visitor@example.com", got.User.Email)
		assert.NotEmpty(t, got.User.EmailConfirmedAt)
		assert.Equal(t, "v1", got.User.UserMetadata["visitor"])
		require.Len(t, got.User.Identities, 1)
		assert.Equal(t, "email", got.User.AppMetadata["provider"])

		refreshed := b.refresh(t, visitor.RefreshToken)
		claims := b.claims(t, refreshed.AccessToken)
		assert.Equal(t, false, claims["is_anonymous"])
		assert.Equal(t, b.claims(t, visitor.AccessToken)["amr"], claims["amr"], "the session began anonymously")
		signedIn := b.signIn(t, "visitor@example.com", password)
		assert.Equal(t, visitor.User.ID, signedIn.User.ID)
	})
	t.Run("refuses a password for an anonymous user without an address", func(t *testing.T) {
		t.Parallel()
		b.refused(t, http.StatusUnprocessableEntity, "validation_failed",
			b.do(t, http.MethodPut, "/user", anonymous(t).AccessToken, object{"password": password}))
	})
	t.Run("merges metadata and takes nulls out", func(t *testing.T) {
		t.Parallel()
		visitor := anonymous(t)
		b.ok(t, http.MethodPut, "/user", visitor.AccessToken, object{"data": object{"lang": "de"}})
		got := b.ok(t, http.MethodPut, "/user", visitor.AccessToken, object{"data": object{"visitor": nil, "n": 1}})
		assert.Equal(t, map[string]any{"lang": "de", "n": 1.0}, got.User.UserMetadata)
		assert.Equal(t, got.User, b.ok(t, http.MethodGet, "/user", visitor.AccessToken, nil).User)
	})
	t.Run("ends the other sessions when the password changes", func(t *testing.T) {
		t.Parallel()
		here := b.signUp(t, "change@example.com")
		there := b.signIn(t, "change@example.com", password)
		b.ok(t, http.MethodPut, "/user", here.AccessToken, object{"password": "another-password"})
		assert.Equal(t, http.StatusOK, b.refresh(t, here.RefreshToken).status)
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, there.RefreshToken))
		b.refused(t, http.StatusBadRequest, "invalid_credentials", b.signIn(t, "change@example.com", password))
		assert.Equal(t, http.StatusOK, b.signIn(t, "change@example.com", "another-password").status)
	})
	t.Run("changes the address that the user signs in with", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "before@example.com")
		got := b.ok(t, http.MethodPut, "/user", session.AccessToken, object{"email": "after@example.com"})
		require.Len(t, got.User.Identities, 1)
		assert.Equal(t, "after@example.com", got.User.Identities[0].Email)
		assert.Equal(t, http.StatusOK, b.signIn(t, "after@example.com", password).status)
		b.refused(t, http.StatusBadRequest, "invalid_credentials", b.signIn(t, "before@example.com", password))
	})

	session := b.signUp(t, "update@example.com")
	b.signUp(t, "owned@example.com")
	for claim, test := range map[string]struct {
		body   object
		status int
		code   string
	}{
		"refuses the password that is set already": {object{"password": password}, 422, "same_password"},
		"refuses a weak password":                  {object{"password": "12345"}, 422, "weak_password"},
		"refuses another user's address":           {object{"email": "owned@example.com"}, 422, "email_exists"},
		"refuses a phone number":                   {object{"phone": "4917012345"}, 400, "phone_provider_disabled"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			b.refused(t, test.status, test.code, b.do(t, http.MethodPut, "/user", session.AccessToken, test.body))
		})
	}
}
