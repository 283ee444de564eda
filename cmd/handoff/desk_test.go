package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/cmd/handoff/assistant"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestDesk(t *testing.T) {
	t.Parallel()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	pool := db.Pool(t, "postgres")
	exec := func(sql string, args ...any) {
		_, err := pool.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	exec(`insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'owner@example.com')`)
	exec(`insert into public.projects (id, user_id) select $1, id from auth.users`, demoProjectID)
	exec(`insert into public.handoff_settings (project_id, enabled) values ($1, true)`, demoProjectID)
	desk := desk{pool: pool}
	unanswered := func(age time.Duration) []assistant.Question {
		questions, err := desk.Unanswered(t.Context(), age)
		require.NoError(t, err)
		return questions
	}
	ask := func(visitor, metadata string) {
		exec(`insert into public.conversations (project_id, visitor_id, metadata) values ($1, $2, $3)`, demoProjectID, visitor, metadata)
		exec(`insert into public.messages (conversation_id, sender_type, content)
			select id, 'customer', 'Can I return it?' from public.conversations where visitor_id = $1`, visitor)
	}

	ask("v-1", `{}`)
	ask("v-demo", `{"demo": "true"}`)
	assert.Empty(t, unanswered(time.Hour), "it thinks before it answers")
	questions := unanswered(0)
	require.Len(t, questions, 1, "chats of web/demo have an AI of their own")
	assert.Equal(t, "Can I return it?", questions[0].Text)

	answer := assistant.Reply(questions[0].Text)
	for range 2 { // as after a kill between the answer and the next look
		require.NoError(t, desk.Answer(t.Context(), questions[0], answer))
	}
	assert.Empty(t, unanswered(0))
	var count int
	var confidence float64
	require.NoError(t, pool.QueryRow(t.Context(), `
		select count(*), max((metadata ->> 'confidence')::float8) from public.messages where sender_type = 'ai'`).Scan(&count, &confidence))
	assert.Equal(t, 1, count, "an answer is written once")
	assert.InDelta(t, answer.Confidence, confidence, 0.001)

	ask("v-2", `{}`)
	question := unanswered(0)[0]
	exec(`update public.conversations set status = 'closed' where visitor_id = 'v-2'`)
	require.NoError(t, desk.Answer(t.Context(), question, answer), "a chat that is over is left alone")
	assert.Empty(t, unanswered(0))
}
