package supabase

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"
)

// What a test cannot reach over the network: servers elsewhere.
func TestSMTPDemandsEncryptionElsewhere(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct {
		policy gomail.TLSPolicy
		port   int
	}{
		"smtp://mail.example.com":              {gomail.TLSMandatory, 587},
		"smtp://mail.example.com:25":           {gomail.TLSMandatory, 25},
		"smtp://mail.example.com?tls=optional": {gomail.TLSOpportunistic, 587},
		"smtp://localhost:1025":                {gomail.TLSOpportunistic, 1025},
		"smtp://[::1]:1025":                    {gomail.TLSOpportunistic, 1025},
		"smtps://mail.example.com":             {gomail.TLSOpportunistic, 465},
	} {
		sender, err := NewSMTP(SMTPOptions{URL: url, From: "a@example.com"})
		require.NoError(t, err)
		assert.Equal(t, want.policy, sender.policy, url)
		assert.Equal(t, want.port, sender.port, url)
	}
}
