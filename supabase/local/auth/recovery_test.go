package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/auth"
)

const page = "http://127.0.0.1:54323/dashboard/reset"

// letters are the mails that the service would have sent.
type letters struct {
	mu   sync.Mutex
	sent []auth.Mail
}

func (l *letters) keep(mail auth.Mail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, mail)
}

// to is the last one to an address.
func (l *letters) to(address string) (last auth.Mail, count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.sent {
		if one.To == address {
			last, count = one, count+1
		}
	}
	return last, count
}

func (b *bundle) askForReset(t *testing.T, email, redirect string) reply {
	t.Helper()
	return b.do(t, http.MethodPost, "/recover?redirect_to="+url.QueryEscape(redirect), "", object{
		"email": email, "code_challenge": nil, "code_challenge_method": nil, "gotrue_meta_security": object{},
	})
}

// follow opens a link of a mail as a browser does, and returns where it leads.
func (b *bundle) follow(t *testing.T, link string) (to string, fragment url.Values) {
	t.Helper()
	_, path, found := strings.Cut(link, "/auth/v1")
	require.True(t, found, link)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, http.NoBody)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	to, rest, _ := strings.Cut(answer.Header.Get("Location"), "#")
	fragment, err = url.ParseQuery(rest)
	require.NoError(t, err)
	return to, fragment
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	var mails letters
	b := setupWith(t, auth.Options{Mail: mails.keep, SiteURL: "http://127.0.0.1:3000"})

	t.Run("the link of the mail leads to the page with a session, once", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "link@example.com")
		got := b.askForReset(t, "Link@Example.com", page)
		assert.Equal(t, http.StatusOK, got.status)
		assert.JSONEq(t, `{}`, string(got.body))
		mail, count := mails.to("link@example.com")
		require.Equal(t, 1, count)
		to, fragment := b.follow(t, mail.Link)
		assert.Equal(t, page, to)
		assert.Equal(t, "recovery", fragment.Get("type"))
		assert.Equal(t, "bearer", fragment.Get("token_type"))
		assert.Equal(t, "3600", fragment.Get("expires_in"))
		assert.NotEmpty(t, fragment.Get("refresh_token"))
		assert.NotEmpty(t, fragment.Get("expires_at"))
		token := fragment.Get("access_token")
		assert.Equal(t, "otp", b.claims(t, token)["amr"].([]any)[0].(map[string]any)["method"])

		b.ok(t, http.MethodPut, "/user", token, object{"password": "another-horse"})
		assert.Equal(t, http.StatusOK, b.signIn(t, "link@example.com", "another-horse").status)
		b.refused(t, http.StatusBadRequest, "invalid_credentials", b.signIn(t, "link@example.com", password))
		_, fragment = b.follow(t, mail.Link)
		assert.Equal(t, url.Values{
			"error": {"access_denied"}, "error_code": {"otp_expired"}, "error_description": {"Email link is invalid or has expired"},
		}, fragment)
	})
	t.Run("an address that nobody has gets the same answer, and no mail", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "known@example.com")
		known, unknown := b.askForReset(t, "known@example.com", page), b.askForReset(t, "nobody@example.com", page)
		assert.Equal(t, known.status, unknown.status)
		assert.Equal(t, known.body, unknown.body)
		_, count := mails.to("nobody@example.com")
		assert.Zero(t, count)
	})
	t.Run("a newer mail takes the place of the one before", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "twice@example.com")
		b.askForReset(t, "twice@example.com", page)
		first, _ := mails.to("twice@example.com")
		b.askForReset(t, "twice@example.com", page)
		second, _ := mails.to("twice@example.com")
		_, fragment := b.follow(t, first.Link)
		assert.Equal(t, "otp_expired", fragment.Get("error_code"))
		_, fragment = b.follow(t, second.Link)
		assert.NotEmpty(t, fragment.Get("access_token"))
	})
	t.Run("the hash and the code of the mail are good for a session too", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "code@example.com")
		for _, proof := range []func(auth.Mail) object{
			func(mail auth.Mail) object { return object{"type": "recovery", "token_hash": mail.Hash} },
			func(mail auth.Mail) object {
				return object{"type": "recovery", "email": "Code@example.com", "token": mail.Code}
			},
		} {
			b.askForReset(t, "code@example.com", page)
			mail, _ := mails.to("code@example.com")
			got := b.ok(t, http.MethodPost, "/verify", "", proof(mail))
			assert.Equal(t, "code@example.com", got.User.Email)
			assert.NotEmpty(t, got.AccessToken)
			b.refused(t, http.StatusForbidden, "otp_expired", b.do(t, http.MethodPost, "/verify", "", proof(mail)))
		}
		b.refused(t, http.StatusForbidden, "otp_expired", b.do(t, http.MethodPost, "/verify", "", object{"type": "recovery", "token_hash": "x"}))
	})
	t.Run("the mail of a page elsewhere leads to the site", func(t *testing.T) {
		t.Parallel()
		b.signUp(t, "lured@example.com")
		for _, lure := range []string{"https://evil.example/reset", "", "javascript:alert(1)", "http://127.0.0.1@evil.example/"} {
			b.askForReset(t, "lured@example.com", lure)
			mail, _ := mails.to("lured@example.com")
			to, _ := b.follow(t, strings.Replace(mail.Link, "redirect_to=", "redirect_to="+url.QueryEscape(lure)+"&was=", 1))
			assert.Equal(t, "http://127.0.0.1:3000", to, lure)
		}
	})
	t.Run("refuses what is no address, and flows that it has not", func(t *testing.T) {
		t.Parallel()
		for _, body := range []object{{}, {"email": "nonsense"}, {"email": "a@example.com", "code_challenge": "x"}} {
			b.refused(t, http.StatusBadRequest, "validation_failed", b.do(t, http.MethodPost, "/recover", "", body))
		}
		for _, body := range []object{{"type": "signup", "token_hash": "x"}, {"type": "recovery"}, {"type": "recovery", "token": "123456"}} {
			b.refused(t, http.StatusBadRequest, "validation_failed", b.do(t, http.MethodPost, "/verify", "", body))
		}
	})
}

// It has a clock of its own, which it moves.
func TestRecoveryEnds(t *testing.T) {
	t.Parallel()
	var mails letters
	b := setupWith(t, auth.Options{Mail: mails.keep})
	b.signUp(t, "late@example.com")
	b.askForReset(t, "late@example.com", page)
	mail, _ := mails.to("late@example.com")
	b.clock.advance(61 * time.Minute)
	_, fragment := b.follow(t, mail.Link)
	assert.Equal(t, "otp_expired", fragment.Get("error_code"))
	b.refused(t, http.StatusForbidden, "otp_expired",
		b.do(t, http.MethodPost, "/verify", "", object{"type": "recovery", "token_hash": mail.Hash}))
}
