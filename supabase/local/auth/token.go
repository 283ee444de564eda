package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"
)

// token answers POST /token: a session for a password or for a refresh token.
func (s *server) token(w http.ResponseWriter, r *http.Request) error {
	switch grant := r.URL.Query().Get("grant_type"); grant {
	case "password":
		return s.passwordGrant(w, r)
	case "refresh_token":
		return s.refreshGrant(w, r)
	default:
		return refuse(http.StatusBadRequest, "invalid_credentials", "unsupported_grant_type")
	}
}

type passwordParams struct {
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Password string `json:"password"`
}

func (s *server) passwordGrant(w http.ResponseWriter, r *http.Request) error {
	var params passwordParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	if params.Phone != "" {
		return errNoPhones
	}
	if params.Email == "" {
		return refuse(http.StatusBadRequest, "validation_failed", "missing email or phone")
	}
	user, err := s.authenticate(r.Context(), params.Email, params.Password)
	if err != nil {
		return err
	}
	return s.signIn(w, r, methodPassword, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		return lockUser(ctx, tx, user.ID)
	})
}

// authenticate finds the user of the credentials. A wrong password and an unknown address get the same answer.
func (s *server) authenticate(ctx context.Context, email, password string) (*User, error) {
	user, err := userByEmail(ctx, s.pool, email)
	if errors.Is(err, errNoRow) {
		return nil, errWrongCredentials
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !passwordMatches(user, password):
		return nil, errWrongCredentials
	case user.isBanned(s.now()):
		return nil, refuse(http.StatusBadRequest, "user_banned", "User is banned")
	case user.EmailConfirmedAt == nil:
		return nil, refuse(http.StatusBadRequest, "email_not_confirmed", "Email not confirmed")
	}
	return user, nil
}

// signIn starts a session for the user that prepare returns, in one transaction with it, and answers with it.
func (s *server) signIn(
	w http.ResponseWriter, r *http.Request, method string, prepare func(context.Context, pgx.Tx) (*User, error),
) error {
	var session Session
	if err := s.inSession(r, method, &session, prepare); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, session)
	return nil
}

// inSession is signIn without the answer.
func (s *server) inSession(
	r *http.Request, method string, session *Session, prepare func(context.Context, pgx.Tx) (*User, error),
) error {
	ctx := r.Context()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		user, err := prepare(ctx, tx)
		if err != nil {
			return err
		}
		*session, err = s.startSession(ctx, tx, r, user, method)
		return err
	})
	if err != nil {
		return fmt.Errorf("sign in by %s: %w", method, err)
	}
	return nil
}
