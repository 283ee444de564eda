package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// loadIdentities fills in the identities of the users, oldest first.
func loadIdentities(ctx context.Context, db querier, users []*User) error {
	byID := make(map[uuid.UUID]*User, len(users))
	ids := make([]uuid.UUID, 0, len(users))
	for _, user := range users {
		byID[user.ID] = user
		ids = append(ids, user.ID)
	}
	rows, err := db.Query(ctx, `
		select id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at,
		       coalesce(email, '')
		  from auth.identities
		 where user_id = any($1)
		 order by created_at, id`, ids)
	if err != nil {
		return fmt.Errorf("list identities: %w", err)
	}
	identities, err := pgx.CollectRows(rows, scanIdentity)
	if err != nil {
		return fmt.Errorf("list identities: %w", err)
	}
	for _, identity := range identities {
		user := byID[identity.UserID]
		user.Identities = append(user.Identities, identity)
	}
	return nil
}

func scanIdentity(row pgx.CollectableRow) (Identity, error) {
	var i Identity
	err := row.Scan(&i.ID, &i.ProviderID, &i.UserID, &i.Data, &i.Provider, &i.LastSignInAt, &i.CreatedAt,
		&i.UpdatedAt, &i.Email)
	if err != nil {
		return Identity{}, fmt.Errorf("scan identity: %w", err)
	}
	toUTC(i.LastSignInAt, &i.CreatedAt, &i.UpdatedAt)
	return i, nil
}

// saveIdentities stores the identities as the user has them. An identity is never taken away from a living user.
func saveIdentities(ctx context.Context, tx pgx.Tx, u *User) error {
	for _, i := range u.Identities {
		_, err := tx.Exec(ctx, `
			insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at,
			                             created_at, updated_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (id) do update
			   set identity_data = excluded.identity_data, last_sign_in_at = excluded.last_sign_in_at,
			       updated_at = excluded.updated_at`,
			i.ID, i.ProviderID, i.UserID, i.Data, i.Provider, i.LastSignInAt, i.CreatedAt, i.UpdatedAt)
		if err != nil {
			return fmt.Errorf("save %s identity of user %s: %w", i.Provider, u.ID, translate(err))
		}
	}
	return nil
}
