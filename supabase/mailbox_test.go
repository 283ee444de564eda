package supabase_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/mail"
)

// mailDeadline bounds how long a test waits for mail.
const mailDeadline = 20 * time.Second

// letters puts so many confirmations into the mailbox.
func (w team) letters(t *testing.T, count int) {
	t.Helper()
	w.exec(t, `insert into handoff.mail_outbox (project_id, kind, recipient, data)
		select $1, 'offline_confirmation', n || '@example.com', '{"conversation_id": "c"}' from generate_series(1, $2::int) as n`, w.project, count)
}

func claim(t *testing.T, box *supabase.Mailbox, most int) []mail.Mail {
	t.Helper()
	claimed, err := box.Claim(t.Context(), most, time.Minute)
	require.NoError(t, err)
	return claimed
}

func TestMailbox(t *testing.T) {
	t.Parallel()

	t.Run("gives each mail to one claimer, with what the letter needs", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.exec(t, `update public.projects set name = 'Acme'`)
		w.letters(t, 3)
		box := supabase.NewMailbox(w.pool)
		first, second := claim(t, box, 2), claim(t, box, 2)
		require.Len(t, first, 2)
		require.Len(t, second, 1)
		assert.Empty(t, claim(t, box, 2))
		assert.Equal(t, "Acme", first[0].ProjectName)
		assert.Equal(t, "1@example.com", first[0].Recipient)
		assert.Equal(t, 1, first[0].Attempt)
		assert.JSONEq(t, `{"conversation_id": "c"}`, string(first[0].Data))
	})

	t.Run("does not wait for a mail that somebody is just claiming", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 2)
		tx, err := w.pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `select * from handoff.claim_mail(1, '1 minute')`)
		require.NoError(t, err)
		claimed := claim(t, supabase.NewMailbox(w.pool), 5)
		require.Len(t, claimed, 1)
		assert.Equal(t, "2@example.com", claimed[0].Recipient)
		require.NoError(t, tx.Rollback(t.Context()))
	})

	t.Run("never gives a sent mail again, and forgets the token", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 1)
		w.exec(t, `update handoff.mail_outbox set data = '{"token": "x"}'`)
		box := supabase.NewMailbox(w.pool)
		id := claim(t, box, 1)[0].ID
		require.NoError(t, box.Sent(t.Context(), id))
		require.NoError(t, box.Sent(t.Context(), id), "a second time changes nothing")
		w.exec(t, `update handoff.mail_outbox set next_attempt_at = now() - interval '1 day'`)
		assert.Empty(t, claim(t, box, 1))
		assert.Zero(t, w.number(t, `select count(*) from handoff.mail_outbox where data ? 'token'`))
		require.NoError(t, box.Sent(t.Context(), 4711), "a mail that is gone is no error")
	})

	t.Run("gives a mail again when the claim ended without an outcome", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 1)
		box := supabase.NewMailbox(w.pool)
		died := claim(t, box, 1)[0]
		w.exec(t, `update handoff.mail_outbox set next_attempt_at = now()`)
		again := claim(t, box, 1)
		require.Len(t, again, 1)
		assert.Equal(t, 2, again[0].Attempt)

		require.NoError(t, box.Failed(t.Context(), died, mail.Failure{Reason: "too late", Permanent: true}))
		assert.Zero(t, w.number(t, `select count(*) from handoff.mail_outbox where last_error is not null or given_up_at is not null`),
			"who lost the claim has no say")
		require.NoError(t, box.Sent(t.Context(), died.ID))
		assert.Equal(t, 1, w.number(t, `select count(*) from handoff.mail_outbox where sent_at is not null`), "but what is sent is sent")
	})

	t.Run("rests a mail after a failure and keeps the reason, whatever bytes it has", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 1)
		box := supabase.NewMailbox(w.pool)
		require.NoError(t, box.Failed(t.Context(), claim(t, box, 1)[0], mail.Failure{Reason: "451 \xff\x00later", Pause: time.Hour}))
		assert.Empty(t, claim(t, box, 1))
		assert.Equal(t, 1, w.number(t, `select count(*) from handoff.mail_outbox
			where last_error = '451 ?later' and next_attempt_at between now() + interval '59 minutes' and now() + interval '61 minutes'`))
		count, err := box.Unsent(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 1, count)
	})

	t.Run("gives up what was refused for good, what failed for a day, and what nobody sent for a week", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 4)
		w.exec(t, `update handoff.mail_outbox set data = '{"token": "x"}'`)
		w.exec(t, `update handoff.mail_outbox set created_at = now() - interval '8 days' where recipient = '2@example.com'`)
		w.exec(t, `update handoff.mail_outbox set created_at = now() - interval '6 days' where recipient = '4@example.com'`)
		box := supabase.NewMailbox(w.pool)
		claimed := claim(t, box, 5)
		require.Len(t, claimed, 3)
		require.NoError(t, box.Failed(t.Context(), claimed[0], mail.Failure{Reason: "no such user", Permanent: true}))
		require.NoError(t, box.Failed(t.Context(), claimed[1], mail.Failure{Reason: "try later"}))
		require.NoError(t, box.Sent(t.Context(), claimed[2].ID))
		w.exec(t, `update handoff.mail_outbox set first_tried_at = first_tried_at - interval '25 hours'`)
		assert.Empty(t, claim(t, box, 5))
		var given []string
		require.NoError(t, w.pool.QueryRow(t.Context(), `select array_agg(recipient || ': ' || last_error order by recipient)
			from handoff.mail_outbox where given_up_at is not null and not data ? 'token'`).Scan(&given))
		assert.Equal(t, []string{"1@example.com: no such user", "2@example.com: not sent in time", "3@example.com: try later"}, given)
	})
}

// mailService sends the team's mail every few milliseconds.
func (w team) mailService(t *testing.T, sender mail.Sender) *mail.Service {
	t.Helper()
	templates, err := mail.LoadTemplates(nil, "https://desk.example.com")
	require.NoError(t, err)
	return mail.New(mail.Options{
		Mailbox: supabase.NewMailbox(w.pool), Sender: sender, Templates: templates,
		Logger: slog.New(slog.DiscardHandler), Interval: 20 * time.Millisecond,
	})
}

func (w team) awaitMail(t *testing.T, sql string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var done bool
		return w.pool.QueryRow(t.Context(), sql).Scan(&done) == nil && done
	}, mailDeadline, 10*time.Millisecond, sql)
}

const everythingSent = `select bool_and(sent_at is not null) from handoff.mail_outbox`

func TestMailGoesOut(t *testing.T) {
	t.Parallel()

	t.Run("from an invitation in the database to the recipient's mail server", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.exec(t, `update public.projects set name = 'Acme'`)
		w.exec(t, `insert into handoff.mail_outbox (project_id, kind, recipient, data)
			values ($1, 'invitation', 'nina@example.com', '{"token": "t0k3n", "role": "agent", "invited_by": "Olivia"}')`, w.project)
		server := newMailServer(t, mailServerOptions{})
		service := w.mailService(t, server.sender(t, "smtp://"+server.address))
		service.Start(t.Context())
		w.awaitMail(t, everythingSent)
		service.Stop(t.Context())
		accepted := server.accepted()
		require.Len(t, accepted, 1)
		assert.Equal(t, "nina@example.com", accepted[0].to)
		assert.Contains(t, accepted[0].text(t, "text/plain"), "https://desk.example.com/accept?token=t0k3n")
	})

	t.Run("once each from two workers at once", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 60)
		server := newMailServer(t, mailServerOptions{})
		first := w.mailService(t, server.sender(t, "smtp://"+server.address))
		second := w.mailService(t, server.sender(t, "smtp://"+server.address))
		first.Start(t.Context())
		second.Start(t.Context())
		w.awaitMail(t, everythingSent)
		first.Stop(t.Context())
		second.Stop(t.Context())
		assert.Len(t, server.accepted(), 60)
		assert.Len(t, server.messageIDs(), 60)
	})

	t.Run("again under the same Message-ID when the worker died before it could note it", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 1)
		server := newMailServer(t, mailServerOptions{})
		sender := server.sender(t, "smtp://"+server.address)
		templates, err := mail.LoadTemplates(nil, "https://desk.example.com")
		require.NoError(t, err)
		letter, err := templates.Letter(claim(t, supabase.NewMailbox(w.pool), 1)[0])
		require.NoError(t, err)
		require.NoError(t, sender.Send(t.Context(), letter), "and here it died")

		w.exec(t, `update handoff.mail_outbox set next_attempt_at = now()`)
		service := w.mailService(t, sender)
		service.Start(t.Context())
		w.awaitMail(t, everythingSent)
		service.Stop(t.Context())
		assert.Len(t, server.accepted(), 2)
		assert.Len(t, server.messageIDs(), 1)
	})

	t.Run("given up when the server knows no such recipient, and the others are sent", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.letters(t, 3)
		server := newMailServer(t, mailServerOptions{answers: map[string]string{"RCPT TO:<2@example.com>": "550 5.1.1 no such user"}})
		service := w.mailService(t, server.sender(t, "smtp://"+server.address))
		service.Start(t.Context())
		w.awaitMail(t, `select bool_and(sent_at is not null or given_up_at is not null) from handoff.mail_outbox`)
		service.Stop(t.Context())
		assert.Len(t, server.accepted(), 2)
		assert.Equal(t, 1, w.number(t, `select count(*) from handoff.mail_outbox
			where recipient = '2@example.com' and given_up_at is not null and last_error like '%no such user%' and attempts = 1`))
	})
}
