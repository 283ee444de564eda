package auth_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/auth"
)

// fuzzDeadline is far above what a request takes: a request that reaches it hangs.
const fuzzDeadline = 5 * time.Second

// FuzzBodies sends anything to every endpoint that reads a body. The answer is JSON and never a 500: what a client may
// send wrong is the client's to hear of.
func FuzzBodies(f *testing.F) {
	b := setupWith(f, auth.Options{})
	session, err := b.send(f.Context(), http.MethodPost, "/signup", "", object{})
	require.NoError(f, err)
	require.NotEmpty(f, session.AccessToken)
	service, user := b.ring.ServiceRoleJWT(), session.AccessToken
	endpoints := []struct{ method, path, bearer string }{
		{http.MethodPost, "/signup", ""},
		{http.MethodPost, "/token?grant_type=password", ""},
		{http.MethodPost, "/token?grant_type=refresh_token", ""},
		{http.MethodPut, "/user", user},
		{http.MethodPost, "/recover", ""},
		{http.MethodPost, "/verify", ""},
		{http.MethodPost, "/invite", service},
		{http.MethodPost, "/admin/users", service},
		{http.MethodPut, "/admin/users/" + session.User.ID, service},
		{http.MethodPost, "/logout?scope=x", user},
	}
	for _, body := range fuzzSeeds {
		for endpoint := range endpoints {
			f.Add(uint(endpoint), body)
		}
	}
	client := http.Client{Timeout: fuzzDeadline}
	f.Fuzz(func(t *testing.T, endpoint uint, body string) {
		to := endpoints[endpoint%uint(len(endpoints))]
		request, err := http.NewRequestWithContext(t.Context(), to.method, b.url+to.path, strings.NewReader(body))
		require.NoError(t, err)
		if to.bearer != "" {
			request.Header.Set("Authorization", "Bearer "+to.bearer)
		}
		answer, err := client.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Less(t, answer.StatusCode, http.StatusInternalServerError, "%s %s %q: %s", to.method, to.path, body, text)
		assert.True(t, json.Valid(text), "%s", text)
	})
}

var fuzzSeeds = []string{
	``, `{}`, `null`, `[]`, `"x"`, `{`, `{"email":1}`, `{"email":["a@example.com"]}`, `{"data":[]}`, `{"data":{"a":null}}`,
	`{"email":"a@example.com","password":"correct-horse"}`, `{"email":"A@EXAMPLE.COM","password":"correct-horse","data":{"n":1e308}}`,
	`{"email":"a@example.com\u0000","password":"correct-horse"}`, `{"data":{"name":"\u0000"}}`, `{"data":{"\u0000":1}}`,
	`{"refresh_token":"\u0000"}`, `{"refresh_token":""}`, `{"password":"\u0000\u0000\u0000\u0000\u0000\u0000"}`,
	`{"email":"` + strings.Repeat("a", 250) + `@example.com","password":"correct-horse"}`,
	`{"email":"role@example.com","role":"` + strings.Repeat("r", 300) + `"}`,
	`{"email":"\"a b\"@example.com","password":"correct-horse"}`, `{"email":"ü@example.com","password":"correct-horse"}`,
	`{"id":"x","email":"id@example.com"}`, `{"id":"00000000-0000-0000-0000-000000000000","email":"nil@example.com"}`,
	`{"email":"hash@example.com","password_hash":"$2a$04$"}`, `{"email":"ban@example.com","ban_duration":"2562047h"}`,
	`{"email":"ban@example.com","ban_duration":"-9223372036854775808ns"}`, `{"app_metadata":{"providers":1}}`,
	`{"user_metadata":{"a":{"b":{"c":"\ud800"}}}}`, "{\"email\":\"\xff@example.com\"}", `{"should_soft_delete":"yes"}`,
	strings.Repeat(`[`, 10_000), `{"data":` + strings.Repeat(`{"a":`, 5_000) + `1` + strings.Repeat(`}`, 5_000) + `}`,
}
