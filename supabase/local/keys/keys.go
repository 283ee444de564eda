// Package keys holds the API keys of the stand-in and reads its tokens.
//
// Every part of the stand-in shares one Ring: auth signs user tokens with it, rest and channels verify them, the
// gateway swaps sb_publishable_ and sb_secret_ keys for role tokens, as hosted Supabase's gateway does. The keys are
// constants, the same on every machine, because they open nothing but a development database on the loopback address.
package keys

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Keys of every stand-in. They are not secrets: see the package comment.
const (
	Publishable = "sb_publishable_local_development_only"
	Secret      = "sb_secret_local_development_only"
	jwtSecret   = "local-development-only-jwt-secret-with-at-least-32-characters"
	issuer      = "handoff-local"
)

// Errors of Verify and Resolve. Match them with errors.Is.
var (
	ErrMissing   = errors.New("API key is missing")
	ErrMalformed = errors.New("the token provided is not a valid JWT")
	ErrSignature = errors.New("the signature of the token is wrong")
	ErrExpired   = errors.New("token has expired")
	ErrClaims    = errors.New("fields `role` and `exp` are required in JWT")
	// ErrUnknownKey is an ErrSignature: no key of the ring has the kid and the algorithm that the token names.
	ErrUnknownKey = fmt.Errorf("%w: no key for its kid and algorithm", ErrSignature)
)

// Claims are the claims of a verified token.
type Claims struct {
	// Role is the Postgres role that requests with this token take: anon, authenticated or service_role.
	Role string
	// Subject is auth.users.id, empty for API keys.
	Subject string
	// ExpiresAt is when the token stops being valid.
	ExpiresAt time.Time
	// All is every claim as it stands in the token, for request.jwt.claims.
	All map[string]any
}

// Ring signs and verifies tokens: API keys with a shared HS256 secret, users' tokens with an ES256 key pair.
type Ring struct {
	secret     []byte
	signing    signingKey
	anonJWT    string
	serviceJWT string
	now        func() time.Time
}

// New returns the ring of the stand-in.
func New() *Ring {
	ring := &Ring{secret: []byte(jwtSecret), signing: newSigningKey(), now: time.Now}
	ring.anonJWT = ring.mustSign(roleClaims("anon"))
	ring.serviceJWT = ring.mustSign(roleClaims("service_role"))
	return ring
}

// Role tokens are valid until 2100, as the legacy API keys of Supabase are valid for ten years.
func roleClaims(role string) map[string]any {
	return map[string]any{"role": role, "iss": issuer, "iat": 1735689600, "exp": 4102444800}
}

// AnonJWT is the legacy form of Publishable.
func (r *Ring) AnonJWT() string { return r.anonJWT }

// ServiceRoleJWT is the legacy form of Secret.
func (r *Ring) ServiceRoleJWT() string { return r.serviceJWT }

// Sign makes a token of the claims with the shared secret, as API keys and the tokens of older projects are made.
func (r *Ring) Sign(claims map[string]any) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString(r.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

func (r *Ring) mustSign(claims map[string]any) string {
	token, err := r.Sign(claims)
	if err != nil {
		panic(err) // constant claims and secret: cannot fail
	}
	return token
}

// Resolve turns what a client sent as its API key into a role token: sb_ keys are swapped, tokens pass unverified.
// It returns ErrMissing for an empty key and ErrMalformed for an sb_ key that is not ours.
func (r *Ring) Resolve(apikey string) (string, error) {
	switch {
	case apikey == "":
		return "", ErrMissing
	case apikey == Publishable:
		return r.anonJWT, nil
	case apikey == Secret:
		return r.serviceJWT, nil
	case strings.HasPrefix(apikey, "sb_"):
		return "", ErrMalformed
	default:
		return apikey, nil
	}
}
