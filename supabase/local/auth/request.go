package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"strings"

	"github.com/google/uuid"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// maxBodyBytes is far above what a client sends: metadata is meant to be small because each token carries it.
const maxBodyBytes = 1 << 20

// readBody decodes the JSON body into params. Fields that the stand-in does not know are ignored, as on hosted.
func readBody(w http.ResponseWriter, r *http.Request, params any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_json", "Could not read request body: %v", err)
	}
	if err := json.Unmarshal(body, params); err != nil {
		return refuse(http.StatusBadRequest, "bad_json", "Could not parse request body as JSON: %v", err)
	}
	return nil
}

// readEmail returns the address in the form it is stored in.
func readEmail(email string) (string, error) {
	if email == "" {
		return "", refuse(http.StatusBadRequest, "validation_failed", "An email address is required")
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email {
		return "", refuse(http.StatusBadRequest, "validation_failed", "Unable to validate email address: invalid format")
	}
	return strings.ToLower(email), nil
}

// A caller is who a request's access token stands for.
type caller struct {
	user *User
	// session is uuid.Nil for a token without session_id, which some other signer must have made.
	session uuid.UUID
}

// asUser runs handle for requests that carry the access token of a living user and session.
func (s *server) asUser(handle func(http.ResponseWriter, *http.Request, caller) error) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		claims, err := s.claims(r)
		if err != nil {
			return err
		}
		who, err := s.caller(r.Context(), claims)
		if err != nil {
			return err
		}
		return handle(w, r, who)
	}
}

// asAdmin runs handle for requests that carry a token of the role service_role.
func (s *server) asAdmin(handle endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		claims, err := s.claims(r)
		if err != nil {
			return err
		}
		if claims.Role != "service_role" {
			return errNotAdmin
		}
		return handle(w, r)
	}
}

func (s *server) claims(r *http.Request) (keys.Claims, error) {
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found || bearer == "" {
		return keys.Claims{}, errNoBearer
	}
	token, err := s.ring.Resolve(bearer)
	if err != nil {
		return keys.Claims{}, badJWT("invalid JWT: unable to parse or verify signature, %v", err)
	}
	claims, err := s.ring.Verify(token)
	if err != nil {
		return keys.Claims{}, badJWT("invalid JWT: unable to parse or verify signature, %v", err)
	}
	return claims, nil
}

func (s *server) caller(ctx context.Context, claims keys.Claims) (caller, error) {
	if claims.Subject == "" {
		return caller{}, badJWT("invalid claim: missing sub claim")
	}
	id, err := uuid.Parse(claims.Subject)
	if err != nil {
		return caller{}, badJWT("invalid claim: sub claim must be a UUID")
	}
	user, err := userByID(ctx, s.pool, id)
	if errors.Is(err, errNoRow) {
		return caller{}, refuse(http.StatusForbidden, "user_not_found", "User from sub claim in JWT does not exist")
	}
	if err != nil {
		return caller{}, err
	}
	session, err := s.callerSession(ctx, claims)
	if err != nil {
		return caller{}, err
	}
	return caller{user: user, session: session}, nil
}

func (s *server) callerSession(ctx context.Context, claims keys.Claims) (uuid.UUID, error) {
	text, _ := claims.All["session_id"].(string)
	if text == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, badJWT("invalid claim: session_id claim must be a UUID")
	}
	found, err := sessionExists(ctx, s.pool, id)
	if err != nil {
		return uuid.Nil, err
	}
	if !found {
		return uuid.Nil, refuse(http.StatusForbidden, "session_not_found",
			"Session from session_id claim in JWT does not exist")
	}
	return id, nil
}

func badJWT(format string, args ...any) *apiError {
	return refuse(http.StatusForbidden, "bad_jwt", format, args...)
}
