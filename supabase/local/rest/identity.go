package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// identify verifies the token of a request: the bearer, else the API key. Either may be an sb_ key.
func (h *Handler) identify(r *http.Request) (keys.Claims, error) {
	credential, err := credentialOf(r)
	if err != nil {
		return keys.Claims{}, err
	}
	token, err := h.ring.Resolve(credential)
	if err != nil {
		return keys.Claims{}, tokenError(credential, err)
	}
	claims, err := h.ring.Verify(token)
	if err != nil {
		return keys.Claims{}, tokenError(token, err)
	}
	return claims, nil
}

func credentialOf(r *http.Request) (string, error) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "bearer") {
		return r.Header.Get("apikey"), nil
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", invalidToken("PGRST301", "Empty JWT is sent in Authorization header", nil)
	}
	return token, nil
}

// tokenError puts the ring's errors into PostgREST's words.
func tokenError(token string, err error) error {
	switch {
	case errors.Is(err, keys.ErrMissing):
		return &apiError{
			status: http.StatusUnauthorized, code: "PGRST302", message: "Anonymous access is disabled",
			header: http.Header{"Www-Authenticate": {"Bearer"}},
		}
	case errors.Is(err, keys.ErrExpired):
		return invalidToken("PGRST303", "JWT expired", nil)
	case errors.Is(err, keys.ErrClaims):
		return invalidToken("PGRST303", "Parsing claims failed", nil)
	case errors.Is(err, keys.ErrSignature):
		return invalidToken("PGRST301", "No suitable key or wrong key type", "None of the keys was able to decode the JWT")
	}
	if parts := strings.Count(token, ".") + 1; parts != 3 {
		return invalidToken("PGRST301", fmt.Sprintf("Expected 3 parts in JWT; got %d", parts), nil)
	}
	return invalidToken("PGRST301", "JWT cryptographic operation failed", nil)
}

func invalidToken(code, message string, details any) error {
	challenge := fmt.Sprintf("Bearer error=\"invalid_token\", error_description=%q", message)
	return &apiError{
		status: http.StatusUnauthorized, code: code, message: message, details: details,
		header: http.Header{"Www-Authenticate": {challenge}},
	}
}
