package supabase

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/realtime"
)

// DeadLetters keeps broadcasts that Realtime will never take.
type DeadLetters struct {
	pool *pgxpool.Pool
}

// NewDeadLetters returns the dead letters of the database behind the pool.
func NewDeadLetters(pool *pgxpool.Pool) *DeadLetters { return &DeadLetters{pool: pool} }

// Keep writes the message with the reason; the same message again changes nothing. The message is empty when none could
// be made of the event: then the event's own payload is kept.
func (d *DeadLetters) Keep(ctx context.Context, event realtime.Event, message realtime.Message, reason string) error {
	name, payload := message.Name, message.Payload
	if message.Topic == "" {
		name, payload = string(event.Kind), event.Payload
	}
	if !json.Valid(payload) {
		payload = json.RawMessage(`{}`)
	}
	_, err := d.pool.Exec(ctx, `
		insert into handoff.broadcast_dead_letters (event_id, project_id, conversation_id, topic, event, payload, reason)
		values ($1, $2, nullif($3, '')::uuid, $4, $5, $6, $7)
		on conflict on constraint broadcast_dead_letters_once do nothing`,
		event.ID, event.ProjectID, event.ConversationID, string(message.Topic), name, payload, reason)
	if err != nil {
		return fmt.Errorf("keep dead letter of event %d: %w", event.ID, err)
	}
	return nil
}
