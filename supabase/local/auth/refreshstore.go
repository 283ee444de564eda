package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// refreshToken is a row of auth.refresh_tokens.
type refreshToken struct {
	id      int64
	token   string
	user    uuid.UUID
	session uuid.UUID
	parent  string
	revoked bool
	// updatedAt is when the token was revoked, for one that is.
	updatedAt time.Time
}

func insertRefreshToken(
	ctx context.Context, tx pgx.Tx, token string, user, session uuid.UUID, parent string, now time.Time,
) error {
	_, err := tx.Exec(ctx, `
		insert into auth.refresh_tokens (token, user_id, session_id, parent, revoked, created_at, updated_at)
		values ($1, $2, $3, nullif($4, ''), false, $5, $5)`, token, user, session, parent, now)
	if err != nil {
		return fmt.Errorf("insert refresh token of session %s: %w", session, err)
	}
	return nil
}

const sqlRefreshColumns = `
	select id, token, user_id::text, session_id, coalesce(parent, ''), coalesce(revoked, false), updated_at
	  from auth.refresh_tokens`

// findRefreshToken returns errNoRow for an unknown token. The error text does not hold the token.
func findRefreshToken(ctx context.Context, db querier, token string) (refreshToken, error) {
	return scanRefreshToken(db.QueryRow(ctx, sqlRefreshColumns+` where token = $1`, token))
}

// activeRefreshToken returns the session's newest token that is not revoked, or errNoRow.
func activeRefreshToken(ctx context.Context, db querier, session uuid.UUID) (refreshToken, error) {
	return scanRefreshToken(db.QueryRow(ctx, sqlRefreshColumns+`
	 where session_id = $1 and not revoked
	 order by id desc
	 limit 1`, session))
}

func scanRefreshToken(row pgx.Row) (refreshToken, error) {
	var t refreshToken
	err := row.Scan(&t.id, &t.token, &t.user, &t.session, &t.parent, &t.revoked, &t.updatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return refreshToken{}, errNoRow
	}
	if err != nil {
		return refreshToken{}, fmt.Errorf("find refresh token: %w", err)
	}
	return t, nil
}

// swapRefreshToken revokes the token and issues its child.
func swapRefreshToken(ctx context.Context, tx pgx.Tx, old refreshToken, now time.Time) (string, error) {
	_, err := tx.Exec(ctx, `update auth.refresh_tokens set revoked = true, updated_at = $2 where id = $1`, old.id, now)
	if err != nil {
		return "", fmt.Errorf("revoke refresh token %d: %w", old.id, err)
	}
	token := newRefreshToken()
	return token, insertRefreshToken(ctx, tx, token, old.user, old.session, old.token, now)
}

// revokeFamily revokes every refresh token of the session. Its access tokens stay valid until they expire.
func revokeFamily(ctx context.Context, tx pgx.Tx, session uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update auth.refresh_tokens set revoked = true, updated_at = $2 where session_id = $1`, session, now)
	if err != nil {
		return fmt.Errorf("revoke refresh tokens of session %s: %w", session, err)
	}
	return nil
}
