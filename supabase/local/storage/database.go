package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// database is the tables of Storage, as their owner sees them and as callers do.
type database struct{ pool *pgxpool.Pool }

type bucket struct {
	public bool
	limit  int64
	types  []string
}

// object is what a request may need to know of a file.
type object struct {
	ID       string
	Version  string
	Metadata metadata
}

// metadata is the column of that name, as Storage writes it.
type metadata struct {
	ETag           string `json:"eTag"`
	Size           int64  `json:"size"`
	MimeType       string `json:"mimetype"`
	CacheControl   string `json:"cacheControl"`
	LastModified   string `json:"lastModified"`
	ContentLength  int64  `json:"contentLength"`
	HTTPStatusCode int    `json:"httpStatusCode"`
}

// errUndo ends a transaction that was only to show whether it is allowed.
var errUndo = errors.New("undo")

// findBucket reads as the owner: policies are about objects.
func (d database) findBucket(ctx context.Context, id string) (bucket, error) {
	var found bucket
	err := d.pool.QueryRow(ctx, `select public, coalesce(file_size_limit, $2), allowed_mime_types from storage.buckets where id = $1`,
		id, defaultLimit).Scan(&found.public, &found.limit, &found.types)
	if errors.Is(err, pgx.ErrNoRows) {
		return found, errNoBucket
	}
	if err != nil {
		return found, fmt.Errorf("find bucket %s: %w", id, err)
	}
	return found, nil
}

// as runs fn in a transaction with the role and the claims of the caller.
func (d database) as(ctx context.Context, caller keys.Claims, fn func(tx pgx.Tx) error) error {
	claims, err := json.Marshal(caller.All)
	if err != nil {
		return fmt.Errorf("encode claims: %w", err)
	}
	return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select set_config('request.jwt.claims', $1, true), set_config('storage.allow_delete_query', 'true', true),
			set_config('role', $2, true)`, string(claims), caller.Role)
		if err != nil {
			return fmt.Errorf("become %s: %w", caller.Role, err)
		}
		return fn(tx)
	})
}

// mayWrite tries the statement as the caller and undoes it. A statement that touches no row is refused as a missing object.
func (d database) mayWrite(ctx context.Context, caller keys.Claims, statement string, args ...any) error {
	err := d.as(ctx, caller, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, args...)
		if err != nil {
			return fmt.Errorf("try to write an object: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return errNoObject
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

const findObject = `select id::text, version, metadata from storage.objects where bucket_id = $1 and name = $2 and metadata is not null`

// find reads the object as the caller: one that policies hide does not exist.
func (d database) find(ctx context.Context, r *request) (object, error) {
	var found object
	err := d.as(ctx, r.caller, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, findObject, r.bucket, r.name).Scan(&found.ID, &found.Version, &found.Metadata)
	})
	return found, missing(err)
}

// findAsOwner is find for those who need not be asked.
func (d database) findAsOwner(ctx context.Context, bucket, name string) (object, error) {
	var found object
	err := d.pool.QueryRow(ctx, findObject, bucket, name).Scan(&found.ID, &found.Version, &found.Metadata)
	return found, missing(err)
}

func missing(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoObject
	}
	if err != nil {
		return fmt.Errorf("find object: %w", err)
	}
	return nil
}

// save writes the object once its file is there, as the owner, and returns its id and the version that it replaced, if any.
func (d database) save(ctx context.Context, r *request, version string, about metadata) (id, replaced string, err error) {
	err = d.pool.QueryRow(ctx, `
		with earlier as (select version from storage.objects where bucket_id = $1 and name = $2)
		insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata)
		values ($1, $2, nullif($3, '')::uuid, nullif($3, ''), $4, $5)
		on conflict (bucket_id, name) do update
		   set version = excluded.version, metadata = excluded.metadata, owner = excluded.owner, owner_id = excluded.owner_id,
		       updated_at = now()
		returning id::text, coalesce((select version from earlier), '')`,
		r.bucket, r.name, r.caller.Subject, version, about).Scan(&id, &replaced)
	if err != nil {
		return "", "", fmt.Errorf("save object: %w", err)
	}
	return id, replaced, nil
}
