package supabase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/supportbase/handoff/worker/mail"
)

// edgeTimeout bounds one call of an Edge Function.
const edgeTimeout = 30 * time.Second

// EdgeMail sends letters through a Supabase Edge Function: POST {project}/functions/v1/{name} with a JSON object
// {key, to, subject, text, html, kind, data} and the project's secret key. Any 2xx says that the function has taken the
// letter; 400, 413 and 422 that it never will. Everything else may pass: 401, 403, 404 (not deployed), 429, 5xx, redirects.
type EdgeMail struct {
	client  *http.Client
	address string
	key     string
}

// NewEdgeMail calls the function of that name in the project at address, with its secret key.
func NewEdgeMail(address, secretKey, function string) (*EdgeMail, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("project URL: want http://HOST or https://HOST")
	}
	if secretKey == "" || function == "" {
		return nil, errors.New("secret key or name of the mail function is empty")
	}
	return &EdgeMail{
		client: &http.Client{
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
			Timeout:   edgeTimeout,
			// A redirect would carry the key to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		address: strings.TrimSuffix(base.String(), "/") + "/functions/v1/" + url.PathEscape(function),
		key:     secretKey,
	}, nil
}

// Close closes idle connections. Calls under way are not touched.
func (e *EdgeMail) Close() { e.client.CloseIdleConnections() }

// edgeLetter is the body of a call.
type edgeLetter struct {
	// Key is the same for each attempt at one mail: a function that hands it on as idempotency key sends no second copy.
	Key     string          `json:"key"`
	To      string          `json:"to"`
	Subject string          `json:"subject"`
	Text    string          `json:"text"`
	HTML    string          `json:"html"`
	Kind    string          `json:"kind"`
	Data    json.RawMessage `json:"data"`
}

// Send returns nil once the function has answered 2xx. A *MailRefusedError says that it will never take this letter.
func (e *EdgeMail) Send(ctx context.Context, letter mail.Letter) error {
	body, err := json.Marshal(edgeLetter{
		Key: letter.Key, To: letter.Recipient, Subject: letter.Subject, Text: letter.Text, HTML: letter.HTML,
		Kind: letter.Kind, Data: letter.Data,
	})
	if err != nil {
		return fmt.Errorf("encode mail %s: %w", letter.Key, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send mail %s: %w", letter.Key, err)
	}
	e.sign(request)
	answer, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("send mail %s: %w", letter.Key, err)
	}
	defer func() { _ = answer.Body.Close() }()
	return judgeEdge(letter, answer)
}

func (e *EdgeMail) sign(request *http.Request) {
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", applicationName)
	request.Header.Set("apikey", e.key)
	// An sb_ key is no token: as a bearer it would be refused.
	if !strings.HasPrefix(e.key, "sb_") {
		request.Header.Set("Authorization", "Bearer "+e.key)
	}
}

func judgeEdge(letter mail.Letter, answer *http.Response) error {
	if answer.StatusCode/100 == 2 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerBytes)) // half a reason is better than none
	reason := fmt.Sprintf("HTTP %d: %s", answer.StatusCode, strings.TrimSpace(string(body)))
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &MailRefusedError{Reason: reason}
	default:
		return fmt.Errorf("send mail %s: the mail function answered %s", letter.Key, reason)
	}
}
