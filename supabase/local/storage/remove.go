package storage

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"
)

type removeRequest struct {
	Prefixes []string `json:"prefixes"`
}

// removed is an object that was deleted, as the client is told.
type removed struct {
	Name     string         `json:"name"`
	BucketID string         `json:"bucket_id"`
	ID       string         `json:"id"`
	Metadata map[string]any `json:"metadata"`
	version  string
}

// remove deletes those of the named objects that the caller may delete; others are passed over, as in Storage. The one
// that the path names is deleted or refused.
func (h *Handler) remove(w http.ResponseWriter, r *request) error {
	body := removeRequest{Prefixes: []string{r.name}}
	if r.name == "" {
		if err := decode(r.http, &body); err != nil {
			return err
		}
	}
	gone := []removed{}
	err := h.db.as(r.http.Context(), r.caller, func(tx pgx.Tx) error {
		rows, err := tx.Query(r.http.Context(), `delete from storage.objects where bucket_id = $1 and name = any ($2)
			returning name, bucket_id, id::text, metadata, version`, r.bucket, body.Prefixes)
		if err != nil {
			return err
		}
		gone, err = pgx.AppendRows(gone, rows, func(row pgx.CollectableRow) (one removed, err error) {
			err = row.Scan(&one.Name, &one.BucketID, &one.ID, &one.Metadata, &one.version)
			return one, err
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("delete objects: %w", err)
	}
	for _, one := range gone {
		err = errors.Join(err, h.disk.remove(one.version))
	}
	if err != nil {
		return err
	}
	if r.name == "" {
		answer(w, http.StatusOK, gone)
		return nil
	}
	if len(gone) == 0 {
		return errNoObject
	}
	answer(w, http.StatusOK, map[string]string{"message": "Successfully deleted"})
	return nil
}
