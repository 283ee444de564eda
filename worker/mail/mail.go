package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Mail is a claimed row of handoff.mail_outbox.
type Mail struct {
	ID        int64
	ProjectID string
	// ProjectName is empty where projects have no name.
	ProjectName string
	// Kind names the templates, for example "invitation".
	Kind      string
	Recipient string
	// Data is the JSON object that the database wrote for this kind.
	Data json.RawMessage
	// Attempt is 1 for the first. It also stands for the claim: see Mailbox.Failed.
	Attempt   int
	CreatedAt time.Time
}

// Letter is a mail in words, ready to be sent.
type Letter struct {
	// Key is the same for every attempt at the same mail, and for no other mail. It may stand left of the @ of a Message-ID.
	Key       string
	Recipient string
	// Subject is one line.
	Subject string
	Text    string
	HTML    string
	Kind    string
	Data    json.RawMessage
}

// Failure is the outcome of an attempt that did not send the mail.
type Failure struct {
	Reason string
	// Pause is how long to wait before the next attempt.
	Pause time.Duration
	// Permanent says that there is to be no other attempt.
	Permanent bool
}

// Mailbox is the mail to send. Its methods are safe for concurrent use, by several workers too.
type Mailbox interface {
	// Claim takes up to most mails that are due, so that for the length of the lease nobody else gets them.
	Claim(ctx context.Context, most int, lease time.Duration) ([]Mail, error)
	// Sent notes that the mail was accepted: nobody gets it again. It is no error when the mail is gone.
	Sent(ctx context.Context, id int64) error
	// Failed ends the claim. It does nothing when the claim has ended already.
	Failed(ctx context.Context, mail Mail, failure Failure) error
}

// Sender hands letters to whoever delivers them. Its methods are safe for concurrent use.
type Sender interface {
	// Send returns nil once the letter is accepted. An error with a method Permanent() bool that gives true says that this
	// letter will never be; after any other error it may have been accepted all the same.
	Send(ctx context.Context, letter Letter) error
}

func isPermanent(err error) bool {
	var refusal interface{ Permanent() bool }
	return errors.As(err, &refusal) && refusal.Permanent()
}

// key may stand in a Message-ID: digits, letters, hyphens and dots only.
func key(mail Mail) string {
	return fmt.Sprintf("mail-%d.%s", mail.ID, mail.ProjectID)
}
