package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/supabase"
)

// way is how something that was committed gets to a subscriber.
type way struct {
	name, text string
	// write runs in the writer's transaction, after runs when it has committed.
	write func(ctx context.Context, tx pgx.Tx, room, content string) error
	after func(ctx context.Context, room, content string) error
}

// Places of the ways: messages take them in turn.
const (
	worker = iota
	send
	overHTTP
	wayCount
)

const (
	writeMessage = `insert into public.messages (conversation_id, sender_type, content) values ($1, 'ai', $2)`
	// A writer without the engine changes a row of its own too; nothing reacts to this one.
	writeElsewhere = `update public.conversations set metadata = jsonb_build_object('bench', $2::text) where id = $1`
	sendMessage    = `select realtime.send($2::jsonb, 'bench', $1, true)`
)

func nothing(context.Context, string, string) error { return nil }

func (r *run) ways(refused *refusals) [wayCount]way {
	return [wayCount]way{
		worker: {"commit_to_subscriber", "event: commit to a subscriber's socket", func(ctx context.Context, tx pgx.Tx, room, content string) error {
			_, err := tx.Exec(ctx, writeMessage, room, content)
			return err
		}, nothing},
		send: {"realtime_send", "anchor: realtime.send() in the transaction", func(ctx context.Context, tx pgx.Tx, room, content string) error {
			_, err := tx.Exec(ctx, writeElsewhere, room, content)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, sendMessage, string(realtime.ConversationTopic(room)), string(payload(content)))
			return err
		}, nothing},
		overHTTP: {"http_broadcast", "anchor: HTTP broadcast after the commit", func(ctx context.Context, tx pgx.Tx, room, content string) error {
			_, err := tx.Exec(ctx, writeElsewhere, room, content)
			return err
		}, func(ctx context.Context, room, content string) error {
			return refused.note(r.http.Publish(ctx, realtime.Message{
				Topic: realtime.ConversationTopic(room), Name: "bench", Private: true, Payload: payload(content),
			}))
		}},
	}
}

// content is a message of 200 letters that carries its number.
func content(n int) string {
	text := gauge.Mark(n)
	return text + strings.Repeat("x", 200-len(text))
}

func payload(content string) json.RawMessage {
	return json.RawMessage(`{"v":1,"content":"` + content + `"}`)
}

// refusals are answers of Realtime to messages over HTTP: a limit of the plan that is met is a result, no failure.
type refusals struct {
	mu    sync.Mutex
	count int
	first string
}

// note keeps an answer of Realtime and gives back every other error.
func (r *refusals) note(err error) error {
	refusal, ok := errors.AsType[*supabase.BroadcastError](err)
	if !ok {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count++; r.count == 1 {
		r.first = refusal.Error()
	}
	return nil
}

// line says it in the report; empty for none.
func (r *refusals) line() string {
	if r.count == 0 {
		return ""
	}
	return fmt.Sprintf("Realtime refused %d messages over HTTP, the first one so: %s", r.count, r.first)
}
