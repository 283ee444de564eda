package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/cmd/handoff/assistant"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local"
)

const (
	// deskBatch bounds how many questions are taken at once.
	deskBatch = 50
	// assistantModel is what the demo's answers say wrote them.
	assistantModel = "demo-rules"
)

// desk is the demo project's, for the demo assistant. It writes as the service role, as an AI backend with the secret key does.
type desk struct{ pool *pgxpool.Pool }

// startAssistant answers the visitors of the demo project until stop is called.
func startAssistant(ctx context.Context, stack *local.Stack, logger *slog.Logger) (stop func(), err error) {
	pool, err := supabase.OpenPool(ctx, stack.DatabaseURL("postgres"), 1)
	if err != nil {
		return nil, err
	}
	service := assistant.New(desk{pool: pool}, logger)
	service.Start(ctx)
	return func() {
		service.Stop()
		pool.Close()
	}, nil
}

// Unanswered lists what visitors wrote last. Chats of web/demo are left to the AI that it plays itself, and old ones to rest.
func (d desk) Unanswered(ctx context.Context, age time.Duration) ([]assistant.Question, error) {
	rows, err := d.pool.Query(ctx, `
		select conversation.id::text, said.id::text, said.content
		  from public.conversations as conversation
		 cross join lateral (
		   select message.id, message.sender_type, message.content, message.created_at
		     from public.messages as message
		    where message.conversation_id = conversation.id and message.sender_type <> 'system'
		    order by message.seq desc
		    limit 1
		 ) as said
		 where conversation.project_id = $1
		   and conversation.status in ('ai_active', 'waiting')
		   and conversation.last_message_at > now() - interval '10 minutes'
		   and not (conversation.metadata ? 'demo')
		   and said.sender_type = 'customer'
		   and said.created_at <= now() - make_interval(secs => $2)
		 order by said.created_at
		 limit $3`, demoProjectID, age.Seconds(), deskBatch)
	if err != nil {
		return nil, fmt.Errorf("read unanswered questions: %w", err)
	}
	questions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (found assistant.Question, err error) {
		return found, row.Scan(&found.ConversationID, &found.MessageID, &found.Text)
	})
	if err != nil {
		return nil, fmt.Errorf("read unanswered questions: %w", err)
	}
	return questions, nil
}

// Answer writes the answer under an id that follows from the question's, so that it is written once.
func (d desk) Answer(ctx context.Context, question assistant.Question, answer assistant.Answer) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local role service_role`); err != nil {
			return err
		}
		var open bool
		err := tx.QueryRow(ctx, `
			select status in ('ai_active', 'waiting') from public.conversations where id = $1 for update`, question.ConversationID).Scan(&open)
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && !open) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			select public.post_ai_message($1, $2, $3,
			  case when $4 = '' then null else jsonb_build_array(jsonb_build_object('title', $4::text)) end, $5, $6)`,
			question.ConversationID, answer.Text, answer.Confidence, answer.Source, assistantModel, answerID(question))
		return err
	})
	if err != nil {
		return fmt.Errorf("answer message %s: %w", question.MessageID, err)
	}
	return nil
}

func answerID(question assistant.Question) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("demo answer to "+question.MessageID)).String()
}
