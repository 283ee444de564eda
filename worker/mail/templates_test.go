package mail_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/worker/mail"
)

const project = "7b0c1f0e-6a53-4a39-9d2c-0f6f4f1f2a01"

// builtIn are the templates that come with the program.
func builtIn(t *testing.T) *mail.Templates {
	t.Helper()
	templates, err := mail.LoadTemplates(nil, "https://desk.example.com/")
	require.NoError(t, err)
	return templates
}

func invitation(data string) mail.Mail {
	return mail.Mail{
		ID: 42, ProjectID: project, ProjectName: "Acme", Kind: mail.KindInvitation, Recipient: "nina@example.com",
		Data: json.RawMessage(data), Attempt: 1,
	}
}

const invitationData = `{"token":"a+b/c","name":"Nina","role":"admin","invited_by":"Olivia","expires_at":"2026-03-08T09:30:00+01:00"}`

func TestLetters(t *testing.T) {
	t.Parallel()

	t.Run("an invitation links to the dashboard and says who, what and until when", func(t *testing.T) {
		t.Parallel()
		letter, err := builtIn(t).Letter(invitation(invitationData))
		require.NoError(t, err)
		assert.Equal(t, "Join Acme", letter.Subject)
		assert.Equal(t, "nina@example.com", letter.Recipient)
		assert.Equal(t, "mail-42."+project, letter.Key)
		assert.Contains(t, letter.Text, "https://desk.example.com/accept?token=a%2Bb%2Fc\n")
		assert.Contains(t, letter.Text, "Olivia invites you to answer customers of Acme (role: admin).")
		assert.Contains(t, letter.Text, "8 March 2026, 08:30 UTC")
		assert.Contains(t, letter.HTML, `href="https://desk.example.com/accept?token=a%2Bb%2Fc"`)
		assert.JSONEq(t, invitationData, string(letter.Data), "for an Edge Function with words of its own")
	})

	t.Run("what is not known is left out", func(t *testing.T) {
		t.Parallel()
		mail := invitation(`{"token":"x","name":null,"role":"agent","invited_by":null,"expires_at":null}`)
		mail.ProjectName = ""
		letter, err := builtIn(t).Letter(mail)
		require.NoError(t, err)
		assert.Equal(t, "Join the support team", letter.Subject)
		assert.Contains(t, letter.Text, "Hello,\n")
		assert.Contains(t, letter.Text, "You are invited to answer customers (role: agent).")
		assert.NotContains(t, letter.Text+letter.HTML, "open until")
	})

	t.Run("a confirmation names the project and nothing of the visitor's", func(t *testing.T) {
		t.Parallel()
		letter, err := builtIn(t).Letter(mail.Mail{
			ID: 7, ProjectName: "Acme", Kind: mail.KindOfflineConfirmation, Recipient: "ann@example.com",
			Data: json.RawMessage(`{"conversation_id":"c"}`),
		})
		require.NoError(t, err)
		assert.Equal(t, "We have your question (Acme)", letter.Subject)
		assert.Contains(t, letter.Text, "Acme has your question.")
		assert.Contains(t, letter.HTML, "<strong>Acme</strong> has your question.")
	})

	t.Run("what people typed adds neither markup nor a line to the head", func(t *testing.T) {
		t.Parallel()
		mail := invitation(`{"token":"x","name":"<script>alert(1)</script>","invited_by":"Eve\r\n\r\nClick http://evil.example"}`)
		mail.ProjectName = "Acme\r\nBcc: everybody@example.com\u2028"
		letter, err := builtIn(t).Letter(mail)
		require.NoError(t, err)
		assert.Equal(t, "Join Acme Bcc: everybody@example.com", letter.Subject)
		assert.NotContains(t, letter.HTML, "<script>")
		assert.Contains(t, letter.HTML, "&lt;script&gt;")
		assert.Contains(t, letter.Text, "Eve Click http://evil.example invites you")
	})
}

func TestLettersRefuse(t *testing.T) {
	t.Parallel()
	unknown := invitation(invitationData)
	unknown.Kind = "newsletter"
	tests := map[string]struct {
		mail mail.Mail
		text string
	}{
		"a kind without a template":     {unknown, `mail 42: no template for kind "newsletter"`},
		"an invitation without a token": {invitation(`{"name":"Nina"}`), "mail 42: invitation without a token"},
		"data that is not an object":    {invitation(`[]`), "mail 42: decode data"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := builtIn(t).Letter(test.mail)
			require.ErrorContains(t, err, test.text)
		})
	}
}

func TestTemplatesOfYourOwn(t *testing.T) {
	t.Parallel()

	t.Run("replace the built-in ones one by one", func(t *testing.T) {
		t.Parallel()
		folder := fstest.MapFS{"invitation.subject.txt": {Data: []byte("Bienvenue chez {{.Project}}\n")}}
		templates, err := mail.LoadTemplates(folder, "https://desk.example.com")
		require.NoError(t, err)
		letter, err := templates.Letter(invitation(invitationData))
		require.NoError(t, err)
		assert.Equal(t, "Bienvenue chez Acme", letter.Subject)
		assert.Contains(t, letter.Text, "Olivia invites you")
	})

	t.Run("are tried when they are loaded", func(t *testing.T) {
		t.Parallel()
		for name, source := range map[string]string{
			"invitation.txt":                   "{{.Projekt}}",
			"invitation.html":                  "<p>{{.Project}",
			"offline_confirmation.subject.txt": "{{if}}",
		} {
			_, err := mail.LoadTemplates(fstest.MapFS{name: {Data: []byte(source)}}, "https://desk.example.com")
			var unusable *mail.TemplateError
			require.ErrorAs(t, err, &unusable)
			require.ErrorContains(t, err, name)
		}
	})
}
