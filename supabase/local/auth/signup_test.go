package auth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/auth"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("answers with a session and a confirmed user", func(t *testing.T) {
		t.Parallel()
		got := b.ok(t, http.MethodPost, "/signup", "", object{
			"email": "New@Example.com", "password": password, "data": object{"name": "Nora", "nothing": nil},
			"code_challenge": nil, "gotrue_meta_security": object{},
		})
		assert.Equal(t, "bearer", got.TokenType)
		assert.EqualValues(t, 3600, got.ExpiresIn)
		assert.InDelta(t, time.Now().Add(time.Hour).Unix(), got.ExpiresAt, 10)
		assert.NotEmpty(t, got.RefreshToken)
		u := got.User
		assert.Equal(t, "new@example.com", u.Email)
		assert.Equal(t, "authenticated", u.Role)
		assert.Equal(t, "authenticated", u.Aud)
		assert.False(t, u.IsAnonymous)
		assert.NotEmpty(t, u.EmailConfirmedAt)
		assert.NotEmpty(t, u.LastSignInAt)
		assert.Equal(t, map[string]any{"provider": "email", "providers": []any{"email"}}, u.AppMetadata)
		assert.Equal(t, map[string]any{
			"name": "Nora", "sub": u.ID, "email": u.Email, "email_verified": true, "phone_verified": false,
		}, u.UserMetadata)
		require.Len(t, u.Identities, 1)
		assert.Equal(t, u.ID, u.Identities[0].ID)
		assert.Equal(t, "email", u.Identities[0].Provider)
		assert.Equal(t, u.Email, u.Identities[0].Email)

		again := b.ok(t, http.MethodGet, "/user", got.AccessToken, nil)
		assert.Equal(t, u, again.User, "what is read back equals what was answered")
	})
	t.Run("puts into the access token what hosted Supabase puts there", func(t *testing.T) {
		t.Parallel()
		got := b.signUp(t, "claims@example.com")
		claims := b.claims(t, got.AccessToken)
		for name, want := range map[string]any{
			"iss": "http://127.0.0.1:54321/auth/v1", "aud": "authenticated", "role": "authenticated", "aal": "aal1",
			"sub": got.User.ID, "email": "claims@example.com", "phone": "", "is_anonymous": false,
			"app_metadata": got.User.AppMetadata, "user_metadata": got.User.UserMetadata,
			"exp": float64(got.ExpiresAt), "iat": float64(got.ExpiresAt - 3600),
			"amr": []any{map[string]any{"method": "password", "timestamp": float64(got.ExpiresAt - 3600)}},
		} {
			assert.Equal(t, want, claims[name], name)
		}
		assert.NotEmpty(t, claims["session_id"])
	})
	t.Run("makes an anonymous user when there is no address", func(t *testing.T) {
		t.Parallel()
		got := b.ok(t, http.MethodPost, "/signup", "", object{"data": object{"source": "widget"}})
		assert.True(t, got.User.IsAnonymous)
		assert.Empty(t, got.User.Email)
		assert.Empty(t, got.User.AppMetadata)
		assert.Equal(t, map[string]any{"source": "widget"}, got.User.UserMetadata)
		assert.Empty(t, got.User.Identities)
		claims := b.claims(t, got.AccessToken)
		assert.Equal(t, true, claims["is_anonymous"])
		assert.Equal(t, "anonymous", claims["amr"].([]any)[0].(map[string]any)["method"])
	})
	t.Run("refuses an address that is taken, in any case", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "taken@example.com")
		got := b.do(t, http.MethodPost, "/signup", "", object{"email": "TAKEN@example.com", "password": password})
		b.refused(t, http.StatusUnprocessableEntity, "user_already_exists", got)
	})

	for claim, test := range map[string]struct {
		body   object
		status int
		code   string
	}{
		"refuses a short password":     {object{"email": "a@example.com", "password": "five5"}, 422, "weak_password"},
		"refuses no password":          {object{"email": "a@example.com"}, 400, "validation_failed"},
		"refuses what is no address":   {object{"email": "Nora <a@example.com>", "password": password}, 400, "validation_failed"},
		"refuses a phone number":       {object{"phone": "4917012345", "password": password}, 400, "phone_provider_disabled"},
		"refuses a field that is none": {object{"email": 1}, 400, "bad_json"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			b.refused(t, test.status, test.code, b.do(t, http.MethodPost, "/signup", "", test.body))
		})
	}
	t.Run("refuses anonymous users when they are switched off", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, auth.Options{DisableAnonymous: true})
		got := b.do(t, http.MethodPost, "/signup", "", object{})
		b.refused(t, http.StatusUnprocessableEntity, "anonymous_provider_disabled", got)
	})
}

func TestSignUpRace(t *testing.T) {
	t.Parallel()
	b := setup(t) // a database of its own: others would wait in it too
	replies := b.race(t, `insert into auth.users (id, email) values (gen_random_uuid(), 'race@example.com')`,
		"/signup", object{"email": "race@example.com", "password": password})
	for _, got := range replies {
		b.refused(t, http.StatusUnprocessableEntity, "user_already_exists", got)
	}
}

func TestErrorsByAPIVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := object{"email": "a@example.com", "password": "short"}
	const weak = `"weak_password":{"reasons":["length"]}`

	t.Run("are coded for clients since 2024-01-01", func(t *testing.T) {
		t.Parallel()
		got := b.do(t, http.MethodPost, "/signup", "", body, "X-Supabase-Api-Version", "2024-01-01")
		assert.JSONEq(t, `{"code":"weak_password","message":"Password should be at least 6 characters.",`+weak+`}`,
			string(got.body))
		assert.Equal(t, "2024-01-01", got.header.Get("X-Supabase-Api-Version"))
	})
	t.Run("are coded for a later version too, which is answered with the known one", func(t *testing.T) {
		t.Parallel()
		got := b.do(t, http.MethodPost, "/signup", "", body, "X-Supabase-Api-Version", "2031-05-06")
		assert.Equal(t, "2024-01-01", got.header.Get("X-Supabase-Api-Version"))
	})
	for _, version := range []string{"", "2023-12-31", "yesterday"} {
		t.Run("have the first shape for version "+version, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, http.MethodPost, "/signup", "", body, "X-Supabase-Api-Version", version)
			assert.JSONEq(t, `{"code":422,"error_code":"weak_password","msg":"Password should be at least 6 characters.",`+
				weak+`}`, string(got.body))
			assert.Empty(t, got.header.Get("X-Supabase-Api-Version"))
		})
	}
}
