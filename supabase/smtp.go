package supabase

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/supportbase/handoff/worker/mail"
)

const (
	submissionPort = 587
	smtpsPort      = 465
	// smtpStepTimeout bounds each half of a conversation with a mail server: up to the sign-in, and the letter.
	smtpStepTimeout = 15 * time.Second
)

// SMTPOptions say where letters go. URL and From are required.
type SMTPOptions struct {
	// URL is smtp://user:password@host:port (STARTTLS, port 587 unless given) or smtps:// (TLS from the start, port 465).
	// Without a user nobody signs in. STARTTLS is demanded except on the loopback address; ?tls=optional takes the server
	// without it too, but never gives it a password in the clear.
	URL string
	// From is the sender: an address, or "Name <address>".
	From string
	// RootCAs are trusted besides nothing else. Nil: those of the system.
	RootCAs *x509.CertPool
}

// SMTP sends letters through a mail server, each over a connection of its own.
type SMTP struct {
	host     string
	port     int
	user     string
	password string
	implicit bool // TLS from the start
	policy   gomail.TLSPolicy
	from     netmail.Address
	tls      *tls.Config
}

// NewSMTP connects to nothing yet. Its errors never quote the URL.
func NewSMTP(options SMTPOptions) (*SMTP, error) {
	server, err := url.Parse(options.URL)
	if err != nil || server.Hostname() == "" || server.Scheme != "smtp" && server.Scheme != "smtps" {
		return nil, errors.New("mail server URL: want smtp://user:password@host:port, or smtps for TLS from the start")
	}
	from, err := netmail.ParseAddress(options.From)
	if err != nil {
		return nil, fmt.Errorf("mail sender %q: want an address, or Name <address>", options.From)
	}
	port, err := portOf(server)
	if err != nil {
		return nil, err
	}
	password, _ := server.User.Password()
	return &SMTP{
		host: server.Hostname(), port: port, user: server.User.Username(), password: password,
		implicit: server.Scheme == "smtps", policy: tlsPolicy(server), from: *from,
		tls: &tls.Config{ServerName: server.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: options.RootCAs},
	}, nil
}

func portOf(server *url.URL) (int, error) {
	switch {
	case server.Port() != "":
		port, err := strconv.ParseUint(server.Port(), 10, 16)
		if err != nil {
			return 0, fmt.Errorf("mail server port %q: want a number", server.Port())
		}
		return int(port), nil
	case server.Scheme == "smtps":
		return smtpsPort, nil
	default:
		return submissionPort, nil
	}
}

// tlsPolicy is about STARTTLS. Where TLS is on from the start no server offers it, so optional is right there too.
func tlsPolicy(server *url.URL) gomail.TLSPolicy {
	address := net.ParseIP(server.Hostname())
	loopback := server.Hostname() == "localhost" || address != nil && address.IsLoopback()
	if server.Scheme == "smtps" || loopback || server.Query().Get("tls") == "optional" {
		return gomail.TLSOpportunistic
	}
	return gomail.TLSMandatory
}

// MailRefusedError is a letter that the far side will never take.
type MailRefusedError struct {
	// Reason is the far side's own words.
	Reason string
}

// Error gives the reason.
func (e *MailRefusedError) Error() string { return "refused for good: " + e.Reason }

// Permanent is true.
func (*MailRefusedError) Permanent() bool { return true }

// Send returns nil once the server has taken the letter. A *MailRefusedError says that the recipient's address is bad; anything
// else may pass. The Message-ID is the letter's key at the sender's domain, so that a second copy can be told from a
// second letter.
func (s *SMTP) Send(ctx context.Context, letter mail.Letter) error {
	message, err := s.compose(letter)
	if err != nil {
		return fmt.Errorf("write mail %s: %w", letter.Key, err)
	}
	if err := s.converse(ctx, message); err != nil && !message.IsDelivered() {
		return s.judge(ctx, letter, err)
	}
	return nil // what fails after the server took the letter does not matter
}

func (s *SMTP) compose(letter mail.Letter) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(&s.from)
	if err := message.To(letter.Recipient); err != nil {
		return nil, &MailRefusedError{Reason: "the recipient is not an address"}
	}
	message.Subject(letter.Subject)
	message.SetDate()
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(letter.Key + "@" + domain)
	// RFC 3834: keeps out-of-office answers away.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, letter.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, letter.HTML)
	return message, nil
}

// converse signs in and sends. The connection ends with it, whatever happens, and with ctx.
func (s *SMTP) converse(ctx context.Context, message *gomail.Msg) error {
	line := &smtpLine{server: s}
	client, err := gomail.NewClient(s.host, s.clientOptions(line)...)
	if err != nil {
		return fmt.Errorf("prepare mail client: %w", err)
	}
	defer line.close()
	defer context.AfterFunc(ctx, line.close)()
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to mail server %s: %w", s.host, err)
	}
	if err := client.SendWithSMTPClient(session, message); err != nil {
		return err
	}
	return client.CloseWithSMTPClient(session)
}

func (s *SMTP) clientOptions(line *smtpLine) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(smtpStepTimeout), gomail.WithTLSPolicy(s.policy),
		gomail.WithTLSConfig(s.tls.Clone()), gomail.WithDialContextFunc(line.dial), gomail.WithoutNoop(),
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return options
}

// judge tells a bad address from everything that may pass. 5.7 is about who sends ("relaying denied"): the operator can
// mend that, so the mail is kept.
func (s *SMTP) judge(ctx context.Context, letter mail.Letter, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("send mail %s through %s: %w", letter.Key, s.host, context.Cause(ctx))
	}
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.Reason == gomail.ErrSMTPRcptTo && refusal.ErrorCode() >= 500 &&
		!strings.HasPrefix(refusal.EnhancedStatusCode(), "5.7.") {
		return &MailRefusedError{Reason: refusal.Error()}
	}
	return fmt.Errorf("send mail %s through %s: %w", letter.Key, s.host, err)
}
