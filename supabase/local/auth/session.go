package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Methods of authentication, as they stand in the claim amr.
const (
	methodPassword  = "password"
	methodAnonymous = "anonymous"
	methodOTP       = "otp" // a link or a code of a mail
)

// Session is the answer to every way of signing in and to a refresh.
type Session struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	ExpiresAt    int64  `json:"expires_at"`
	RefreshToken string `json:"refresh_token"`
	User         *User  `json:"user"`
}

// fragment is the session as the link of a mail hands it to a page.
func (s Session) fragment(kind string) url.Values {
	return url.Values{
		"access_token": {s.AccessToken}, "token_type": {s.TokenType}, "refresh_token": {s.RefreshToken}, "type": {kind},
		"expires_in": {strconv.FormatInt(s.ExpiresIn, 10)}, "expires_at": {strconv.FormatInt(s.ExpiresAt, 10)},
	}
}

// A proof is how and when the user of a session showed who they are.
type proof struct {
	Method string `json:"method"`
	At     int64  `json:"timestamp"`
}

// startSession signs the user in: a session row, its first refresh token and an access token.
func (s *server) startSession(ctx context.Context, tx pgx.Tx, r *http.Request, u *User, method string) (Session, error) {
	now := s.now()
	u.LastSignInAt = &now
	if err := saveUser(ctx, tx, u, now); err != nil {
		return Session{}, err
	}
	id := uuid.New()
	if err := insertSession(ctx, tx, id, u.ID, r, now); err != nil {
		return Session{}, err
	}
	refreshToken := newRefreshToken()
	if err := insertRefreshToken(ctx, tx, refreshToken, u.ID, id, "", now); err != nil {
		return Session{}, err
	}
	return s.session(u, id, proof{Method: method, At: now.Unix()}, refreshToken)
}

// session makes the access token and puts the answer together.
func (s *server) session(u *User, id uuid.UUID, how proof, refreshToken string) (Session, error) {
	now := s.now()
	expires := now.Add(s.opts.AccessTokenTTL)
	token, err := s.sign(map[string]any{
		"iss": s.opts.Issuer, "aud": u.Audience, "sub": u.ID.String(), "role": u.Role,
		"iat": now.Unix(), "exp": expires.Unix(), "session_id": id.String(),
		"email": u.Email, "phone": u.Phone, "is_anonymous": u.IsAnonymous,
		"app_metadata": u.AppMetadata, "user_metadata": u.UserMetadata,
		"aal": "aal1", "amr": []proof{how},
	})
	if err != nil {
		return Session{}, fmt.Errorf("sign access token of user %s: %w", u.ID, err)
	}
	return Session{
		AccessToken: token, TokenType: "bearer", RefreshToken: refreshToken, User: u,
		ExpiresIn: int64(s.opts.AccessTokenTTL / time.Second), ExpiresAt: expires.Unix(),
	}, nil
}

func (s *server) sign(claims map[string]any) (string, error) {
	if s.opts.LegacySigning {
		return s.ring.Sign(claims)
	}
	return s.ring.SignUser(claims)
}

// newRefreshToken is opaque to clients; rand.Text has at least 128 bits of randomness.
func newRefreshToken() string { return strings.ToLower(rand.Text()) }

// clientIP is the address to remember with a session; nil when the request names none that can be read.
func clientIP(r *http.Request) *string {
	host, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	if host == "" {
		host, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	ip := net.ParseIP(strings.TrimSpace(host))
	if ip == nil {
		return nil
	}
	text := ip.String()
	return &text
}
