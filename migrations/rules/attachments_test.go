package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// upload leaves the row that Storage writes when the actor has uploaded a file, and returns its path.
func (a actor) upload(t *testing.T, conversation, name, mimeType string) string {
	t.Helper()
	path := conversation + "/" + uuid.NewString() + "/" + name
	a.w.exec(t, `insert into storage.objects (bucket_id, name, owner, owner_id, metadata)
		values ('handoff-attachments', $1, $2::uuid, $2, jsonb_build_object('mimetype', $3::text, 'size', 1234))`, path, a.id, mimeType)
	return path
}

// files is the argument of send_attachments.
func files(t *testing.T, list ...map[string]any) string {
	t.Helper()
	text, err := json.Marshal(list)
	require.NoError(t, err)
	return string(text)
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	const send = "send_attachments($1, $2)"

	t.Run("a message shows what Storage knows of its files, and so does its event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		picture, list := w.ann.upload(t, id, "map.png", "image/png"), w.ann.upload(t, id, "ubersicht.pdf", "application/pdf")
		message := w.ann.must(t, send, id, files(t, map[string]any{"path": picture, "size": 1, "mime_type": "text/html"},
			map[string]any{"path": list, "name": "Übersicht.pdf"}))
		assert.Equal(t, []any{
			map[string]any{"path": picture, "name": "map.png", "mime_type": "image/png", "size": 1234.0},
			map[string]any{"path": list, "name": "Übersicht.pdf", "mime_type": "application/pdf", "size": 1234.0},
		}, message["attachments"])
		assert.Equal(t, "customer", message["sender_type"])
		assert.Equal(t, "map.png, Übersicht.pdf", message["content"], "queue, mails and AI see a text")
		event := read[map[string]any](t, w, `select payload -> 'message' from handoff.outbox where kind = 'message'`)
		assert.Equal(t, message, event)
		rows := read[int](t, w, `select count(*) from public.messages where jsonb_array_length(attachments) = 2`)
		assert.Equal(t, 1, rows)
	})

	t.Run("the text may be the sender's, and the same client_message_id sends once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, key := w.conversation(t, w.ann), uuid.NewString()
		list := files(t, map[string]any{"path": w.ann.upload(t, id, "map.png", "image/png")})
		first := w.ann.must(t, "send_attachments($1, $2, ' Here it is ', $3)", id, list, key)
		assert.Equal(t, "Here it is", first["content"])
		assert.Equal(t, first, w.ann.must(t, "send_attachments($1, $2, 'again', $3)", id, list, key))
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.messages`))
	})

	t.Run("agents send where they may write, and nobody forges a file by writing the table", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		list := files(t, map[string]any{"path": w.sarah.upload(t, id, "map.png", "image/png")})
		_, err := w.sarah.rpc(t.Context(), send, id, list)
		refused(t, err, "PT409", "not_with_an_agent")
		w.assign(t, id, w.sarah)
		assert.Equal(t, "agent", w.sarah.must(t, send, id, list)["sender_type"])
		err = w.sarah.run(t, `insert into public.messages (conversation_id, sender_type, sender_id, content, attachments)
			values ($1, 'agent', $2, 'Hello', '[{"path": "x"}]')`, id, w.sarah.id)
		refused(t, err, "42501", "")
	})

	t.Run("a file is the sender's own, of this conversation and there", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, other := w.conversation(t, w.ann), w.conversation(t, w.bob)
		own := w.ann.upload(t, id, "map.png", "image/png")
		for _, refusal := range []struct {
			file        map[string]any
			state, code string
		}{
			{map[string]any{"path": w.ann.upload(t, other, "map.png", "image/png")}, "PT400", "attachment_path"},
			{map[string]any{"path": "map.png"}, "PT400", "attachment_path"},
			{map[string]any{"path": nil}, "PT400", "attachment_path"},
			{map[string]any{}, "PT400", "attachment_path"},
			{map[string]any{"path": w.bob.upload(t, id, "map.png", "image/png")}, "PT409", "attachment_missing"},
			{map[string]any{"path": id + "/" + uuid.NewString() + "/map.png"}, "PT409", "attachment_missing"},
			{map[string]any{"path": own, "name": ""}, "PT400", "attachment_name"},
			{map[string]any{"path": own, "name": strings.Repeat("a", 201)}, "PT400", "attachment_name"},
			{map[string]any{"path": own, "name": "gnp.\u202eexe"}, "PT400", "attachment_name"},
			{map[string]any{"path": own, "name": "../a.png"}, "PT400", "attachment_name"},
			{map[string]any{"path": own, "name": "a\nb.png"}, "PT400", "attachment_name"},
		} {
			_, err := w.ann.rpc(t.Context(), send, id, files(t, refusal.file))
			refused(t, err, refusal.state, refusal.code)
		}
		_, err := w.bob.rpc(t.Context(), send, id, files(t, map[string]any{"path": own}))
		refused(t, err, "PT404", "conversation_not_found")
		for _, count := range []string{`[]`, `{}`, `null`, `[1,2,3,4,5,6]`} {
			_, err := w.ann.rpc(t.Context(), send, id, count)
			refused(t, err, "PT400", "attachment_count")
		}
		assert.Zero(t, read[int](t, w, `select count(*) from public.messages`))
	})

	t.Run("files count as messages do for the visitor's limit", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		list := files(t, map[string]any{"path": w.ann.upload(t, id, "map.png", "image/png")})
		for range 10 {
			w.ann.must(t, send, id, list)
		}
		_, err := w.ann.rpc(t.Context(), send, id, list)
		require.ErrorContains(t, err, "rate_limited")
	})

	t.Run("a closed conversation takes none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		list := files(t, map[string]any{"path": w.ann.upload(t, id, "map.png", "image/png")})
		w.ann.must(t, "close_conversation($1)", id)
		_, err := w.ann.rpc(t.Context(), send, id, list)
		refused(t, err, "PT409", "conversation_closed")
	})
}

func TestFilesOfAConversation(t *testing.T) {
	t.Parallel()
	const add = `insert into storage.objects (bucket_id, name) values ('handoff-attachments', $1)`
	path := func(conversation string) string { return conversation + "/" + uuid.NewString() + "/map.png" }

	t.Run("the bucket is private and has limits, which the team may change and an upgrade keeps", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(t, `update storage.buckets set public = true, file_size_limit = 5 where id = 'handoff-attachments'`)
		assert.True(t, read[bool](t, w, `select handoff.install_attachments()`))
		bucket := read[map[string]any](t, w, `select to_jsonb(b) from storage.buckets as b`)
		assert.Equal(t, false, bucket["public"])
		assert.InDelta(t, 5, bucket["file_size_limit"], 0)
		assert.NotContains(t, bucket["allowed_mime_types"], "image/svg+xml")
		assert.NotContains(t, bucket["allowed_mime_types"], "text/html")
	})

	t.Run("a visitor adds a hundred", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		w.exec(t, `insert into storage.objects (bucket_id, name)
			select 'handoff-attachments', $1 || '/' || gen_random_uuid() || '/a.png' from generate_series(1, 99)`, id)
		require.NoError(t, w.ann.run(t, add, path(id)))
		refused(t, w.ann.run(t, add, path(id)), "42501", "")
	})

	t.Run("who cleared a chat reads its files no longer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		w.ann.upload(t, id, "map.png", "image/png")
		count := func(reader actor) (rows int) {
			require.NoError(t, reader.do(t.Context(), func(tx pgx.Tx) error {
				return tx.QueryRow(t.Context(), `select count(*) from storage.objects`).Scan(&rows)
			}))
			return rows
		}
		assert.Equal(t, 1, count(w.ann))
		w.ann.must(t, "clear_chat($1)", id)
		assert.Equal(t, 0, count(w.ann))
		assert.Equal(t, 1, count(w.sarah))
	})

	t.Run("without Storage everything else works, and it can be enabled later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		list := files(t, map[string]any{"path": w.ann.upload(t, id, "map.png", "image/png")})
		_, err := connectSuperuser(t, w.db).Exec(t.Context(), `alter schema storage rename to storage_of_later`)
		require.NoError(t, err)
		assert.False(t, read[bool](t, w, `select handoff.install_attachments()`))
		_, err = w.ann.rpc(t.Context(), "send_attachments($1, $2)", id, list)
		refused(t, err, "PT409", "attachments_off")
		w.ann.must(t, "send_message($1, 'Hello')", id)
	})
}
