package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	typeRecovery = "recovery"
	// recoveryTTL is how long a link or code is good on hosted Supabase, unless a project says otherwise.
	recoveryTTL = time.Hour
	codeLength  = 6
)

// Mail is what hosted Supabase would send: a link, and the code and the hash for templates that use these.
type Mail struct {
	To, Subject string
	Link        string
	// Code is what a person types; Hash is the token in the link.
	Code, Hash string
}

type recoverParams struct {
	Email         string  `json:"email"`
	CodeChallenge *string `json:"code_challenge"`
}

// recover answers POST /recover. Whether anybody has the address is not in the answer.
func (s *server) recover(w http.ResponseWriter, r *http.Request) error {
	var params recoverParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	if params.Email == "" {
		return refuse(http.StatusBadRequest, "validation_failed", "Password recovery requires an email")
	}
	if params.CodeChallenge != nil && *params.CodeChallenge != "" {
		return refuse(http.StatusBadRequest, "validation_failed", "The local stand-in has no PKCE: use the implicit flow")
	}
	email, err := readEmail(params.Email)
	if err != nil {
		return err
	}
	mail, err := s.beginRecovery(r.Context(), email, s.redirectOf(r))
	if err != nil && !errors.Is(err, errNoRow) {
		return err
	}
	if err == nil {
		s.opts.Mail(mail)
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

// beginRecovery takes the place of an earlier recovery of the user. It returns errNoRow when nobody has the address.
func (s *server) beginRecovery(ctx context.Context, email, redirect string) (Mail, error) {
	code, err := newCode()
	if err != nil {
		return Mail{}, err
	}
	mail := Mail{To: email, Subject: "Reset your password", Code: code, Hash: hashOfCode(email, code)}
	query := url.Values{"token": {mail.Hash}, "type": {typeRecovery}, "redirect_to": {redirect}}
	mail.Link = s.opts.Issuer + "/verify?" + query.Encode()
	return mail, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		known, err := userByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		user, err := lockUser(ctx, tx, known.ID)
		if err != nil {
			return err
		}
		now := s.now()
		user.recoveryToken, user.RecoverySentAt = mail.Hash, &now
		return saveUser(ctx, tx, user, now)
	})
}

func newCode() (string, error) {
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	return fmt.Sprintf("%0*d", codeLength, number), nil
}

// hashOfCode is hosted Supabase's: what is stored, and what stands in the link.
func hashOfCode(email, code string) string {
	sum := sha256.Sum224([]byte(email + code))
	return hex.EncodeToString(sum[:])
}

// redirectOf is where the link leads in the end: the page that asked, if it is one of this machine's, else the site. Hosted
// Supabase has a list of addresses for that.
func (s *server) redirectOf(r *http.Request) string {
	wanted := r.URL.Query().Get("redirect_to")
	address, err := url.Parse(wanted)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.User != nil {
		return s.opts.SiteURL
	}
	switch address.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return wanted
	}
	return s.opts.SiteURL
}

var (
	errLinkInvalid = refuse(http.StatusForbidden, "otp_expired", "Email link is invalid or has expired")
	errCodeInvalid = refuse(http.StatusForbidden, "otp_expired", "Token has expired or is invalid")
)

// recovered is the user of a recovery that is under way, locked; the token is used up. It returns refusal for any other.
func (s *server) recovered(ctx context.Context, tx pgx.Tx, hash string, refusal *apiError) (*User, error) {
	user, err := lockUserByRecovery(ctx, tx, hash)
	if errors.Is(err, errNoRow) {
		return nil, refusal
	}
	if err != nil {
		return nil, err
	}
	now := s.now()
	switch {
	case user.RecoverySentAt == nil || now.After(user.RecoverySentAt.Add(recoveryTTL)):
		return nil, refusal
	case user.isBanned(now):
		return nil, refuse(http.StatusForbidden, "user_banned", "User is banned")
	}
	user.recoveryToken = ""
	user.confirm(now) // the mail has arrived
	return user, nil
}

type verifyParams struct {
	Type      string `json:"type"`
	Email     string `json:"email"`
	Token     string `json:"token"`
	TokenHash string `json:"token_hash"`
}

// verify answers POST /verify: a session for the code or the hash of a recovery.
func (s *server) verify(w http.ResponseWriter, r *http.Request) error {
	var params verifyParams
	if err := readBody(w, r, &params); err != nil {
		return err
	}
	if params.Type != typeRecovery {
		return refuse(http.StatusBadRequest, "validation_failed", "The local stand-in verifies nothing but recoveries")
	}
	hash := params.TokenHash
	switch {
	case hash == "" && (params.Email == "" || params.Token == ""):
		return refuse(http.StatusBadRequest, "validation_failed", "Only the token_hash and type should be provided, or email, token and type")
	case hash == "":
		hash = hashOfCode(strings.ToLower(params.Email), params.Token)
	}
	return s.signIn(w, r, methodOTP, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		return s.recovered(ctx, tx, hash, errCodeInvalid)
	})
}

// verifyLink answers GET /verify, where the link of the mail leads: it goes on to the page with a session, or with what is
// wrong, in the fragment.
func (s *server) verifyLink(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	var session Session
	err := s.inSession(r, methodOTP, &session, func(ctx context.Context, tx pgx.Tx) (*User, error) {
		if query.Get("type") != typeRecovery {
			return nil, errLinkInvalid
		}
		return s.recovered(ctx, tx, query.Get("token"), errLinkInvalid)
	})
	var fragment url.Values
	refusal := new(apiError)
	switch {
	case errors.As(err, &refusal):
		fragment = url.Values{"error": {"access_denied"}, "error_code": {refusal.code}, "error_description": {refusal.message}}
	case err != nil:
		return err
	default:
		fragment = session.fragment(typeRecovery)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.redirectOf(r)+"#"+fragment.Encode(), http.StatusSeeOther) //nolint:gosec // to pages of this machine alone: redirectOf
	return nil
}
