package auth

import (
	"net/http"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// health answers GET /health. It says nothing of the database: a request that needs it will.
func (s *server) health(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{
		"version": "local", "name": "GoTrue", "description": "Stand-in for Supabase Auth, for development only",
	})
	return nil
}

// settings answers GET /settings with what a sign-in page may offer.
func (s *server) settings(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{
		"external":           map[string]bool{"anonymous_users": !s.opts.DisableAnonymous, "email": true, "phone": false},
		"disable_signup":     false,
		"mailer_autoconfirm": true,
		"phone_autoconfirm":  false,
		"sms_provider":       "",
		"saml_enabled":       false,
	})
	return nil
}

// jwks answers GET /.well-known/jwks.json: what clients verify access tokens with. A shared secret is never in it.
func (s *server) jwks(w http.ResponseWriter, _ *http.Request) error {
	published := []keys.JWK{}
	if !s.opts.LegacySigning {
		published = s.ring.PublicKeys()
	}
	writeJSON(w, http.StatusOK, map[string][]keys.JWK{"keys": published})
	return nil
}

// unsupported answers what the stand-in leaves out. The status is one that clients show, not one that they retry.
func (s *server) unsupported(_ http.ResponseWriter, r *http.Request) error {
	return refuse(http.StatusNotFound, "not_found", "The local stand-in for Supabase Auth does not answer %s %s",
		r.Method, r.URL.Path)
}
