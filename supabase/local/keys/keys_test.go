package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

const farFuture = 4102444800

func userClaims() map[string]any {
	return map[string]any{"role": "authenticated", "sub": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "exp": farFuture}
}

// forge signs the claims of a user with a key and a header of the forger's choice.
func forge(t *testing.T, method jwt.SigningMethod, key, kid any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(userClaims()))
	if kid != nil {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestUserTokens(t *testing.T) {
	t.Parallel()
	ring := keys.New()
	token, err := ring.SignUser(userClaims())
	require.NoError(t, err)

	t.Run("are accepted by every ring, because the key is the same everywhere", func(t *testing.T) {
		t.Parallel()
		claims, err := keys.New().Verify(token)
		require.NoError(t, err)
		assert.Equal(t, "authenticated", claims.Role)
		assert.Equal(t, userClaims()["sub"], claims.Subject)
	})
	t.Run("name the published key that verifies them", func(t *testing.T) {
		t.Parallel()
		published := ring.PublicKeys()
		require.Len(t, published, 1)
		parsed, err := jwt.Parse(token, func(token *jwt.Token) (any, error) {
			assert.Equal(t, published[0].ID, token.Header["kid"])
			return publicKeyOf(t, published[0]), nil
		}, jwt.WithValidMethods([]string{"ES256"}))
		require.NoError(t, err)
		assert.True(t, parsed.Valid)
	})
	t.Run("are accepted with the shared secret as well, as older projects sign them", func(t *testing.T) {
		t.Parallel()
		legacy, err := ring.Sign(userClaims())
		require.NoError(t, err)
		_, err = ring.Verify(legacy)
		require.NoError(t, err)
	})
	t.Run("end with their time", func(t *testing.T) {
		t.Parallel()
		expired, err := ring.SignUser(map[string]any{"role": "authenticated", "exp": 1})
		require.NoError(t, err)
		_, err = ring.Verify(expired)
		require.ErrorIs(t, err, keys.ErrExpired)
	})
	t.Run("need a role and an end", func(t *testing.T) {
		t.Parallel()
		for _, claims := range []map[string]any{{"role": "anon"}, {"exp": farFuture}, {"role": 1, "exp": farFuture}} {
			incomplete, err := ring.SignUser(claims)
			require.NoError(t, err)
			_, err = ring.Verify(incomplete)
			require.ErrorIs(t, err, keys.ErrClaims)
		}
	})
}

func publicKeyOf(t *testing.T, published keys.JWK) *ecdsa.PublicKey {
	t.Helper()
	point := []byte{4}
	for _, coordinate := range []string{published.X, published.Y} {
		half, err := base64.RawURLEncoding.DecodeString(coordinate)
		require.NoError(t, err)
		point = append(point, half...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	require.NoError(t, err)
	return public
}

func TestVerifyRefusesForgeries(t *testing.T) {
	t.Parallel()
	ring := keys.New()
	published := ring.PublicKeys()[0]
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	publicPoint, err := publicKeyOf(t, published).Bytes()
	require.NoError(t, err)
	publicJSON, err := json.Marshal(published)
	require.NoError(t, err)
	genuine, err := ring.SignUser(userClaims())
	require.NoError(t, err)
	tampered := strings.Split(genuine, ".")
	tampered[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"role":"service_role","exp":4102444800}`))

	for claim, test := range map[string]struct {
		token string
		want  error
	}{
		"HS256 keyed with the public point":       {forge(t, jwt.SigningMethodHS256, publicPoint, published.ID), keys.ErrUnknownKey},
		"HS256 keyed with the public key as JSON": {forge(t, jwt.SigningMethodHS256, publicJSON, published.ID), keys.ErrUnknownKey},
		"HS256 keyed with the public key, no kid": {forge(t, jwt.SigningMethodHS256, publicPoint, nil), keys.ErrSignature},
		"no signature":                              {forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), keys.ErrSignature},
		"no signature under our kid":                {forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, published.ID), keys.ErrSignature},
		"a stranger's ES256 key under our kid":      {forge(t, jwt.SigningMethodES256, stranger, published.ID), keys.ErrSignature},
		"a stranger's ES256 key under his own kid":  {forge(t, jwt.SigningMethodES256, stranger, "stranger"), keys.ErrUnknownKey},
		"ES256 without a kid":                       {forge(t, jwt.SigningMethodES256, stranger, nil), keys.ErrUnknownKey},
		"a kid that is no text":                     {forge(t, jwt.SigningMethodES256, stranger, []string{published.ID}), keys.ErrUnknownKey},
		"another length of HMAC":                    {forge(t, jwt.SigningMethodHS512, []byte("a secret"), nil), keys.ErrSignature},
		"claims that were changed after signing":    {strings.Join(tampered, "."), keys.ErrSignature},
		"a token that lost its signature":           {strings.TrimRight(genuine, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), keys.ErrSignature},
		"a publishable key, which is no token":      {keys.Publishable, keys.ErrMalformed},
		"nothing":                                   {"", keys.ErrMalformed},
		"three parts that are not base64":           {"a.b.c", keys.ErrMalformed},
		"a header that is not an object":            {"bnVsbA.e30.", keys.ErrMalformed},
		"a thousand dots, which must not take long": {strings.Repeat(".", 1000), keys.ErrMalformed},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			_, err := ring.Verify(test.token)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	ring := keys.New()
	for name, test := range map[string]struct {
		key, role string
		err       error
	}{
		"publishable key":    {key: keys.Publishable, role: "anon"},
		"secret key":         {key: keys.Secret, role: "service_role"},
		"legacy anon":        {key: ring.AnonJWT(), role: "anon"},
		"legacy service":     {key: ring.ServiceRoleJWT(), role: "service_role"},
		"another project's":  {key: "sb_publishable_other", err: keys.ErrMalformed},
		"no key":             {err: keys.ErrMissing},
		"prefix of our key":  {key: keys.Secret[:10], err: keys.ErrMalformed},
		"our key and a tail": {key: keys.Secret + "x", err: keys.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := ring.Resolve(test.key)
			require.ErrorIs(t, err, test.err)
			if test.err != nil {
				return
			}
			claims, err := ring.Verify(token)
			require.NoError(t, err)
			assert.Equal(t, test.role, claims.Role)
		})
	}
}
