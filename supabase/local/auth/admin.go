package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"
)

// adminParams are the fields of a user that an admin may set.
type adminParams struct {
	ID           string         `json:"id"`
	Role         string         `json:"role"`
	Email        string         `json:"email"`
	Phone        string         `json:"phone"`
	Password     string         `json:"password"`
	PasswordHash string         `json:"password_hash"`
	EmailConfirm bool           `json:"email_confirm"`
	UserMetadata map[string]any `json:"user_metadata"`
	AppMetadata  map[string]any `json:"app_metadata"`
	BanDuration  string         `json:"ban_duration"`
}

// adminCreate answers POST /admin/users. A user without email_confirm exists but cannot sign in.
func (s *server) adminCreate(w http.ResponseWriter, r *http.Request) error {
	params, err := s.readAdminParams(w, r)
	if err != nil {
		return err
	}
	if params.Email == "" {
		return refuse(http.StatusBadRequest, "validation_failed", "Cannot create a user without either an email or phone")
	}
	now := s.now()
	user := newUser(now, params.UserMetadata)
	if params.ID != "" {
		if user.ID, err = uuid.Parse(params.ID); err != nil || user.ID == uuid.Nil {
			return refuse(http.StatusBadRequest, "validation_failed", "ID must conform to the uuid v4 format")
		}
	}
	if err := s.apply(user, params); err != nil {
		return err
	}
	return s.answerWithUser(w, r, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		return user, insertUser(ctx, tx, user)
	})
}

// adminUpdate answers PUT /admin/users/{id}. A new password ends every session of the user.
func (s *server) adminUpdate(w http.ResponseWriter, r *http.Request) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	params, err := s.readAdminParams(w, r)
	if err != nil {
		return err
	}
	return s.answerWithUser(w, r, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		user, err := lockUser(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		merge(user.UserMetadata, params.UserMetadata)
		if err := s.apply(user, params); err != nil {
			return nil, err
		}
		if params.Password != "" {
			if err := endSessions(ctx, tx, id, allSessions, uuid.Nil); err != nil {
				return nil, err
			}
		}
		return user, saveUser(ctx, tx, user, s.now())
	})
}

// adminGet answers GET /admin/users/{id}.
func (s *server) adminGet(w http.ResponseWriter, r *http.Request) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	return s.answerWithUser(w, r, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		return userByID(ctx, tx, id)
	})
}

// answerWithUser runs change in a transaction and answers with the user it returns.
func (s *server) answerWithUser(
	w http.ResponseWriter, r *http.Request, change func(context.Context, pgx.Tx) (*User, error),
) error {
	ctx := r.Context()
	var user *User
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		user, err = change(ctx, tx)
		return err
	})
	switch {
	case errors.Is(err, errNoRow):
		return errUserNotFound
	case errors.Is(err, errDuplicate):
		return errEmailExists
	case err != nil:
		return fmt.Errorf("administer user: %w", err)
	}
	writeJSON(w, http.StatusOK, user)
	return nil
}

func (s *server) readAdminParams(w http.ResponseWriter, r *http.Request) (adminParams, error) {
	var params adminParams
	if err := readBody(w, r, &params); err != nil {
		return params, err
	}
	if params.Phone != "" {
		return params, errNoPhones
	}
	if params.Password != "" && params.PasswordHash != "" {
		return params, refuse(http.StatusBadRequest, "validation_failed",
			"Only a password or a password hash should be provided")
	}
	var err error
	if params.Email != "" {
		params.Email, err = readEmail(params.Email)
	}
	return params, err
}

// apply sets the fields that are given, except the metadata of the user's own, which create and update treat apart.
func (s *server) apply(user *User, params adminParams) error {
	now := s.now()
	if params.Role != "" {
		user.Role = params.Role
	}
	if params.Email != "" && params.Email != user.Email {
		user.setEmail(params.Email, now)
	}
	if params.EmailConfirm && user.Email != "" {
		user.confirm(now)
	}
	merge(user.AppMetadata, params.AppMetadata)
	if err := s.applyPassword(user, params); err != nil {
		return err
	}
	return applyBan(user, params.BanDuration, now)
}

func (s *server) applyPassword(user *User, params adminParams) error {
	var err error
	switch {
	case params.Password != "":
		user.passwordHash, err = s.hashPassword(params.Password)
	case params.PasswordHash != "":
		if _, err := bcrypt.Cost([]byte(params.PasswordHash)); err != nil {
			return refuse(http.StatusBadRequest, "validation_failed", "Only bcrypt password hashes are supported")
		}
		user.passwordHash = params.PasswordHash
	}
	return err
}

// applyBan takes a Go duration ("24h") or "none", which lifts a ban.
func applyBan(user *User, duration string, now time.Time) error {
	switch duration {
	case "":
		return nil
	case "none":
		user.BannedUntil = nil
		return nil
	}
	length, err := time.ParseDuration(duration)
	if err != nil {
		return refuse(http.StatusBadRequest, "validation_failed", "invalid format for ban duration: %v", err)
	}
	until := now.Add(length)
	user.BannedUntil = &until
	return nil
}

func userID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return uuid.Nil, refuse(http.StatusNotFound, "validation_failed", "user_id must be an UUID")
	}
	return id, nil
}
