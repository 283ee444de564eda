package storage

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

type listRequest struct {
	Prefix string `json:"prefix"`
	Limit  int    `json:"limit"`
	Offset int    `json:"offset"`
	Search string `json:"search"`
	SortBy struct {
		Order string `json:"order"`
	} `json:"sortBy"`
}

// entry is a file of a folder, or a folder in it: that has a name only.
type entry struct {
	Name           string         `json:"name"`
	ID             *string        `json:"id"`
	UpdatedAt      *time.Time     `json:"updated_at"`
	CreatedAt      *time.Time     `json:"created_at"`
	LastAccessedAt *time.Time     `json:"last_accessed_at"`
	Metadata       map[string]any `json:"metadata"`
}

const listQuery = `
	select distinct on (entry.name, entry.id) entry.*
	  from (select object.path_tokens[$3] as name,
	               case when leaf then object.id::text end as id, case when leaf then object.updated_at end as updated_at,
	               case when leaf then object.created_at end as created_at,
	               case when leaf then object.last_accessed_at end as last_accessed_at,
	               case when leaf then object.metadata end as metadata
	          from storage.objects as object
	         cross join lateral (select cardinality(object.path_tokens) = $3 as leaf) as place
	         where object.bucket_id = $1 and object.name ^@ $2) as entry
	 where entry.name ^@ $4`

// list shows what of a folder the caller may read.
func (h *Handler) list(w http.ResponseWriter, r *request) error {
	body := listRequest{Limit: 100}
	if err := decode(r.http, &body); err != nil {
		return err
	}
	if body.Prefix != "" && !strings.HasSuffix(body.Prefix, "/") {
		body.Prefix += "/"
	}
	order := " order by entry.name, entry.id"
	if body.SortBy.Order == "desc" {
		order = " order by entry.name desc, entry.id"
	}
	entries := []entry{}
	err := h.db.as(r.http.Context(), r.caller, func(tx pgx.Tx) error {
		rows, err := tx.Query(r.http.Context(), listQuery+order+" limit $5 offset $6", r.bucket, body.Prefix,
			strings.Count(body.Prefix, "/")+1, body.Search, body.Limit, body.Offset)
		if err != nil {
			return err
		}
		entries, err = pgx.AppendRows(entries, rows, pgx.RowToStructByPos[entry])
		return err
	})
	if err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	answer(w, http.StatusOK, entries)
	return nil
}
