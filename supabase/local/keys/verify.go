package keys

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"
)

// Verify checks signature and expiry and returns the claims. It takes HS256 by the shared secret and ES256 by the key
// that kid names. Errors: ErrExpired, ErrSignature (ErrUnknownKey with it), ErrClaims, ErrMalformed for the rest.
func (r *Ring) Verify(token string) (Claims, error) {
	claims, err := r.parse(token)
	if err != nil {
		return Claims{}, err
	}
	return claimsOf(claims)
}

// VerifyShared checks a token that Sign made and that needs not be anybody's: Storage's signed addresses. Errors as Verify,
// without ErrClaims.
func (r *Ring) VerifyShared(token string) (map[string]any, error) { return r.parse(token) }

func (r *Ring) parse(token string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, r.verificationKey,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg(), jwt.SigningMethodES256.Alg()}),
		jwt.WithTimeFunc(r.now))
	switch {
	case errors.Is(err, ErrUnknownKey):
		return nil, ErrUnknownKey
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, ErrExpired
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, ErrSignature
	case err != nil:
		return nil, ErrMalformed
	}
	return claims, nil
}

// verificationKey picks the key by algorithm and kid together. Going by kid alone would verify HS256 with the bytes of
// the public key, which everybody has; going by alg alone would take any kid for ours.
func (r *Ring) verificationKey(token *jwt.Token) (any, error) {
	ours := token.Header["kid"] == r.signing.public.ID
	switch {
	case token.Method == jwt.SigningMethodES256 && ours:
		return &r.signing.private.PublicKey, nil
	case token.Method == jwt.SigningMethodHS256 && !ours:
		return r.secret, nil // whatever its kid: legacy projects' tokens may carry one that no key set has
	default:
		return nil, ErrUnknownKey
	}
}

func claimsOf(all jwt.MapClaims) (Claims, error) {
	role, _ := all["role"].(string)
	expires, err := all.GetExpirationTime()
	if role == "" || err != nil || expires == nil {
		return Claims{}, ErrClaims
	}
	subject, _ := all["sub"].(string)
	return Claims{Role: role, Subject: subject, ExpiresAt: expires.Time, All: all}, nil
}
