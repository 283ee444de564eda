package mail

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var builtIn embed.FS

// Kinds of mail of this version. Each has three templates: KIND.subject.txt, KIND.txt and KIND.html.
const (
	// KindInvitation asks somebody to join a team.
	KindInvitation = "invitation"
	// KindOfflineConfirmation tells a visitor that the question they left has arrived.
	KindOfflineConfirmation = "offline_confirmation"
)

// View is what a template can show. What a mail does not have is empty.
type View struct {
	// Project is the project's name.
	Project string
	// Name is the recipient's.
	Name      string
	InvitedBy string
	// Role is owner, admin or agent.
	Role string
	// AcceptURL is where an invitation is accepted: {public URL}/accept?token=...
	AcceptURL string
	// ExpiresAt is when the invitation ends, in words, in UTC.
	ExpiresAt      string
	ConversationID string
}

// example is what templates are tried with before they are used.
var example = View{
	Project: "Example", Name: "Nina", InvitedBy: "Olivia", Role: "agent", AcceptURL: "https://example.com/accept?token=x",
	ExpiresAt: "2 January 2026, 15:04 UTC", ConversationID: "00000000-0000-0000-0000-000000000000",
}

// Templates turn mails into letters. It is safe for concurrent use.
type Templates struct {
	publicURL string
	kinds     map[string]kindTemplates
}

type kindTemplates struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
}

// TemplateError is a template that cannot be used.
type TemplateError struct {
	cause error
}

// Error names the template and says what is wrong.
func (e *TemplateError) Error() string { return e.cause.Error() }

// Unwrap gives the cause to errors.Is.
func (e *TemplateError) Unwrap() error { return e.cause }

// LoadTemplates reads the templates of every kind: from folder what is there, the built-in ones otherwise; a nil folder has
// none. Links in letters begin with publicURL. A template that cannot be parsed, or that asks for what View does not
// have, is a *TemplateError here and not an error when the first mail is due.
func LoadTemplates(folder fs.FS, publicURL string) (*Templates, error) {
	loaded := &Templates{publicURL: strings.TrimSuffix(publicURL, "/"), kinds: make(map[string]kindTemplates)}
	for _, kind := range []string{KindInvitation, KindOfflineConfirmation} {
		templates, err := parseKind(folder, kind)
		if err == nil {
			_, _, _, err = templates.render(example)
		}
		if err != nil {
			return nil, &TemplateError{cause: fmt.Errorf("load mail templates: %w", err)}
		}
		loaded.kinds[kind] = templates
	}
	return loaded, nil
}

func parseKind(folder fs.FS, kind string) (templates kindTemplates, err error) {
	if templates.subject, err = parseText(folder, kind+".subject.txt"); err != nil {
		return templates, err
	}
	if templates.text, err = parseText(folder, kind+".txt"); err != nil {
		return templates, err
	}
	name := kind + ".html"
	source, err := readTemplate(folder, name)
	if err != nil {
		return templates, err
	}
	if templates.html, err = htmltemplate.New(name).Parse(source); err != nil {
		return templates, fmt.Errorf("parse mail template %s: %w", name, err)
	}
	return templates, nil
}

func parseText(folder fs.FS, name string) (*texttemplate.Template, error) {
	source, err := readTemplate(folder, name)
	if err != nil {
		return nil, err
	}
	parsed, err := texttemplate.New(name).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("parse mail template %s: %w", name, err)
	}
	return parsed, nil
}

func readTemplate(folder fs.FS, name string) (string, error) {
	if folder != nil {
		source, err := fs.ReadFile(folder, name)
		if err == nil {
			return string(source), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read mail template %s: %w", name, err)
		}
	}
	source, err := builtIn.ReadFile("templates/" + name)
	if err != nil {
		return "", fmt.Errorf("read built-in mail template %s: %w", name, err)
	}
	return string(source), nil
}

// Letter fills the templates of the mail's kind. What people typed is made one line without control characters, and
// escaped in HTML: it can neither add a header nor markup.
func (t *Templates) Letter(mail Mail) (Letter, error) {
	templates, known := t.kinds[mail.Kind]
	if !known {
		return Letter{}, fmt.Errorf("mail %d: no template for kind %q", mail.ID, mail.Kind)
	}
	view, err := t.view(mail)
	if err != nil {
		return Letter{}, fmt.Errorf("mail %d: %w", mail.ID, err)
	}
	letter := Letter{Key: key(mail), Recipient: mail.Recipient, Kind: mail.Kind, Data: mail.Data}
	if letter.Subject, letter.Text, letter.HTML, err = templates.render(view); err != nil {
		return Letter{}, fmt.Errorf("mail %d: %w", mail.ID, err)
	}
	return letter, nil
}

var errNoToken = errors.New("invitation without a token")

func (t *Templates) view(mail Mail) (View, error) {
	var data struct {
		Token          string     `json:"token"`
		Name           string     `json:"name"`
		Role           string     `json:"role"`
		InvitedBy      string     `json:"invited_by"`
		ExpiresAt      *time.Time `json:"expires_at"`
		ConversationID string     `json:"conversation_id"`
	}
	if err := json.Unmarshal(mail.Data, &data); err != nil {
		return View{}, fmt.Errorf("decode data: %w", err)
	}
	view := View{
		Project: oneLine(mail.ProjectName), Name: oneLine(data.Name), InvitedBy: oneLine(data.InvitedBy),
		Role: data.Role, ConversationID: data.ConversationID,
	}
	if data.ExpiresAt != nil {
		view.ExpiresAt = data.ExpiresAt.UTC().Format("2 January 2006, 15:04 MST")
	}
	if mail.Kind == KindInvitation {
		if data.Token == "" {
			return View{}, errNoToken
		}
		view.AcceptURL = t.publicURL + "/accept?token=" + url.QueryEscape(data.Token)
	}
	return view, nil
}

func (k kindTemplates) render(view View) (subject, text, html string, err error) {
	if subject, err = execute(k.subject, view); err != nil {
		return "", "", "", err
	}
	if text, err = execute(k.text, view); err != nil {
		return "", "", "", err
	}
	html, err = execute(k.html, view)
	return oneLine(subject), text, html, err
}

func execute(template interface{ Execute(io.Writer, any) error }, view View) (string, error) {
	var out bytes.Buffer
	if err := template.Execute(&out, view); err != nil {
		return "", fmt.Errorf("fill template: %w", err)
	}
	return out.String(), nil
}

// oneLine puts a space where line breaks and other control characters were.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(printable), " ")
}
