package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/mail"
)

// mailer sends the mail that the database wants sent, or says that nobody does.
type mailer struct {
	service *mail.Service // nil while mail is off
	sender  mail.Sender
	mailbox *supabase.Mailbox
	logger  *slog.Logger
}

// newMailer sends nothing yet. It fails on templates that cannot be used, and on an address or key that cannot work.
func newMailer(settings config.Config, pool *pgxpool.Pool, logger *slog.Logger) (*mailer, error) {
	made := &mailer{mailbox: supabase.NewMailbox(pool), logger: logger}
	if !settings.Mail.On() {
		return made, nil
	}
	templates, err := mail.LoadTemplates(templateFolder(settings.Mail), settings.Mail.PublicURL)
	if err != nil {
		return nil, err
	}
	if made.sender, err = newMailSender(settings); err != nil {
		return nil, fmt.Errorf("prepare mail: %w", err)
	}
	made.service = mail.New(mail.Options{Mailbox: made.mailbox, Sender: made.sender, Templates: templates, Logger: logger})
	return made, nil
}

func templateFolder(settings config.Mail) fs.FS {
	if settings.Templates == "" {
		return nil
	}
	return os.DirFS(settings.Templates)
}

func newMailSender(settings config.Config) (mail.Sender, error) {
	if settings.Mail.Function != "" {
		return supabase.NewEdgeMail(settings.Supabase.URL, settings.Supabase.SecretKey.Reveal(), settings.Mail.Function)
	}
	return supabase.NewSMTP(supabase.SMTPOptions{URL: settings.Mail.SMTPURL.Reveal(), From: settings.Mail.From})
}

// start begins to send and returns at once. While mail is off it says so, once, with how many wait.
func (m *mailer) start(ctx context.Context) {
	if m.service != nil {
		m.service.Start(ctx)
		return
	}
	waiting, err := m.mailbox.Unsent(ctx)
	if err != nil {
		// Nothing depends on the number: the worker starts all the same.
		m.logger.WarnContext(ctx, "mail is off, and what waits is not known", "err", err)
		return
	}
	m.logger.InfoContext(ctx, "mail is off: invitations and confirmations stay in the database", "waiting", waiting,
		"remedy", "set HANDOFF_PUBLIC_URL and MAIL_SMTP_URL with MAIL_FROM, or MAIL_FUNCTION; see docs/mail.md")
}

// stop takes no more mail and waits for what is on its way, until ctx ends.
func (m *mailer) stop(ctx context.Context) {
	if m.service == nil {
		return
	}
	m.service.Stop(ctx)
	if open, ok := m.sender.(interface{ Close() }); ok {
		open.Close()
	}
}
