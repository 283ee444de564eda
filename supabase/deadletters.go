package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
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

// DeadLetter is one broadcast that was given up.
type DeadLetter struct {
	ID int64
	// Event is what it was made of, as far as it is still known: Seq is zero once the outbox has forgotten it, and Payload
	// is the event's own only when no message could be made, that is when Topic is empty.
	Event   realtime.Event
	Topic   realtime.Topic
	Name    string
	Payload json.RawMessage
	// Reason is why Realtime would not take it.
	Reason    string
	CreatedAt time.Time
}

// deadLetterColumns go with scanDeadLetter. The number of an event is only needed where no message carries it.
const deadLetterColumns = `
	select letter.id, letter.event_id, letter.project_id::text, coalesce(letter.conversation_id::text, ''), letter.topic,
	       letter.event, letter.payload, letter.reason, letter.created_at, coalesce(origin.seq, 0)
	from handoff.broadcast_dead_letters as letter
	left join lateral (
	  select outbox.seq from handoff.outbox where letter.topic = '' and outbox.id = letter.event_id limit 1
	) as origin on true `

// Page returns at most limit dead letters with an id above after, oldest first.
func (d *DeadLetters) Page(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	rows, err := d.pool.Query(ctx, deadLetterColumns+`where letter.id > $1 order by letter.id limit $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters after %d: %w", after, err)
	}
	letters, err := pgx.CollectRows(rows, scanDeadLetter)
	if err != nil {
		return nil, fmt.Errorf("read dead letters after %d: %w", after, err)
	}
	return letters, nil
}

// Find returns the dead letters with these ids, oldest first. Ids without one are left out.
func (d *DeadLetters) Find(ctx context.Context, ids []int64) ([]DeadLetter, error) {
	rows, err := d.pool.Query(ctx, deadLetterColumns+`where letter.id = any($1) order by letter.id`, ids)
	if err != nil {
		return nil, fmt.Errorf("read dead letters %v: %w", ids, err)
	}
	letters, err := pgx.CollectRows(rows, scanDeadLetter)
	if err != nil {
		return nil, fmt.Errorf("read dead letters %v: %w", ids, err)
	}
	return letters, nil
}

// Count is how many dead letters there are.
func (d *DeadLetters) Count(ctx context.Context) (int64, error) {
	var count int64
	if err := d.pool.QueryRow(ctx, `select count(*) from handoff.broadcast_dead_letters`).Scan(&count); err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	return count, nil
}

// Remove deletes the dead letters with these ids and returns how many there were.
func (d *DeadLetters) Remove(ctx context.Context, ids []int64) (int64, error) {
	done, err := d.pool.Exec(ctx, `delete from handoff.broadcast_dead_letters where id = any($1)`, ids)
	if err != nil {
		return 0, fmt.Errorf("remove dead letters %v: %w", ids, err)
	}
	return done.RowsAffected(), nil
}

func scanDeadLetter(row pgx.CollectableRow) (DeadLetter, error) {
	var letter DeadLetter
	err := row.Scan(&letter.ID, &letter.Event.ID, &letter.Event.ProjectID, &letter.Event.ConversationID, &letter.Topic,
		&letter.Name, &letter.Payload, &letter.Reason, &letter.CreatedAt, &letter.Event.Seq)
	if letter.Topic == "" {
		letter.Event.Kind, letter.Event.Payload = realtime.Kind(letter.Name), letter.Payload
	}
	return letter, err
}
