package auth

import (
	"log/slog"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Options adjust New. The zero value behaves as a new Supabase project does with anonymous sign-ins switched on.
type Options struct {
	// Issuer is the claim iss of access tokens. Default: the stand-in's usual address, http://127.0.0.1:54321/auth/v1.
	Issuer string
	// AccessTokenTTL is how long an access token is valid. Default: one hour.
	AccessTokenTTL time.Duration
	// ReuseInterval is how long a revoked refresh token is still accepted. Default: 10 s; negative: not at all.
	ReuseInterval time.Duration
	// DisableAnonymous refuses anonymous sign-ins, as projects do by default on hosted Supabase.
	DisableAnonymous bool
	// PasswordCost is bcrypt's. Default: bcrypt.MinCost: a development database has no password worth the wait, and test
	// suites sign in often.
	PasswordCost int
	// Now is the clock for rows and tokens. Default: time.Now.
	Now func() time.Time
	// LegacySigning signs access tokens with the shared HS256 secret and publishes no key, as projects do that never took
	// up signing keys. Default: ES256, as new projects on hosted Supabase.
	LegacySigning bool
	// SiteURL is where a mail's link leads when the page that asked for it may not be led to. Default: http://127.0.0.1:3000,
	// as with the Supabase CLI.
	SiteURL string
	// Mail is given what would be mailed, and must return at once. Default: it is dropped.
	Mail func(Mail)
	// Logger gets causes of 500 answers. Default: they are discarded.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Issuer == "" {
		o.Issuer = "http://127.0.0.1:54321/auth/v1"
	}
	if o.AccessTokenTTL == 0 {
		o.AccessTokenTTL = time.Hour
	}
	if o.ReuseInterval == 0 {
		o.ReuseInterval = 10 * time.Second
	}
	if o.PasswordCost == 0 {
		o.PasswordCost = bcrypt.MinCost
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SiteURL == "" {
		o.SiteURL = "http://127.0.0.1:3000"
	}
	if o.Mail == nil {
		o.Mail = func(Mail) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
