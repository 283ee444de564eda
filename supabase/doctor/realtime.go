package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/supabase"
)

const (
	// socketTimeout is above the 5 s for which Realtime sleeps before it refuses a join.
	socketTimeout = 15 * time.Second
	// slowAnswer is what a broadcast should never take, wherever the project is.
	slowAnswer = 2 * time.Second
)

const realtimeRemedy = "Check SUPABASE_URL and SUPABASE_SECRET_KEY, that Realtime is enabled for the project, and Supabase's status page."

// probe is a message on a topic of its own: no policy lets anybody listen to it.
func probe() realtime.Message {
	return realtime.Message{
		Topic: realtime.Topic("doctor:" + rand.Text()), Name: "probe", Private: true, Payload: json.RawMessage(`{"v":1}`),
	}
}

// askSocket sends a message as the worker does and waits for Realtime to acknowledge it.
func askSocket(ctx context.Context, p *patient) ([]Finding, error) {
	if p.SecretKey == "" {
		return skipped("SUPABASE_SECRET_KEY is not set"), nil
	}
	askCtx, cancel := context.WithTimeout(ctx, socketTimeout)
	defer cancel()
	client := phoenix.New(phoenix.Options{URL: p.SupabaseURL, APIKey: p.SecretKey, Logger: silent()})
	if err := client.Start(askCtx); err != nil {
		return []Finding{broken(fmt.Sprintf("no socket to Realtime: %v", err), realtimeRemedy)}, nil
	}
	defer client.Stop()
	first := timed(func() error { return client.Publish(askCtx, probe()) })
	if first.err != nil {
		return []Finding{broken(fmt.Sprintf("Realtime takes no message over a socket: %v", first.err), realtimeRemedy)}, nil
	}
	return first.judged("a message was acknowledged over a socket, connecting and joining included,"), nil
}

// askHTTP sends one over the way that is used while sockets are out.
func askHTTP(ctx context.Context, p *patient) ([]Finding, error) {
	if p.SecretKey == "" {
		return skipped("SUPABASE_SECRET_KEY is not set"), nil
	}
	sender, err := supabase.NewHTTPBroadcast(p.SupabaseURL, p.SecretKey)
	if err != nil {
		return []Finding{broken(err.Error(), "Check SUPABASE_URL: https://<project>.supabase.co")}, nil
	}
	defer sender.Close()
	sent := timed(func() error { return sender.Publish(ctx, probe()) })
	if sent.err != nil {
		return []Finding{warn(fmt.Sprintf("Realtime takes no message over HTTP, which stands in when sockets fail: %v", sent.err),
			realtimeRemedy+" Realtime has this endpoint since 2.97.")}, nil
	}
	return sent.judged("a message was accepted over HTTP"), nil
}

// attempt is how long something took, and how it ended.
type attempt struct {
	took time.Duration
	err  error
}

func timed(do func() error) attempt {
	began := time.Now()
	err := do()
	return attempt{took: time.Since(began), err: err}
}

func (a attempt) judged(what string) []Finding {
	text := fmt.Sprintf("%s in %d ms", what, a.took.Milliseconds())
	if a.took > slowAnswer {
		return []Finding{warn(text, "Run the worker near the project's region.")}
	}
	return fine(text)
}
