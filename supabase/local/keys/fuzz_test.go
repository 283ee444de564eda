package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// FuzzVerify mutates whole tokens: whatever a client sends is answered with claims or an error.
func FuzzVerify(f *testing.F) {
	ring := keys.New()
	for _, token := range seedTokens(f, ring) {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := ring.Verify(token)
		if err == nil {
			requireWhole(t, claims)
		}
	})
}

// FuzzVerifyClaims signs what it is given, so that the mutations get past the signature and into the claims.
func FuzzVerifyClaims(f *testing.F) {
	ring := keys.New()
	for _, claims := range []string{
		`{"role":"authenticated","sub":"u","exp":4102444800}`, `{"role":"anon","exp":4102444800.5}`,
		`{"role":"anon","exp":"4102444800"}`, `{"role":"anon","exp":1e300}`, `{"role":"anon","exp":-1}`,
		`{"role":["anon"],"exp":{}}`, `{"role":"","exp":null}`, `{"iat":"x","nbf":99999999999,"role":"a","exp":4102444800}`,
		`{"role":"anon","exp":4102444800,"aud":[1]}`, `{"role":"\u0000","exp":4102444800,"sub":1}`, `{}`,
	} {
		f.Add(claims)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all map[string]any
		if json.Unmarshal([]byte(text), &all) != nil {
			t.Skip("not an object")
		}
		for _, sign := range []func(map[string]any) (string, error){ring.Sign, ring.SignUser} {
			token, err := sign(all)
			require.NoError(t, err)
			if claims, err := ring.Verify(token); err == nil {
				requireWhole(t, claims)
			}
		}
	})
}

// requireWhole checks what every user of Verify relies on: a role, an end, and claims that go back into JSON.
func requireWhole(t *testing.T, claims keys.Claims) {
	t.Helper()
	assert.NotEmpty(t, claims.Role)
	assert.False(t, claims.ExpiresAt.IsZero())
	_, err := json.Marshal(claims.All)
	require.NoError(t, err)
}

func seedTokens(f *testing.F, ring *keys.Ring) []string {
	f.Helper()
	user, err := ring.SignUser(userClaims())
	require.NoError(f, err)
	part := base64.RawURLEncoding.EncodeToString
	_, claims, _ := strings.Cut(user, ".")
	claims, _, _ = strings.Cut(claims, ".")
	return []string{
		ring.AnonJWT(), ring.ServiceRoleJWT(), user, "", ".", "..", "...", "a.b.c", user + ".x",
		part([]byte(`{"alg":"none"}`)) + "." + claims + ".",
		part([]byte(`{"alg":"ES256","kid":{"a":[]}}`)) + "." + claims + ".AAAA",
		part([]byte(`{"alg":["HS256"]}`)) + "." + claims + ".AAAA",
		part([]byte(`null`)) + "." + part([]byte(`null`)) + ".",
		strings.ToLower(user), strings.ReplaceAll(user, ".", "%2E"), "Bearer " + user,
	}
}
