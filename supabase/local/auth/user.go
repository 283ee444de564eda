package auth

import (
	"time"

	"github.com/google/uuid"
)

const (
	audience          = "authenticated"
	roleAuthenticated = "authenticated"
	providerEmail     = "email"
)

// User is a row of auth.users in the shape that clients read. Its JSON names and omissions are those of hosted Supabase.
type User struct {
	ID               uuid.UUID      `json:"id"`
	Audience         string         `json:"aud"`
	Role             string         `json:"role"`
	Email            string         `json:"email"`
	EmailConfirmedAt *time.Time     `json:"email_confirmed_at,omitempty"`
	InvitedAt        *time.Time     `json:"invited_at,omitempty"`
	RecoverySentAt   *time.Time     `json:"recovery_sent_at,omitempty"`
	Phone            string         `json:"phone"`
	ConfirmedAt      *time.Time     `json:"confirmed_at,omitempty"`
	LastSignInAt     *time.Time     `json:"last_sign_in_at,omitempty"`
	AppMetadata      map[string]any `json:"app_metadata"`
	UserMetadata     map[string]any `json:"user_metadata"`
	Identities       []Identity     `json:"identities"`
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"`
	BannedUntil      *time.Time     `json:"banned_until,omitempty"`
	DeletedAt        *time.Time     `json:"deleted_at,omitempty"`
	IsAnonymous      bool           `json:"is_anonymous"`

	// passwordHash is empty for a user without a password.
	passwordHash string
	// recoveryToken is the hash of the code in the last mail; empty when it was used or none was sent.
	recoveryToken string
}

// Identity is a way in which a user may sign in. The stand-in knows one provider: email.
type Identity struct {
	ID           uuid.UUID      `json:"identity_id"`
	ProviderID   string         `json:"id"`
	UserID       uuid.UUID      `json:"user_id"`
	Data         map[string]any `json:"identity_data"`
	Provider     string         `json:"provider"`
	LastSignInAt *time.Time     `json:"last_sign_in_at,omitempty"`
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	Email        string         `json:"email,omitempty"`
}

// newUser returns a user without address, password and confirmation, which is what an anonymous one is too.
func newUser(now time.Time, metadata map[string]any) *User {
	return &User{
		ID: uuid.New(), Audience: audience, Role: roleAuthenticated,
		AppMetadata: map[string]any{}, UserMetadata: withoutNulls(metadata), Identities: []Identity{},
		CreatedAt: now, UpdatedAt: now,
	}
}

// setEmail gives the user an address to sign in with. The identity has to be stored beside the user.
func (u *User) setEmail(email string, now time.Time) {
	u.Email = email
	u.AppMetadata["provider"] = providerEmail
	u.AppMetadata["providers"] = []string{providerEmail}
	data := map[string]any{"sub": u.ID.String(), "email": email, "email_verified": false, "phone_verified": false}
	if len(u.Identities) == 0 {
		u.Identities = []Identity{{
			ID: uuid.New(), ProviderID: u.ID.String(), UserID: u.ID, Provider: providerEmail,
			LastSignInAt: &now, CreatedAt: now,
		}}
	}
	identity := &u.Identities[0]
	identity.Data, identity.Email, identity.UpdatedAt = data, email, now
}

// confirm marks the address as the user's own and ends anonymity.
func (u *User) confirm(now time.Time) {
	if u.EmailConfirmedAt == nil {
		u.EmailConfirmedAt, u.ConfirmedAt = &now, &now
	}
	u.IsAnonymous = false
	u.UserMetadata["email_verified"] = true
	for i := range u.Identities {
		u.Identities[i].Data["email_verified"] = true
	}
}

func (u *User) isBanned(now time.Time) bool { return u.BannedUntil != nil && u.BannedUntil.After(now) }

// merge lays changes over metadata: a null takes its key away.
func merge(metadata, changes map[string]any) {
	for key, value := range changes {
		if value == nil {
			delete(metadata, key)
		} else {
			metadata[key] = value
		}
	}
}

func withoutNulls(metadata map[string]any) map[string]any {
	kept := map[string]any{}
	merge(kept, metadata)
	return kept
}
