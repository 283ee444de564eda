package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is a pool or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var (
	errNoRow     = errors.New("no such row")
	errDuplicate = errors.New("another row has this value")
)

const sqlUserColumns = `
	select id, coalesce(aud, ''), coalesce(role, ''), coalesce(email, ''), coalesce(phone, ''),
	       coalesce(encrypted_password, ''), email_confirmed_at, invited_at, last_sign_in_at,
	       coalesce(raw_app_meta_data, '{}'), coalesce(raw_user_meta_data, '{}'), is_anonymous,
	       created_at, updated_at, banned_until, deleted_at, coalesce(recovery_token, ''), recovery_sent_at
	  from auth.users`

func scanUser(row pgx.CollectableRow) (*User, error) {
	u := &User{Identities: []Identity{}}
	err := row.Scan(&u.ID, &u.Audience, &u.Role, &u.Email, &u.Phone, &u.passwordHash,
		&u.EmailConfirmedAt, &u.InvitedAt, &u.LastSignInAt, &u.AppMetadata, &u.UserMetadata,
		&u.IsAnonymous, &u.CreatedAt, &u.UpdatedAt, &u.BannedUntil, &u.DeletedAt, &u.recoveryToken, &u.RecoverySentAt)
	if err != nil {
		return nil, fmt.Errorf("scan user: %w", err)
	}
	toUTC(u.EmailConfirmedAt, u.InvitedAt, u.LastSignInAt, &u.CreatedAt, &u.UpdatedAt, u.BannedUntil, u.DeletedAt, u.RecoverySentAt)
	u.ConfirmedAt = u.EmailConfirmedAt
	return u, nil
}

// userByID returns errNoRow for an unknown id. Soft-deleted users count as unknown.
func userByID(ctx context.Context, db querier, id uuid.UUID) (*User, error) {
	return oneUser(ctx, db, " where id = $1 and deleted_at is null", id)
}

// lockUser is userByID for a transaction that is going to change the user.
func lockUser(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*User, error) {
	return oneUser(ctx, tx, " where id = $1 and deleted_at is null for update", id)
}

// lockUserByRecovery is lockUser for whoever has the token of a recovery.
func lockUserByRecovery(ctx context.Context, tx pgx.Tx, token string) (*User, error) {
	return oneUser(ctx, tx, " where recovery_token = nullif($1, '') and deleted_at is null for update", token)
}

// userByEmail finds the user who signs in with the address, in any case. It returns errNoRow when there is none.
func userByEmail(ctx context.Context, db querier, email string) (*User, error) {
	return oneUser(ctx, db, " where lower(email) = lower($1) and not is_sso_user and deleted_at is null", email)
}

func oneUser(ctx context.Context, db querier, condition string, arg any) (*User, error) {
	rows, err := db.Query(ctx, sqlUserColumns+condition, arg)
	if err != nil {
		return nil, fmt.Errorf("find user %v: %w", arg, err)
	}
	user, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoRow
	}
	if err != nil {
		return nil, fmt.Errorf("find user %v: %w", arg, err)
	}
	return user, loadIdentities(ctx, db, []*User{user})
}

// listUsers returns a page of users, newest first, and how many there are in all.
func listUsers(ctx context.Context, db querier, limit, offset int) (users []*User, total int, err error) {
	err = db.QueryRow(ctx, `select count(*) from auth.users where deleted_at is null`).Scan(&total)
	if err != nil {
		return nil, 0, fmt.Errorf("count users: %w", err)
	}
	rows, err := db.Query(ctx, sqlUserColumns+`
	 where deleted_at is null
	 order by created_at desc, id
	 limit $1 offset $2`, limit, offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list users: %w", err)
	}
	users, err = pgx.CollectRows(rows, scanUser)
	if err != nil {
		return nil, 0, fmt.Errorf("list users: %w", err)
	}
	return users, total, loadIdentities(ctx, db, users)
}

// insertUser stores a new user with its identities. It returns errDuplicate when the address or the id is taken.
func insertUser(ctx context.Context, tx pgx.Tx, u *User) error {
	_, err := tx.Exec(ctx, `
		insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, invited_at,
		                        raw_app_meta_data, raw_user_meta_data, is_anonymous, banned_until,
		                        created_at, updated_at)
		values ($1, $2, $3, nullif($4, ''), $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		u.ID, u.Audience, u.Role, u.Email, u.passwordHash, u.EmailConfirmedAt, u.InvitedAt,
		u.AppMetadata, u.UserMetadata, u.IsAnonymous, u.BannedUntil, u.CreatedAt, u.UpdatedAt)
	if err != nil {
		return fmt.Errorf("insert user %s: %w", u.ID, translate(err))
	}
	return saveIdentities(ctx, tx, u)
}

// saveUser stores every field of a user that was locked before. It returns errDuplicate when the address is taken.
func saveUser(ctx context.Context, tx pgx.Tx, u *User, now time.Time) error {
	u.UpdatedAt = now
	_, err := tx.Exec(ctx, `
		update auth.users
		   set role = $2, email = nullif($3, ''), encrypted_password = $4, email_confirmed_at = $5,
		       last_sign_in_at = $6, raw_app_meta_data = $7, raw_user_meta_data = $8, is_anonymous = $9,
		       banned_until = $10, invited_at = $11, updated_at = $12, recovery_token = $13, recovery_sent_at = $14
		 where id = $1`,
		u.ID, u.Role, u.Email, u.passwordHash, u.EmailConfirmedAt, u.LastSignInAt,
		u.AppMetadata, u.UserMetadata, u.IsAnonymous, u.BannedUntil, u.InvitedAt, u.UpdatedAt, u.recoveryToken, u.RecoverySentAt)
	if err != nil {
		return fmt.Errorf("update user %s: %w", u.ID, translate(err))
	}
	return saveIdentities(ctx, tx, u)
}

// deleteUser removes the user and, by foreign keys, identities, sessions and tokens.
func deleteUser(ctx context.Context, db querier, id uuid.UUID) error {
	if _, err := db.Exec(ctx, `delete from auth.users where id = $1`, id); err != nil {
		return fmt.Errorf("delete user %s: %w", id, err)
	}
	return nil
}

// softDeleteUser keeps the row for foreign keys and makes it useless to everyone: no address, password or session.
func softDeleteUser(ctx context.Context, tx pgx.Tx, id uuid.UUID, now time.Time) error {
	if _, err := tx.Exec(ctx, `delete from auth.identities where user_id = $1`, id); err != nil {
		return fmt.Errorf("delete identities of user %s: %w", id, err)
	}
	if err := endSessions(ctx, tx, id, allSessions, uuid.Nil); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		update auth.users
		   set email = null, phone = null, encrypted_password = null,
		       raw_app_meta_data = '{}', raw_user_meta_data = '{}', deleted_at = $2, updated_at = $2
		 where id = $1`, id, now)
	if err != nil {
		return fmt.Errorf("soft delete user %s: %w", id, err)
	}
	return nil
}

func translate(err error) error {
	const uniqueViolation = "23505"
	if pgErr := new(pgconn.PgError); errors.As(err, &pgErr) && pgErr.Code == uniqueViolation {
		return errDuplicate
	}
	return err
}

// toUTC moves scanned timestamps out of the zone the process runs in: clients print what they get.
func toUTC(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}
