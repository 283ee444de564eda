package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/channels"
	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func applyMigrations(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	_, err = migrations.Up(ctx, conn)
	return err
}

// letterBox is a migrated database with dead letters, and a Realtime that takes at most 1,000 bytes.
type letterBox struct {
	pool    *pgxpool.Pool
	env     map[string]string
	project string
}

func newLetterBox(t *testing.T) letterBox {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", applyMigrations))
	logger, ring := slog.New(slog.DiscardHandler), keys.New()
	server := channels.New(channels.Options{
		Pool: db.Pool(t, "supabase_admin"), Ring: ring, Logger: logger, MaxPayloadBytes: 1000,
	})
	nothing := http.NotFoundHandler()
	front := httptest.NewServer(gateway.New(gateway.Backends{Auth: nothing, Rest: nothing, Realtime: server}, ring, logger))
	t.Cleanup(func() {
		front.Close()
		assert.NoError(t, server.Close(context.WithoutCancel(t.Context())))
	})
	return letterBox{
		pool: db.Pool(t, "postgres"), project: uuid.NewString(),
		env: map[string]string{
			"SUPABASE_URL": front.URL, "SUPABASE_SECRET_KEY": keys.Secret, "DATABASE_URL": db.URL("postgres"),
		},
	}
}

// add keeps one dead letter and returns its id.
func (b letterBox) add(t *testing.T, topic, event, payload string) int64 {
	t.Helper()
	var id int64
	require.NoError(t, b.pool.QueryRow(t.Context(), `
		insert into handoff.broadcast_dead_letters (event_id, project_id, topic, event, payload, reason)
		values (coalesce((select max(id) from handoff.broadcast_dead_letters), 0) + 1, $1, $2, $3, $4, $5) returning id`,
		b.project, topic, event, payload, "payload_size_exceeded\nat all").Scan(&id))
	return id
}

func (b letterBox) ids(t *testing.T) []int64 {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `select id from handoff.broadcast_dead_letters order by id`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	return ids
}

// run runs `handoff deadletters` to its end and returns what it printed.
func (b letterBox) run(t *testing.T, exit int, args ...string) string {
	t.Helper()
	p := launch(t, b.env, append([]string{"deadletters"}, args...)...)
	require.Equal(t, exit, p.exitCode(t), p.output.String())
	return p.output.String()
}

func TestDeadLettersList(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	assert.Contains(t, box.run(t, 0, "list"), "RESULT deadletters=0 listed=0\n")
	first := box.add(t, "conversation:1", "message", `{"v":1,"id":"7"}`)
	box.add(t, "", "rating_given", `{}`)

	t.Run("as a table", func(t *testing.T) {
		t.Parallel()
		text := box.run(t, 0, "list")
		assert.Regexp(t, `ID +WHEN +TOPIC +EVENT +REASON\n`, text)
		assert.Regexp(t, fmt.Sprintf(`%d +\d{4}-\d\d-\d\dT[\d:]+Z +conversation:1 +message +payload_size_exceeded at all\n`, first), text)
		assert.Regexp(t, `- +rating_given`, text)
		assert.Contains(t, text, "RESULT deadletters=2 listed=2\n")
	})

	t.Run("as JSON, one a line", func(t *testing.T) {
		t.Parallel()
		found := strings.Split(strings.TrimSpace(box.run(t, 0, "list", "--json")), "\n")
		require.Len(t, found, 2)
		var view letterView
		require.NoError(t, json.Unmarshal([]byte(found[0]), &view))
		assert.Equal(t, first, view.ID)
		assert.Equal(t, box.project, view.ProjectID)
		assert.Equal(t, "conversation:1", view.Topic)
		assert.JSONEq(t, `{"v":1,"id":"7"}`, string(view.Payload))
	})

	t.Run("not more than asked for", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, box.run(t, 0, "list", "--limit", "1"), "RESULT deadletters=2 listed=1\n")
	})
}

func TestDeadLettersRetry(t *testing.T) {
	t.Parallel()

	t.Run("sends what can be sent now, and keeps the rest with the reasons", func(t *testing.T) {
		t.Parallel()
		box := newLetterBox(t)
		box.add(t, "conversation:1", "message", `{"v":1,"id":"1"}`)
		large := box.add(t, "conversation:1", "message", `{"v":1,"text":"`+strings.Repeat("x", 2000)+`"}`)
		unknown := box.add(t, "", "rating_given", `{}`)
		box.add(t, "project:"+box.project+":widget", "availability_changed", `{"v":1,"id":"3"}`)
		box.add(t, "", "queue_updated", `{"waiting_count":3}`)
		text := box.run(t, exitFailed, "retry", "--all")
		assert.Contains(t, text, "RESULT deadletters_retry=partial sent=3 kept=2\n")
		assert.Contains(t, text, "[dead_letters_kept]")
		assert.Contains(t, text, "payload_size_exceeded")
		assert.Contains(t, text, "unknown kind")
		assert.Equal(t, []int64{large, unknown}, box.ids(t))
	})

	t.Run("only the named ones, and removes them", func(t *testing.T) {
		t.Parallel()
		box := newLetterBox(t)
		first, second := box.add(t, "conversation:1", "message", `{}`), box.add(t, "conversation:2", "message", `{}`)
		text := box.run(t, 0, "retry", fmt.Sprint(second))
		assert.Contains(t, text, fmt.Sprintf("sent  %d  conversation:2  message\n", second))
		assert.Contains(t, text, "RESULT deadletters_retry=ok sent=1 kept=0\n")
		assert.Equal(t, []int64{first}, box.ids(t))
	})

	t.Run("stops when nothing answers, and keeps all", func(t *testing.T) {
		t.Parallel()
		box := newLetterBox(t)
		first, second := box.add(t, "conversation:1", "message", `{}`), box.add(t, "conversation:2", "message", `{}`)
		box.env["SUPABASE_URL"] = "http://127.0.0.1:1"
		text := box.run(t, exitFailed, "retry", "--all")
		assert.Contains(t, text, "[realtime_unavailable]")
		assert.Contains(t, text, "RESULT deadletters_retry=failed sent=0 kept=1\n")
		assert.Equal(t, []int64{first, second}, box.ids(t))
	})
}

func TestDeadLettersDrop(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	var ids []int64
	for i := range 450 { // more than two pages
		ids = append(ids, box.add(t, fmt.Sprintf("conversation:%d", i), "message", `{}`))
	}
	text := box.run(t, exitFailed, "drop", fmt.Sprint(ids[0]), "999999")
	assert.Contains(t, text, "[dead_letter_unknown]")
	assert.Len(t, box.ids(t), 450, "nothing was done")
	assert.Contains(t, box.run(t, 0, "drop", fmt.Sprint(ids[0]), fmt.Sprint(ids[1])), "RESULT deadletters_drop=ok dropped=2\n")
	assert.Equal(t, ids[2:], box.ids(t))
	assert.Contains(t, box.run(t, 0, "drop", "--all", "--yes"), "RESULT deadletters_drop=ok dropped=448\n")
	assert.Empty(t, box.ids(t))
}

func TestDeadLettersRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"neither ids nor --all": {"retry"},
		"ids and --all":         {"retry", "--all", "1"},
		"--all without --yes":   {"drop", "--all"},
		"what is no id":         {"drop", "one"},
		"an id below one":       {"drop", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, "usage", exitUsage, nil, append([]string{"deadletters"}, args...)...)
		})
	}

	t.Run("a database that nobody answers for", func(t *testing.T) {
		t.Parallel()
		refused(t, "database_unreachable", exitFailed, project("postgres://postgres:hunter2@127.0.0.1:1/postgres"), "deadletters", "list")
	})
}

func TestEveryCodeOfDeadLettersIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	for _, file := range []string{"deadletters.go", "deadletters_retry.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		found := codeInSource.FindAllStringSubmatch(string(source), -1)
		require.NotEmpty(t, found, file)
		for _, code := range found {
			assert.Contains(t, string(page), "| `"+code[1]+"` |")
		}
	}
}
