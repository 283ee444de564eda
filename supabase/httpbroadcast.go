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
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/supportbase/handoff/realtime"
)

const (
	// broadcastTimeout bounds one request: the longest that Realtime takes is its pool's wait for a connection.
	broadcastTimeout = 10 * time.Second
	// answerBytes is how much of an answer is read for its reason.
	answerBytes = 4096
	// broadcastConnections is how many idle connections are kept: the bridge sends to so many topics at once.
	broadcastConnections = 32
	// idleConnTimeout closes connections after an outage of the sockets is over.
	idleConnTimeout = time.Minute
	// firstPause and longestPause bound how long nothing is sent after HTTP 429.
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// BroadcastError is an answer of Realtime's HTTP endpoint other than "accepted".
type BroadcastError struct {
	Topic  realtime.Topic
	Status int
	// Reason is Realtime's own text, or that there was none.
	Reason    string
	permanent bool
}

// Error gives topic, status and reason, and for a refused key what to look at.
func (e *BroadcastError) Error() string {
	text := fmt.Sprintf("realtime answered HTTP %d to the message for %s: %s", e.Status, e.Topic, e.Reason)
	if e.Status == http.StatusUnauthorized {
		text += "; check that the API key is a secret key or the service_role key of this project and has not been revoked"
	}
	return text
}

// Permanent says whether Realtime will never take this message: it is too large, or the policies refuse it.
func (e *BroadcastError) Permanent() bool { return e.permanent }

// HTTPBroadcast sends broadcasts one by one over HTTP, with an answer to each: POST
// /realtime/v1/api/broadcast/{topic}/events/{event}, which Realtime has since 2.97. It is some twenty times slower than a
// socket and meant for when there is none. Its methods are safe for concurrent use.
//
// Only 202 counts as accepted. 413, 422 about the payload, and 403 in Realtime's own words are the message's fault for
// good; everything else may pass: 401 (the key), 404 (an old Realtime), 429, 5xx, 422 about Realtime's database, answers
// of proxies, time-outs. After a 429 nothing at all is sent for a while.
type HTTPBroadcast struct {
	client *http.Client
	base   *url.URL
	key    string

	mu     sync.Mutex
	resume time.Time
	pause  time.Duration
	// limit is the last one that Realtime told, onLimit is told when it changes; nil for nobody.
	limit   int
	onLimit func(messagesPerSecond int)
}

// NewHTTPBroadcast sends to the project at address. The key is an sb_secret_ key or the service_role token; lesser ones
// are refused on private topics.
func NewHTTPBroadcast(address, key string) (*HTTPBroadcast, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("realtime URL: want http://HOST or https://HOST")
	}
	if key == "" {
		return nil, errors.New("realtime API key is empty")
	}
	return &HTTPBroadcast{
		client: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
				MaxIdleConnsPerHost: broadcastConnections, IdleConnTimeout: idleConnTimeout,
			},
			Timeout: broadcastTimeout,
			// A redirect would carry the key to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base: base, key: key,
	}, nil
}

// OnLimit has told called with the project's limit of messages a second, each time that Realtime tells another one with its
// answers. Call it before the first Publish.
func (h *HTTPBroadcast) OnLimit(told func(messagesPerSecond int)) { h.onLimit = told }

// Close closes idle connections. Calls under way are not touched.
func (h *HTTPBroadcast) Close() { h.client.CloseIdleConnections() }

// Publish sends the message and returns nil when Realtime has accepted it. After an error other than a *BroadcastError it
// may have been accepted all the same.
func (h *HTTPBroadcast) Publish(ctx context.Context, message realtime.Message) error {
	if !json.Valid(message.Payload) {
		return &BroadcastError{Topic: message.Topic, Status: http.StatusBadRequest, Reason: "payload is not valid JSON", permanent: true}
	}
	if err := h.waitForTurn(ctx); err != nil {
		return fmt.Errorf("broadcast %s on %s: %w", message.Name, message.Topic, err)
	}
	request, err := h.request(ctx, message)
	if err != nil {
		return fmt.Errorf("broadcast %s on %s: %w", message.Name, message.Topic, err)
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return fmt.Errorf("broadcast %s on %s: %w", message.Name, message.Topic, err)
	}
	defer func() { _ = answer.Body.Close() }()
	h.readLimit(answer.Header.Get("X-Rate-Limit"))
	return h.judge(message, answer)
}

// readLimit takes the project's limit from an answer.
func (h *HTTPBroadcast) readLimit(header string) {
	limit, err := strconv.Atoi(header)
	if err != nil || limit <= 0 || h.onLimit == nil {
		return
	}
	h.mu.Lock()
	changed := limit != h.limit
	h.limit = limit
	h.mu.Unlock()
	if changed {
		h.onLimit(limit)
	}
}

func (h *HTTPBroadcast) request(ctx context.Context, message realtime.Message) (*http.Request, error) {
	address := fmt.Sprintf("%s/realtime/v1/api/broadcast/%s/events/%s?private=%t", strings.TrimSuffix(h.base.String(), "/"),
		segment(string(message.Topic)), segment(message.Name), message.Private)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(message.Payload))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", applicationName)
	request.Header.Set("apikey", h.key)
	// An sb_ key is no token: as a bearer it would be refused.
	if !strings.HasPrefix(h.key, "sb_") {
		request.Header.Set("Authorization", "Bearer "+h.key)
	}
	return request, nil
}

// segment writes a text as one segment of a path: slashes and colons are escaped too.
func segment(text string) string { return strings.ReplaceAll(url.PathEscape(text), ":", "%3A") }

// judge turns an answer into a verdict.
func (h *HTTPBroadcast) judge(message realtime.Message, answer *http.Response) error {
	if answer.StatusCode == http.StatusAccepted {
		h.settlePause()
		return nil
	}
	if answer.StatusCode == http.StatusTooManyRequests {
		h.lengthenPause(answer.Header.Get("Retry-After"))
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerBytes)) // half a reason is better than none
	found := readRefusal(body)
	return &BroadcastError{
		Topic: message.Topic, Status: answer.StatusCode, Reason: found.reason(),
		permanent: found.permanent(answer.StatusCode),
	}
}

// refusal is the body of an answer, in the shapes that Realtime and the gateway before it use.
type refusal struct {
	Message string                     `json:"message"`
	Error   string                     `json:"error"`
	Errors  map[string]json.RawMessage `json:"errors"`
}

// readRefusal gives an empty refusal for what is not JSON of that kind, such as a proxy's page.
func readRefusal(body []byte) refusal {
	var found refusal
	if json.Unmarshal(body, &found) != nil {
		return refusal{}
	}
	return found
}

func (r refusal) reason() string {
	switch {
	case r.Message != "":
		return r.Message
	case r.Error != "":
		return r.Error
	case len(r.Errors) > 0:
		text, _ := json.Marshal(r.Errors) // it came from JSON
		return string(text)
	default:
		return "no reason given"
	}
}

// permanent is about the message alone. A 403 is about the key, or about a database that could not be asked.
func (r refusal) permanent(status int) bool {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusUnprocessableEntity:
		return r.Errors["payload"] != nil
	default:
		return false
	}
}

// waitForTurn returns when no pause is on.
func (h *HTTPBroadcast) waitForTurn(ctx context.Context) error {
	h.mu.Lock()
	delay := time.Until(h.resume)
	h.mu.Unlock()
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lengthenPause starts a pause as long as Realtime asks for, or twice as long as the last one. Answers to what was sent
// before a pause began do not lengthen it.
func (h *HTTPBroadcast) lengthenPause(retryAfter string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.resume) {
		return
	}
	h.pause = min(max(2*h.pause, firstPause), longestPause)
	length := h.pause
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds > 0 {
		length = min(time.Duration(seconds)*time.Second, longestPause)
	}
	h.resume = time.Now().Add(length)
}

func (h *HTTPBroadcast) settlePause() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pause = 0
}
