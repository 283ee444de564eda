package auth

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

// userGet answers GET /user.
func (s *server) userGet(w http.ResponseWriter, _ *http.Request, who caller) error {
	writeJSON(w, http.StatusOK, who.user)
	return nil
}

type updateParams struct {
	Email    string         `json:"email"`
	Phone    string         `json:"phone"`
	Password string         `json:"password"`
	Data     map[string]any `json:"data"`
}

// userUpdate answers PUT /user. Setting an address makes an anonymous user permanent; setting a password ends the
// user's other sessions, because whoever changes it may distrust them.
func (s *server) userUpdate(w http.ResponseWriter, r *http.Request, who caller) error {
	var params updateParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	change, err := s.readUpdate(params, who.user)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var user *User
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		user, err = s.changeUser(ctx, tx, who, change)
		return err
	})
	if errors.Is(err, errDuplicate) {
		return errEmailExists
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, user)
	return nil
}

// userChange is a valid update: empty fields stay as they are.
type userChange struct {
	email        string
	passwordHash string
	data         map[string]any
}

func (s *server) readUpdate(params updateParams, user *User) (userChange, error) {
	change := userChange{data: params.Data}
	if params.Phone != "" {
		return change, errNoPhones
	}
	var err error
	if params.Email != "" {
		if change.email, err = readEmail(params.Email); err != nil {
			return change, err
		}
	}
	if params.Password == "" {
		return change, nil
	}
	if user.IsAnonymous && params.Email == "" {
		return change, refuse(http.StatusUnprocessableEntity, "validation_failed",
			"Updating password of an anonymous user without an email or phone is not allowed")
	}
	if passwordMatches(user, params.Password) {
		return change, refuse(http.StatusUnprocessableEntity, "same_password",
			"New password should be different from the old password.")
	}
	change.passwordHash, err = s.hashPassword(params.Password)
	return change, err
}

func (s *server) changeUser(ctx context.Context, tx pgx.Tx, who caller, change userChange) (*User, error) {
	user, err := lockUser(ctx, tx, who.user.ID)
	if err != nil {
		return nil, err
	}
	merge(user.UserMetadata, change.data)
	if change.email != "" && change.email != user.Email {
		user.setEmail(change.email, s.now())
		user.confirm(s.now())
	}
	if change.passwordHash != "" {
		user.passwordHash = change.passwordHash
		if err := endSessions(ctx, tx, user.ID, otherSessions, who.session); err != nil {
			return nil, err
		}
	}
	return user, saveUser(ctx, tx, user, s.now())
}

// logout answers POST /logout. The default scope ends every session of the user.
func (s *server) logout(w http.ResponseWriter, r *http.Request, who caller) error {
	which := scope(r.URL.Query().Get("scope"))
	switch which {
	case "":
		which = allSessions
	case allSessions, thisSession, otherSessions:
	default:
		return refuse(http.StatusBadRequest, "validation_failed", "Unsupported logout scope %q", which)
	}
	if err := endSessions(r.Context(), s.pool, who.user.ID, which, who.session); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
