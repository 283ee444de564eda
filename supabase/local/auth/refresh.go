package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"
)

var (
	errTokenNotFound = refuse(http.StatusBadRequest, "refresh_token_not_found",
		"Invalid Refresh Token: Refresh Token Not Found")
	errTokenReused = refuse(http.StatusBadRequest, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
)

type refreshParams struct {
	RefreshToken string `json:"refresh_token"`
}

func (s *server) refreshGrant(w http.ResponseWriter, r *http.Request) error {
	var params refreshParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	session, err := s.refresh(r.Context(), params.RefreshToken)
	if errors.Is(err, errNoRow) {
		return errTokenNotFound
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, session)
	return nil
}

// refresh exchanges a refresh token. It returns errNoRow when the token, its session or its user is gone.
func (s *server) refresh(ctx context.Context, token string) (Session, error) {
	presented, err := findRefreshToken(ctx, s.pool, token)
	if err != nil {
		return Session{}, err
	}
	var (
		session Session
		refusal error
	)
	// A refusal is carried past the transaction: revoking the family of a stolen token must be committed.
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		session, err = s.refreshLocked(ctx, tx, presented)
		if errors.Is(err, errTokenReused) {
			refusal = err
			return nil
		}
		return err
	})
	if err != nil {
		return Session{}, fmt.Errorf("refresh session %s: %w", presented.session, err)
	}
	return session, refusal
}

// refreshLocked looks at the token again under the session's lock: a refresh at the same moment may have revoked it.
func (s *server) refreshLocked(ctx context.Context, tx pgx.Tx, presented refreshToken) (Session, error) {
	how, err := lockSession(ctx, tx, presented.session)
	if err != nil {
		return Session{}, err
	}
	current, err := findRefreshToken(ctx, tx, presented.token)
	if err != nil {
		return Session{}, err
	}
	user, err := userByID(ctx, tx, current.user)
	if err != nil {
		return Session{}, err
	}
	if user.isBanned(s.now()) {
		return Session{}, refuse(http.StatusBadRequest, "user_banned", "Invalid Refresh Token: User Banned")
	}
	next, err := s.rotate(ctx, tx, current)
	if err != nil {
		return Session{}, err
	}
	if err := touchSession(ctx, tx, current.session, s.now()); err != nil {
		return Session{}, err
	}
	return s.session(user, current.session, how, next)
}

// rotate returns the refresh token that takes the place of the presented one. For a token that is revoked already the
// package comment has the rule; errTokenReused then means that the family was revoked in this transaction.
func (s *server) rotate(ctx context.Context, tx pgx.Tx, presented refreshToken) (string, error) {
	now := s.now()
	if !presented.revoked {
		return swapRefreshToken(ctx, tx, presented, now)
	}
	active, err := activeRefreshToken(ctx, tx, presented.session)
	if err == nil && active.parent == presented.token {
		return active.token, nil
	}
	if err != nil && !errors.Is(err, errNoRow) {
		return "", err
	}
	if now.After(presented.updatedAt.Add(s.opts.ReuseInterval)) {
		if err := revokeFamily(ctx, tx, presented.session, now); err != nil {
			return "", err
		}
		return "", errTokenReused
	}
	return swapRefreshToken(ctx, tx, presented, now)
}
