package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// migratedProject is a complete configuration with a database that has the tables and one mail to send.
func migratedProject(t *testing.T) map[string]string {
	t.Helper()
	env := project(localtest.New(t).URL("postgres"))
	env["HANDOFF_WORKER_SLOT"] = "mail_" + strings.ReplaceAll(uuid.NewString(), "-", "") // slots are the whole server's
	migrate := launch(t, env, "migrate", "up")
	require.Zero(t, migrate.exitCode(t), migrate.output.String())
	conn, err := pgx.Connect(t.Context(), env["DATABASE_URL"])
	require.NoError(t, err)
	defer closeConn(t.Context(), conn)
	_, err = conn.Exec(t.Context(), `
		with owner as (insert into auth.users (id, email) values (gen_random_uuid(), 'owner@example.com') returning id),
		     project as (insert into public.projects (id, user_id) select gen_random_uuid(), id from owner returning id)
		insert into handoff.mail_outbox (project_id, kind, recipient, data)
		select id, 'invitation', 'nina@example.com', '{"token": "t0k3n", "role": "agent"}' from project`)
	require.NoError(t, err)
	return env
}

func with(env, more map[string]string) map[string]string {
	all := maps.Clone(env)
	maps.Copy(all, more)
	return all
}

func TestRunMails(t *testing.T) {
	t.Parallel()

	t.Run("nothing unless told how, and says so", func(t *testing.T) {
		t.Parallel()
		env := migratedProject(t)
		p := launch(t, env, "run")
		p.await(t, "mail is off")
		p.await(t, "waiting=1")
		p.await(t, "MAIL_SMTP_URL")
		p.signal(syscall.SIGTERM)
		assert.Zero(t, p.exitCode(t), p.output.String())
	})

	t.Run("nothing with a template that cannot be filled", func(t *testing.T) {
		t.Parallel()
		env := migratedProject(t)
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "invitation.txt"), []byte("{{.Nobody}}"), 0o600))
		text := refused(t, "mail_template_unusable", exitFailed, with(env, map[string]string{
			"MAIL_FUNCTION": "send-mail", "HANDOFF_PUBLIC_URL": "https://desk.example.com", "HANDOFF_MAIL_TEMPLATES": folder,
		}), "run")
		assert.Contains(t, text, "invitation.txt")
	})

	t.Run("what waits, through an Edge Function", func(t *testing.T) {
		t.Parallel()
		env := migratedProject(t)
		called := make(chan map[string]any, 1)
		mux := http.NewServeMux()
		mux.HandleFunc("POST /functions/v1/send-mail", func(_ http.ResponseWriter, request *http.Request) {
			var letter map[string]any
			assert.NoError(t, json.NewDecoder(request.Body).Decode(&letter))
			called <- letter
		})
		api := httptest.NewServer(mux)
		defer api.Close()
		p := launch(t, with(env, map[string]string{
			"SUPABASE_URL": api.URL, "MAIL_FUNCTION": "send-mail", "HANDOFF_PUBLIC_URL": "https://desk.example.com",
		}), "run")
		select {
		case letter := <-called:
			assert.Equal(t, "nina@example.com", letter["to"])
			assert.Contains(t, letter["text"], "https://desk.example.com/accept?token=t0k3n")
		case <-time.After(runTimeout):
			t.Fatalf("no mail:\n%s", p.output)
		}
		p.signal(syscall.SIGTERM)
		assert.Zero(t, p.exitCode(t), p.output.String())
	})
}
