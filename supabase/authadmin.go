package supabase

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/supabase-community/gotrue-go"
	"github.com/supabase-community/gotrue-go/types"
	sdk "github.com/supabase-community/supabase-go"
)

// authTimeout bounds one call of Auth. The SDK knows no contexts, so this is the only bound there is.
const authTimeout = 10 * time.Second

// ErrEmailTaken means that Auth has a user with that address already.
var ErrEmailTaken = errors.New("a user with this e-mail address exists")

// AuthAdmin manages users through Supabase Auth with the project's secret key.
type AuthAdmin struct {
	auth gotrue.Client
}

// NewAuthAdmin returns the Auth admin of the project at url. The key is an sb_secret_ key or the service_role JWT.
func NewAuthAdmin(url, secretKey string) (*AuthAdmin, error) {
	client, err := sdk.NewClient(strings.TrimSuffix(url, "/"), secretKey, nil)
	if err != nil {
		return nil, fmt.Errorf("make Supabase client: %w", err)
	}
	return &AuthAdmin{auth: client.Auth.WithClient(http.Client{Timeout: authTimeout}).WithToken(secretKey)}, nil
}

// NewUser is somebody who signs in with a password.
type NewUser struct {
	Email    string
	Password string
	Name     string
}

// CreateUser makes the user with a confirmed address and returns the user's id; ErrEmailTaken when there is one already.
func (a *AuthAdmin) CreateUser(ctx context.Context, user NewUser) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	created, err := a.auth.AdminCreateUser(types.AdminCreateUserRequest{
		Email: user.Email, Password: &user.Password, EmailConfirm: true,
		UserMetadata: map[string]any{"name": user.Name},
	})
	if err == nil {
		return created.ID.String(), nil
	}
	if strings.Contains(err.Error(), "email_exists") || strings.Contains(err.Error(), "already been registered") {
		return "", ErrEmailTaken
	}
	return "", fmt.Errorf("create user %s: %w", user.Email, err)
}
