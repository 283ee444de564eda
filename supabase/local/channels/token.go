package channels

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// identity is who a verified token makes its bearer. It does not change; sockets and channels share it.
type identity struct {
	token     string
	role      string
	subject   string
	claims    string // JSON
	expiresAt time.Time
}

// newKeyPrefix begins keys of Supabase's new kind. They are no tokens: the gateway swaps them.
const newKeyPrefix = "sb_"

// identify verifies an API key or a token. The error is a *refusalError.
func identify(ring *keys.Ring, token string) (*identity, error) {
	token, err := ring.Resolve(unescapeToken(token))
	if err != nil {
		return nil, errTokenMalformed
	}
	claims, err := ring.Verify(token)
	if err != nil {
		return nil, tokenRefusal(token, err)
	}
	return &identity{
		token:     token,
		role:      claims.Role,
		subject:   claims.Subject,
		claims:    string(mustMarshal(claims.All)),
		expiresAt: claims.ExpiresAt,
	}, nil
}

// unescapeToken undoes what happens to tokens on their way through addresses and terminals.
func unescapeToken(token string) string {
	if plain, err := url.PathUnescape(token); err == nil {
		token = plain
	}
	return strings.Join(strings.Fields(token), "")
}

func tokenRefusal(token string, err error) *refusalError {
	switch {
	case errors.Is(err, keys.ErrExpired):
		return expired(expiryOf(token))
	case errors.Is(err, keys.ErrClaims):
		return errTokenClaims
	case errors.Is(err, keys.ErrUnknownKey):
		return errTokenSigner
	case errors.Is(err, keys.ErrSignature):
		return errTokenSignature
	default:
		return errTokenMalformed
	}
}

// expired says since when; a token is never expired for less than a second.
func expired(at time.Time) *refusalError {
	seconds := max(1, int(time.Since(at).Seconds()))
	return &refusalError{code: "InvalidJWTToken", message: fmt.Sprintf("Token has expired %d seconds ago", seconds)}
}

// expiryOf reads exp of a token whose signature is known to be good. The zero time stands for a token without one.
func expiryOf(token string) time.Time {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return time.Time{}
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return time.Time{}
	}
	return expires.Time
}

// joinToken picks the token of a join: user_token is the older name and wins. A join without one, or with a key of the
// new kind, is judged by the connection's. supabase-js sends none before its session is there.
func joinToken(userToken, accessToken *string, connection string) string {
	for _, token := range []*string{userToken, accessToken} {
		if token != nil && !strings.HasPrefix(*token, newKeyPrefix) {
			return *token
		}
	}
	return connection
}
