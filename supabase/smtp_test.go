package supabase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/mail"
)

var letter = mail.Letter{
	Key: "mail-42.7b0c1f0e", Recipient: "nina@example.com", Subject: "Grüße von Acme", Text: "Hello Zoë\n.\nEnd", HTML: "<p>Hello Zoë</p>",
}

func permanent(err error) bool {
	var refusal *supabase.MailRefusedError
	return errors.As(err, &refusal) && refusal.Permanent()
}

func TestSMTPSends(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		options mailServerOptions
		scheme  string
		user    string
	}{
		"in the clear to this machine":          {mailServerOptions{}, "smtp", ""},
		"encrypted where that is offered":       {mailServerOptions{starttls: true}, "smtp", ""},
		"signed in after STARTTLS":              {mailServerOptions{starttls: true}, "smtp", "user:pa%2Fss@"},
		"encrypted from the start":              {mailServerOptions{implicit: true}, "smtps", ""},
		"signed in where TLS is from the start": {mailServerOptions{implicit: true}, "smtps", "user:pa%2Fss@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, test.options)
			sender := server.sender(t, test.scheme+"://"+test.user+server.address)
			require.NoError(t, sender.Send(t.Context(), letter))
			accepted := server.accepted()
			require.Len(t, accepted, 1)
			assert.Equal(t, test.options.starttls || test.options.implicit, accepted[0].encrypted)
			assert.Equal(t, test.user != "", server.said("AUTH PLAIN"))
			head := accepted[0].message.Header
			assert.Equal(t, "<mail-42.7b0c1f0e@acme.example>", head.Get("Message-Id"))
			assert.Equal(t, `"Acme Support" <support@acme.example>`, head.Get("From"))
			assert.Equal(t, "auto-generated", head.Get("Auto-Submitted"))
			assert.Equal(t, "Hello Zoë\n.\nEnd", accepted[0].text(t, "text/plain"))
		})
	}

	t.Run("two forms of the text, and letters of any alphabet", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{})
		require.NoError(t, server.sender(t, "smtp://"+server.address).Send(t.Context(), letter))
		accepted := server.accepted()
		require.Len(t, accepted, 1)
		assert.Equal(t, "<p>Hello Zoë</p>", accepted[0].text(t, "text/html"))
		assert.Contains(t, accepted[0].message.Header.Get("Subject"), "=?UTF-8?")
	})

	t.Run("and does not mind what happens once the letter was taken", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{answers: map[string]string{"RSET": "", "QUIT": ""}})
		require.NoError(t, server.sender(t, "smtp://"+server.address).Send(t.Context(), letter))
	})
}

func TestSMTPFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answers   map[string]string
		permanent bool
		text      string
	}{
		"for good when the recipient does not exist":    {map[string]string{"RCPT": "550 5.1.1 no such user"}, true, "no such user"},
		"for good when an old server says so":           {map[string]string{"RCPT": "550 unknown"}, true, "unknown"},
		"for now when the mailbox is busy":              {map[string]string{"RCPT": "450 4.2.1 later"}, false, "later"},
		"for now when relaying is denied":               {map[string]string{"RCPT": "550 5.7.1 relaying denied"}, false, "relaying denied"},
		"for now when the sender is refused":            {map[string]string{"MAIL": "550 5.7.1 who are you"}, false, "who are you"},
		"for now when the content is refused":           {map[string]string{"END OF DATA": "554 5.7.1 looks like spam"}, false, "spam"},
		"for now when the server is full":               {map[string]string{"DATA": "452 4.3.1 disk full"}, false, "disk full"},
		"for now when the line breaks before the end":   {map[string]string{"END OF DATA": ""}, false, "mail-42.7b0c1f0e"},
		"for now when the line breaks at the beginning": {map[string]string{"EHLO": "", "HELO": ""}, false, "mail-42.7b0c1f0e"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newMailServer(t, mailServerOptions{answers: test.answers})
			err := server.sender(t, "smtp://"+server.address).Send(t.Context(), letter)
			require.ErrorContains(t, err, test.text)
			assert.Equal(t, test.permanent, permanent(err))
		})
	}

	t.Run("for good when the recipient is no address", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{})
		bad := letter
		bad.Recipient = "nobody\r\nRCPT TO:<other@example.com>"
		assert.True(t, permanent(server.sender(t, "smtp://"+server.address).Send(t.Context(), bad)))
		assert.Empty(t, server.accepted())
	})

	t.Run("for now when nobody listens", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{})
		server.stop()
		err := server.sender(t, "smtp://"+server.address).Send(t.Context(), letter)
		require.Error(t, err)
		assert.False(t, permanent(err))
	})

	t.Run("rather than give the password to a line in the clear", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{})
		require.Error(t, server.sender(t, "smtp://user:secret@"+server.address).Send(t.Context(), letter))
		assert.False(t, server.said("AUTH"))
	})

	t.Run("rather than trust a certificate of somebody else", func(t *testing.T) {
		t.Parallel()
		server, other := newMailServer(t, mailServerOptions{starttls: true}), newMailServer(t, mailServerOptions{})
		require.Error(t, other.sender(t, "smtp://"+server.address).Send(t.Context(), letter))
		assert.Empty(t, server.accepted())
	})

	t.Run("when its time is up, however silent the server is", func(t *testing.T) {
		t.Parallel()
		server := newMailServer(t, mailServerOptions{silent: true})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := server.sender(t, "smtp://"+server.address).Send(ctx, letter)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(began), 5*time.Second)
	})
}

func TestNewSMTPRefuses(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]supabase.SMTPOptions{
		"another scheme": {URL: "http://user:secret@host", From: "a@example.com"},
		"no host":        {URL: "smtp://", From: "a@example.com"},
		"a bad URL":      {URL: "smtp://user:secret%@host", From: "a@example.com"},
		"a bad port":     {URL: "smtp://user:secret@host:99999", From: "a@example.com"},
		"no sender":      {URL: "smtp://user:secret@host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := supabase.NewSMTP(options)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
