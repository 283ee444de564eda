package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	writerCount = 8
	// actTimeout bounds one act. A database that is away fails it; the next act tries again.
	actTimeout = 10 * time.Second
	// visitorPause keeps visitors under their limit of ten messages a minute.
	visitorPause = 7 * time.Second
	// heldOpen is the longest time that some transactions stay open after they wrote, so that commits overtake each other.
	heldOpen = 150 * time.Millisecond
)

// errUndone makes an act roll back what it wrote.
var errUndone = errors.New("rolled back on purpose")

// chat is one conversation and who may act on it.
type chat struct {
	id      string
	visitor rig.Person

	mu        sync.Mutex
	lastSpoke time.Time
}

// mayVisitorSpeak says whether the visitor is under the rate limit, and counts what they will say now.
func (c *chat) mayVisitorSpeak() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.lastSpoke) < visitorPause {
		return false
	}
	c.lastSpoke = time.Now()
	return true
}

// cast writes to conversations at a steady rate, as visitors, agents and the AI do, over SQL and over REST.
type cast struct {
	api    *pgxpool.Pool // role authenticator
	owner  *pgxpool.Pool // owner of the tables: looks, and makes what is huge
	url    string
	agents []rig.Person
	chats  []*chat

	acts    atomic.Int64 // done
	refused refusals     // refused or failed; what committed is in the outbox either way
}

// refusals counts acts that were not done, by their reasons.
type refusals struct {
	mu      sync.Mutex
	reasons map[string]int
}

func (r *refusals) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reasons == nil {
		r.reasons = map[string]int{}
	}
	r.reasons[digits.ReplaceAllString(err.Error(), "N")]++
}

// digits, and what else makes the same reason look different each time.
var digits = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+`)

// total is how many there were, and most the most frequent reason.
func (r *refusals) total() (total int, most string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, count := range r.reasons {
		total += count
		if most == "" || count > r.reasons[most] {
			most = reason
		}
	}
	return total, most
}

// openChats makes the visitors and starts a conversation for each.
func (c *cast) openChats(ctx context.Context, projectID string, count int) error {
	visitors, err := rig.Visitors(ctx, c.owner, count)
	if err != nil {
		return err
	}
	for _, visitor := range visitors {
		one := &chat{visitor: visitor}
		err := visitor.Act(ctx, c.api, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `select public.start_conversation($1, $2) ->> 'id'`, projectID, "chaos-"+visitor.ID).Scan(&one.id)
		})
		if err != nil {
			return fmt.Errorf("start a conversation: %w", err)
		}
		c.chats = append(c.chats, one)
	}
	return nil
}

// play acts at the rate until ctx ends, and returns when the last act is over.
func (c *cast) play(ctx context.Context, perSecond int) {
	due := make(chan struct{}, writerCount)
	var writers sync.WaitGroup
	for range writerCount {
		writers.Go(func() {
			for range due {
				c.actOnce(ctx)
			}
		})
	}
	defer writers.Wait()
	defer close(due)
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case due <- struct{}{}: // while the database is away, acts are left out and not made up for
		default:
		}
	}
}

func (c *cast) actOnce(ctx context.Context) {
	// An act that has begun is finished: what it commits must be counted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTimeout)
	defer cancel()
	if err := c.act(ctx, c.chats[rand.IntN(len(c.chats))]); err != nil { //nolint:gosec // chance needs no secrecy
		c.refused.add(err)
		return
	}
	c.acts.Add(1)
}

// act does something that is likely allowed as the conversation stands; it may have moved meanwhile.
func (c *cast) act(ctx context.Context, one *chat) error {
	var status, agentID string
	err := c.owner.QueryRow(ctx, `select status, coalesce(assigned_agent_id::text, '') from public.conversations where id = $1`, one.id).
		Scan(&status, &agentID)
	if err != nil {
		return fmt.Errorf("look at conversation %s: %w", one.id, err)
	}
	dice := rand.IntN(100) //nolint:gosec // chance needs no secrecy
	if dice < 25 && one.mayVisitorSpeak() {
		return c.visitorSpeaks(ctx, one) // reopens what was resolved
	}
	switch status {
	case "ai_active":
		return c.actWithAI(ctx, one, dice)
	case "agent_active":
		return c.actWithAgent(ctx, one, agentID, dice)
	case "waiting":
		if dice < 60 {
			agent := c.agents[rand.IntN(len(c.agents))] //nolint:gosec // chance needs no secrecy
			return agent.Call(ctx, c.api, "claim_conversation($1)", one.id)
		}
	}
	return c.systemSpeaks(ctx, one, dice)
}

func (c *cast) actWithAI(ctx context.Context, one *chat, dice int) error {
	switch {
	case dice < 55:
		return one.visitor.Call(ctx, c.api, "request_handoff($1, 'button_click')", one.id)
	case dice < 75:
		return c.robotPosts(ctx, one)
	default:
		return c.robotSpeaks(ctx, one, dice)
	}
}

func (c *cast) actWithAgent(ctx context.Context, one *chat, agentID string, dice int) error {
	agent := rig.Person{ID: agentID, Role: "authenticated"}
	switch {
	case dice < 35:
		return agent.Call(ctx, c.api, "resolve_conversation($1)", one.id)
	case dice < 45:
		return agent.Call(ctx, c.api, "transfer_conversation($1)", one.id)
	case dice < 55:
		other := c.agents[rand.IntN(len(c.agents))] //nolint:gosec // chance needs no secrecy
		return agent.Call(ctx, c.api, "transfer_conversation($1, $2)", one.id, other.ID)
	default:
		return agent.Act(ctx, c.api, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `insert into public.messages (conversation_id, sender_type, sender_id, content)
				values ($1, 'agent', $2, $3)`, one.id, agent.ID, words())
			return errors.Join(err, linger(ctx, dice))
		})
	}
}

func (c *cast) visitorSpeaks(ctx context.Context, one *chat) error {
	return one.visitor.Call(ctx, c.api, "send_message($1, $2, $3)", one.id, words(), uuid.NewString())
}

// robotSpeaks is the AI, over SQL.
func (c *cast) robotSpeaks(ctx context.Context, one *chat, dice int) error {
	return rig.Robot.Act(ctx, c.api, func(tx pgx.Tx) error { return speak(ctx, tx, `select public.post_ai_message($1, $2)`, one, dice) })
}

// systemSpeaks is what may write whatever the conversation's state.
func (c *cast) systemSpeaks(ctx context.Context, one *chat, dice int) error {
	err := pgx.BeginFunc(ctx, c.owner, func(tx pgx.Tx) error {
		err := speak(ctx, tx, insertSystem, one, dice)
		if err == nil && dice%10 == 0 {
			err = errUndone
		}
		return err
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// insertSystem writes a message of nobody.
const insertSystem = `insert into public.messages (conversation_id, sender_type, content) values ($1, 'system', $2)`

// speak writes one to three messages; the transaction stays open for a while now and then.
func speak(ctx context.Context, tx pgx.Tx, statement string, one *chat, dice int) error {
	for range 1 + dice%3 {
		if _, err := tx.Exec(ctx, statement, one.id, words()); err != nil {
			return err
		}
	}
	return linger(ctx, dice)
}

// linger keeps one transaction in four open, so that younger ones overtake it.
func linger(ctx context.Context, dice int) error {
	if dice%4 != 0 {
		return nil
	}
	return rig.Pause(ctx, rand.N(heldOpen)) //nolint:gosec // chance needs no secrecy
}

// robotPosts writes a message over REST, as an AI's backend would.
func (c *cast) robotPosts(ctx context.Context, one *chat) error {
	body, err := json.Marshal(map[string]string{"p_conversation_id": one.id, "p_content": words()})
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/rest/v1/rpc/post_ai_message", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Apikey", keys.Secret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("post a message: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("post a message: HTTP %d", answer.StatusCode)
	}
	return nil
}

func words() string {
	return "A message of the chaos run, " + uuid.NewString()
}
