package supabase

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/worker/mail"
)

// Mailbox is the mail that the database wants sent.
type Mailbox struct {
	pool *pgxpool.Pool
}

// NewMailbox returns the mailbox of the database behind the pool.
func NewMailbox(pool *pgxpool.Pool) *Mailbox { return &Mailbox{pool: pool} }

const (
	mailClaim = `
		select id, project_id::text, coalesce(project_name, ''), kind, recipient, data, attempt, created_at
		  from handoff.claim_mail($1, $2)`
	mailSent   = `select handoff.mail_sent($1)`
	mailFailed = `select handoff.mail_failed($1, $2, $3, $4, $5)`
	mailUnsent = `select count(*) from handoff.mail_outbox where sent_at is null and given_up_at is null`
)

// Claim takes up to most mails that are due, for the length of the lease. What is too old it gives up on the way.
func (m *Mailbox) Claim(ctx context.Context, most int, lease time.Duration) ([]mail.Mail, error) {
	rows, err := m.pool.Query(ctx, mailClaim, most, lease)
	if err != nil {
		return nil, fmt.Errorf("claim %d mails: %w", most, err)
	}
	claimed, err := pgx.CollectRows(rows, pgx.RowToStructByPos[mail.Mail])
	if err != nil {
		return nil, fmt.Errorf("claim %d mails: %w", most, err)
	}
	return claimed, nil
}

// Sent notes that the mail was accepted. It is no error when that is known, or when the mail is gone.
func (m *Mailbox) Sent(ctx context.Context, id int64) error {
	if _, err := m.pool.Exec(ctx, mailSent, id); err != nil {
		return fmt.Errorf("note mail %d as sent: %w", id, err)
	}
	return nil
}

// Failed ends the claim with the failure. When the mail has been claimed again meanwhile, nothing happens.
func (m *Mailbox) Failed(ctx context.Context, claimed mail.Mail, failure mail.Failure) error {
	_, err := m.pool.Exec(ctx, mailFailed, claimed.ID, claimed.Attempt, storable(failure.Reason), failure.Pause, failure.Permanent)
	if err != nil {
		return fmt.Errorf("note attempt %d at mail %d as failed: %w", claimed.Attempt, claimed.ID, err)
	}
	return nil
}

// Unsent is how many mails wait to be sent.
func (m *Mailbox) Unsent(ctx context.Context) (int64, error) {
	var count int64
	if err := m.pool.QueryRow(ctx, mailUnsent).Scan(&count); err != nil {
		return 0, fmt.Errorf("count unsent mail: %w", err)
	}
	return count, nil
}

// storable drops what Postgres refuses in a text: the words of a mail server can hold any byte.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "")
}
