package auth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPasswordGrant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	signedUp := b.signUp(t, "sarah@example.com")

	t.Run("starts another session for the right password", func(t *testing.T) {
		t.Parallel()
		got := b.signIn(t, "Sarah@Example.com", password)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		assert.Equal(t, signedUp.User.ID, got.User.ID)
		assert.NotEqual(t, b.claims(t, signedUp.AccessToken)["session_id"], b.claims(t, got.AccessToken)["session_id"])
	})
	t.Run("refuses a wrong password and an unknown address alike", func(t *testing.T) {
		t.Parallel()
		wrong := b.signIn(t, "sarah@example.com", "battery-staple")
		unknown := b.signIn(t, "nobody@example.com", password)
		b.refused(t, http.StatusBadRequest, "invalid_credentials", wrong)
		assert.Equal(t, "Invalid login credentials", wrong.Msg)
		assert.Equal(t, wrong.body, unknown.body)
	})
	t.Run("refuses other grants", func(t *testing.T) {
		t.Parallel()
		b.refused(t, http.StatusBadRequest, "invalid_credentials",
			b.do(t, http.MethodPost, "/token?grant_type=id_token", "", object{}))
	})
	t.Run("refuses a request without an address", func(t *testing.T) {
		t.Parallel()
		b.refused(t, http.StatusBadRequest, "validation_failed", b.signIn(t, "", password))
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	b := setup(t)
	active := func(t *testing.T, session string) (count int) {
		t.Helper()
		err := b.pool.QueryRow(t.Context(),
			`select count(*) from auth.refresh_tokens where session_id = $1 and not revoked`, session).Scan(&count)
		require.NoError(t, err)
		return count
	}
	sessionOf := func(t *testing.T, r reply) string {
		t.Helper()
		return b.claims(t, r.AccessToken)["session_id"].(string)
	}
	refreshed := func(t *testing.T, token string) reply {
		t.Helper()
		got := b.refresh(t, token)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		return got
	}

	t.Run("rotates the token within the session", func(t *testing.T) {
		t.Parallel()
		first := b.signUp(t, "rotate@example.com")
		second := refreshed(t, first.RefreshToken)
		assert.NotEqual(t, first.RefreshToken, second.RefreshToken)
		assert.Equal(t, sessionOf(t, first), sessionOf(t, second))
		assert.Equal(t, b.claims(t, first.AccessToken)["amr"], b.claims(t, second.AccessToken)["amr"])
		assert.Equal(t, first.User, second.User)
		assert.Equal(t, 1, active(t, sessionOf(t, first)))
	})
	t.Run("gives the active token to a client that lost the answer", func(t *testing.T) {
		t.Parallel()
		first := b.signUp(t, "lost@example.com")
		second := refreshed(t, first.RefreshToken)
		again := refreshed(t, first.RefreshToken)
		assert.Equal(t, second.RefreshToken, again.RefreshToken)
		assert.Equal(t, 1, active(t, sessionOf(t, first)))
	})
	t.Run("accepts an older token within the reuse interval", func(t *testing.T) {
		t.Parallel()
		first := b.signUp(t, "older@example.com")
		second := refreshed(t, first.RefreshToken)
		third := refreshed(t, second.RefreshToken)
		late := refreshed(t, first.RefreshToken)
		assert.NotContains(t, []string{first.RefreshToken, second.RefreshToken, third.RefreshToken}, late.RefreshToken)
	})
	t.Run("refuses an unknown token", func(t *testing.T) {
		t.Parallel()
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, "unknown"))
		b.refused(t, http.StatusBadRequest, "refresh_token_not_found", b.refresh(t, ""))
	})
}

func TestRefreshRace(t *testing.T) {
	t.Parallel()
	b := setup(t) // a database of its own: others would wait in it too
	first := b.signUp(t, "tabs@example.com")
	replies := b.race(t, `select from auth.sessions for update`,
		"/token?grant_type=refresh_token", object{"refresh_token": first.RefreshToken})
	for _, got := range replies {
		assert.Equal(t, http.StatusOK, got.status, "%s", got.body)
		assert.Equal(t, replies[0].RefreshToken, got.RefreshToken, "tabs that refresh at once get the same token")
	}
}

func TestRefreshTokenReuse(t *testing.T) {
	t.Parallel()
	b := setup(t) // a bundle of its own: the clock moves for everyone in it
	other := b.signUp(t, "other@example.com")
	first := b.signUp(t, "stolen@example.com")
	second := b.refresh(t, first.RefreshToken)
	third := b.refresh(t, second.RefreshToken)
	require.Equal(t, http.StatusOK, third.status)

	b.clock.advance(9 * time.Second)
	assert.Equal(t, http.StatusOK, b.refresh(t, second.RefreshToken).status, "the parent of the active token is no theft")
	b.clock.advance(2 * time.Second)
	b.refused(t, http.StatusBadRequest, "refresh_token_already_used", b.refresh(t, first.RefreshToken))
	b.clock.advance(11 * time.Second)
	b.refused(t, http.StatusBadRequest, "refresh_token_already_used", b.refresh(t, third.RefreshToken))
	assert.Equal(t, http.StatusOK, b.refresh(t, other.RefreshToken).status, "other sessions are not touched")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for scope, alive := range map[string][]bool{
		"":       {false, false},
		"global": {false, false},
		"local":  {false, true},
		"others": {true, false},
	} {
		t.Run("ends the sessions of scope "+scope, func(t *testing.T) {
			t.Parallel()
			email := "logout" + scope + "@example.com"
			here := b.signUp(t, email)
			there := b.signIn(t, email, password)
			got := b.do(t, http.MethodPost, "/logout?scope="+scope, here.AccessToken, nil)
			require.Equal(t, http.StatusNoContent, got.status, "%s", got.body)
			assert.Empty(t, got.body)
			for i, session := range []reply{here, there} {
				user := b.do(t, http.MethodGet, "/user", session.AccessToken, nil)
				refresh := b.refresh(t, session.RefreshToken)
				if alive[i] {
					assert.Equal(t, http.StatusOK, user.status)
					assert.Equal(t, http.StatusOK, refresh.status)
				} else {
					b.refused(t, http.StatusForbidden, "session_not_found", user)
					b.refused(t, http.StatusBadRequest, "refresh_token_not_found", refresh)
				}
			}
		})
	}
	t.Run("refuses an unknown scope", func(t *testing.T) {
		t.Parallel()
		session := b.signUp(t, "scope@example.com")
		b.refused(t, http.StatusBadRequest, "validation_failed",
			b.do(t, http.MethodPost, "/logout?scope=all", session.AccessToken, nil))
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := b.signUp(t, "gone@example.com")
	b.ok(t, http.MethodDelete, "/admin/users/"+gone.User.ID, b.ring.ServiceRoleJWT(), object{"should_soft_delete": false})
	expired, err := b.ring.Sign(map[string]any{"role": "authenticated", "sub": gone.User.ID, "exp": 1})
	require.NoError(t, err)
	notUUID, err := b.ring.Sign(map[string]any{"role": "authenticated", "sub": "u", "exp": 4102444800})
	require.NoError(t, err)

	for claim, test := range map[string]struct {
		token  string
		status int
		code   string
	}{
		"refuses no token":                  {"", http.StatusUnauthorized, "no_authorization"},
		"refuses what is no token":          {"x", http.StatusForbidden, "bad_jwt"},
		"refuses an expired token":          {expired, http.StatusForbidden, "bad_jwt"},
		"refuses a subject that is no uuid": {notUUID, http.StatusForbidden, "bad_jwt"},
		"refuses an API key":                {b.ring.AnonJWT(), http.StatusForbidden, "bad_jwt"},
		"refuses a user who is gone":        {gone.AccessToken, http.StatusForbidden, "user_not_found"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			b.refused(t, test.status, test.code, b.do(t, http.MethodGet, "/user", test.token, nil))
		})
	}
}
