package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type inviteParams struct {
	Email string         `json:"email"`
	Data  map[string]any `json:"data"`
}

// invite answers POST /invite. It makes an unconfirmed user, or dates the invitation of one anew; no mail is sent.
func (s *server) invite(w http.ResponseWriter, r *http.Request) error {
	var params inviteParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	email, err := readEmail(params.Email)
	if err != nil {
		return err
	}
	return s.answerWithUser(w, r, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		known, err := userByEmail(ctx, tx, email)
		if errors.Is(err, errNoRow) {
			return s.inviteNew(ctx, tx, email, params.Data)
		}
		if err != nil {
			return nil, err
		}
		return s.inviteAgain(ctx, tx, known)
	})
}

func (s *server) inviteNew(ctx context.Context, tx pgx.Tx, email string, metadata map[string]any) (*User, error) {
	now := s.now()
	user := newUser(now, metadata)
	user.setEmail(email, now)
	user.InvitedAt = &now
	return user, insertUser(ctx, tx, user)
}

func (s *server) inviteAgain(ctx context.Context, tx pgx.Tx, known *User) (*User, error) {
	user, err := lockUser(ctx, tx, known.ID)
	if err != nil {
		return nil, err
	}
	if user.EmailConfirmedAt != nil {
		return nil, errEmailExists
	}
	now := s.now()
	user.InvitedAt = &now
	return user, saveUser(ctx, tx, user, now)
}
