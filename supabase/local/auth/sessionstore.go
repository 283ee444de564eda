package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func insertSession(ctx context.Context, tx pgx.Tx, id, user uuid.UUID, r *http.Request, now time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into auth.sessions (id, user_id, aal, user_agent, ip, created_at, updated_at)
		values ($1, $2, 'aal1', nullif($3, ''), $4::text::inet, $5, $5)`,
		id, user, r.UserAgent(), clientIP(r), now)
	if err != nil {
		return fmt.Errorf("insert session of user %s: %w", user, err)
	}
	return nil
}

func sessionExists(ctx context.Context, db querier, id uuid.UUID) (bool, error) {
	var found bool
	err := db.QueryRow(ctx, `select exists (select from auth.sessions where id = $1)`, id).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("find session %s: %w", id, err)
	}
	return found, nil
}

// lockSession holds the session until the transaction ends, so that one refresh of it runs at a time. It returns
// errNoRow when the session has ended.
//
// How the session began is not stored, it follows: whoever had no identity yet when it began can only have begun it
// anonymously, and who has one here has a password.
func lockSession(ctx context.Context, tx pgx.Tx, id uuid.UUID) (proof, error) {
	var (
		how proof
		at  time.Time
	)
	err := tx.QueryRow(ctx, `
		select s.created_at,
		       case when exists (select from auth.identities i
		                          where i.user_id = s.user_id and i.created_at <= s.created_at)
		            then $2 else $3 end
		  from auth.sessions s
		 where s.id = $1
		   for update of s`, id, methodPassword, methodAnonymous).Scan(&at, &how.Method)
	if errors.Is(err, pgx.ErrNoRows) {
		return proof{}, errNoRow
	}
	if err != nil {
		return proof{}, fmt.Errorf("lock session %s: %w", id, err)
	}
	how.At = at.Unix()
	return how, nil
}

// touchSession notes a refresh.
func touchSession(ctx context.Context, tx pgx.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update auth.sessions set updated_at = $2, refreshed_at = $2::timestamptz at time zone 'utc' where id = $1`, id, now)
	if err != nil {
		return fmt.Errorf("touch session %s: %w", id, err)
	}
	return nil
}

// A scope says which of a user's sessions end.
type scope string

const (
	allSessions   scope = "global"
	thisSession   scope = "local"
	otherSessions scope = "others"
)

// endSessions deletes sessions of the user and, by foreign key, their refresh tokens. current is the session that the
// scopes local and others speak of; without one (uuid.Nil) they end none and all.
func endSessions(ctx context.Context, db querier, user uuid.UUID, which scope, current uuid.UUID) error {
	_, err := db.Exec(ctx, `
		delete from auth.sessions
		 where user_id = $1
		   and case $2::text when 'local' then id = $3 when 'others' then id <> $3 else true end`,
		user, string(which), current)
	if err != nil {
		return fmt.Errorf("end %s sessions of user %s: %w", which, user, err)
	}
	return nil
}
