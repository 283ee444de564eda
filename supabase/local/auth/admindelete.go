package auth

import (
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type deleteParams struct {
	SoftDelete bool `json:"should_soft_delete"`
}

// adminDelete answers DELETE /admin/users/{id}. The body is optional.
func (s *server) adminDelete(w http.ResponseWriter, r *http.Request) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	var params deleteParams
	if r.ContentLength != 0 {
		if err := readBody(w, r, &params); err != nil {
			return err
		}
	}
	ctx := r.Context()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, id); err != nil {
			return err
		}
		if params.SoftDelete {
			return softDeleteUser(ctx, tx, id, s.now())
		}
		return deleteUser(ctx, tx, id)
	})
	if errors.Is(err, errNoRow) {
		return errUserNotFound
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{}) // an object: supabase-js looks for a user in the answer
	return nil
}
