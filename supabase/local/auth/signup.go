package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type signUpParams struct {
	Email    string         `json:"email"`
	Phone    string         `json:"phone"`
	Password string         `json:"password"`
	Data     map[string]any `json:"data"`
}

// signUp answers POST /signup: a session for a new user, anonymous when neither address nor phone is given.
func (s *server) signUp(w http.ResponseWriter, r *http.Request) error {
	var params signUpParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	switch {
	case params.Phone != "":
		return errNoPhones
	case params.Email == "":
		return s.signUpAnonymously(w, r, params)
	case params.Password == "":
		return refuse(http.StatusBadRequest, "validation_failed", "Signup requires a valid password")
	}
	return s.signUpByEmail(w, r, params)
}

func (s *server) signUpAnonymously(w http.ResponseWriter, r *http.Request, params signUpParams) error {
	if s.opts.DisableAnonymous {
		return refuse(http.StatusUnprocessableEntity, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
	}
	return s.signIn(w, r, methodAnonymous, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		user := newUser(s.now(), params.Data)
		user.IsAnonymous = true
		return user, insertUser(ctx, tx, user)
	})
}

func (s *server) signUpByEmail(w http.ResponseWriter, r *http.Request, params signUpParams) error {
	email, err := readEmail(params.Email)
	if err != nil {
		return err
	}
	hash, err := s.hashPassword(params.Password)
	if err != nil {
		return err
	}
	err = s.signIn(w, r, methodPassword, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		known, err := userByEmail(ctx, tx, email)
		if errors.Is(err, errNoRow) {
			return s.createUser(ctx, tx, email, hash, params.Data)
		}
		if err != nil {
			return nil, err
		}
		return s.acceptInvitation(ctx, tx, known, hash, params.Data)
	})
	if errors.Is(err, errDuplicate) { // somebody else signed up with the address at the same moment
		return errUserExists
	}
	return err
}

func (s *server) createUser(
	ctx context.Context, tx pgx.Tx, email, hash string, metadata map[string]any,
) (*User, error) {
	now := s.now()
	user := newUser(now, metadata)
	user.passwordHash = hash
	user.setEmail(email, now)
	merge(user.UserMetadata, user.Identities[0].Data)
	user.confirm(now)
	return user, insertUser(ctx, tx, user)
}

// acceptInvitation gives an invited user the password they signed up with. Any other known user is refused.
func (s *server) acceptInvitation(
	ctx context.Context, tx pgx.Tx, known *User, hash string, metadata map[string]any,
) (*User, error) {
	user, err := lockUser(ctx, tx, known.ID)
	if err != nil {
		return nil, err
	}
	if user.InvitedAt == nil || user.EmailConfirmedAt != nil {
		return nil, errUserExists
	}
	user.passwordHash = hash
	merge(user.UserMetadata, metadata)
	user.confirm(s.now())
	return user, nil
}
