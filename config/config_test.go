package config_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/config"
)

// complete sets what the worker needs.
func complete(t *testing.T) {
	t.Helper()
	t.Setenv("SUPABASE_URL", "https://abc.supabase.co")
	t.Setenv("SUPABASE_SECRET_KEY", "sb_secret_x")
	t.Setenv("DATABASE_URL", "postgresql://postgres:hunter2@db.abc.supabase.co:5432/postgres")
}

func write(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "handoff.yaml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	return path
}

func problems(t *testing.T, err error) map[string]string {
	t.Helper()
	var invalid *config.InvalidError
	require.ErrorAs(t, err, &invalid)
	found := make(map[string]string)
	for _, problem := range invalid.Problems {
		found[problem.Setting] = problem.Text
	}
	return found
}

//nolint:paralleltest // t.Setenv
func TestLoad(t *testing.T) {
	t.Run("has a default for everything that dev needs", func(t *testing.T) {
		loaded, err := config.Load(config.Source{}, config.UseDev)
		require.NoError(t, err)
		assert.Equal(t, config.Dev{Port: 54321, PostgresPort: 54322, PagesPort: 54323, Worker: true}, loaded.Dev)
		assert.Equal(t, config.Worker{Slot: "handoff", Source: "auto", QueueInterval: 10 * time.Second, ShutdownGrace: 10 * time.Second}, loaded.Worker)
		assert.Equal(t, slog.LevelInfo, loaded.Log.Level)
	})

	t.Run("takes a free port for the pages when the API does", func(t *testing.T) {
		t.Setenv("HANDOFF_DEV_PORT", "0")
		loaded, err := config.Load(config.Source{}, config.UseDev)
		require.NoError(t, err)
		assert.Zero(t, loaded.Dev.PagesPort)

		t.Setenv("HANDOFF_DEV_PAGES_PORT", "8080")
		loaded, err = config.Load(config.Source{}, config.UseDev)
		require.NoError(t, err)
		assert.Equal(t, 8080, loaded.Dev.PagesPort)
	})

	t.Run("takes flags before environment before file", func(t *testing.T) {
		complete(t)
		file := write(t, "worker:\n  slot: from_file\n  queue_interval: 20s\nlog:\n  level: debug\n  format: json\n")
		t.Setenv("HANDOFF_WORKER_SLOT", "from_env")
		t.Setenv("HANDOFF_LOG_FORMAT", "text")
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		config.AddFlags(flags, "worker")
		require.NoError(t, flags.Parse([]string{"--slot", "from_flag"}))

		loaded, err := config.Load(config.Source{File: file, Flags: flags}, config.UseWorker)
		require.NoError(t, err)
		assert.Equal(t, "from_flag", loaded.Worker.Slot)
		assert.Equal(t, 20*time.Second, loaded.Worker.QueueInterval)
		assert.Equal(t, slog.LevelDebug, loaded.Log.Level)
		assert.Equal(t, "text", loaded.Log.Format)
	})

	t.Run("accepts the older names of the keys", func(t *testing.T) {
		complete(t)
		t.Setenv("SUPABASE_SECRET_KEY", "")
		t.Setenv("SUPABASE_SERVICE_ROLE_KEY", "eyJ.service.role")
		t.Setenv("SUPABASE_ANON_KEY", "eyJ.anon")
		loaded, err := config.Load(config.Source{}, config.UseWorker)
		require.NoError(t, err)
		assert.Equal(t, "eyJ.service.role", loaded.Supabase.SecretKey.Reveal())
		assert.Equal(t, "eyJ.anon", loaded.Supabase.PublishableKey)
	})

	t.Run("replicates over DATABASE_URL unless told otherwise", func(t *testing.T) {
		complete(t)
		loaded, err := config.Load(config.Source{}, config.UseWorker)
		require.NoError(t, err)
		assert.Equal(t, loaded.Database.URL, loaded.Database.ReplicationURL)

		t.Setenv("REPLICATION_URL", "postgres://postgres@direct:5432/postgres")
		loaded, err = config.Load(config.Source{}, config.UseWorker)
		require.NoError(t, err)
		assert.Equal(t, "postgres://postgres@direct:5432/postgres", loaded.Database.ReplicationURL.Reveal())
	})

	t.Run("reports every problem at once, by the name the user knows", func(t *testing.T) {
		t.Setenv("DATABASE_URL", "postgresql://postgres:hunter2@pooler.supabase.com:6543/postgres")
		t.Setenv("SUPABASE_SECRET_KEY", "sb_publishable_wrong_one")
		t.Setenv("HANDOFF_WORKER_SLOT", "Not A Slot")
		t.Setenv("HANDOFF_WORKER_QUEUE_INTERVAL", "soon")
		t.Setenv("HANDOFF_LOG_LEVEL", "loud")
		file := write(t, "worker:\n  sloot: x\n")
		_, err := config.Load(config.Source{File: file}, config.UseWorker)
		found := problems(t, err)
		assert.Contains(t, found["SUPABASE_URL"], "is missing")
		assert.Contains(t, found["SUPABASE_SECRET_KEY"], "publishable")
		assert.Contains(t, found["DATABASE_URL"], "6543")
		assert.Contains(t, found["HANDOFF_WORKER_SLOT"], "lower-case")
		assert.Contains(t, found["HANDOFF_WORKER_QUEUE_INTERVAL"], "duration")
		assert.Contains(t, found["HANDOFF_LOG_LEVEL"], "debug, info, warn or error")
		assert.Contains(t, found["worker.sloot"], "not a setting")
		assert.Len(t, found, 7)
		assert.NotContains(t, err.Error(), "hunter2")
	})

	t.Run("sends no mail unless told how, and then asks for the rest", func(t *testing.T) {
		complete(t)
		loaded, err := config.Load(config.Source{}, config.UseWorker)
		require.NoError(t, err)
		assert.False(t, loaded.Mail.On())

		t.Setenv("MAIL_SMTP_URL", "smtp://user:hunter2@mail.example.com:587")
		_, err = config.Load(config.Source{}, config.UseWorker)
		found := problems(t, err)
		assert.Contains(t, found["MAIL_FROM"], "sender")
		assert.Contains(t, found["HANDOFF_PUBLIC_URL"], "dashboard")
		assert.Len(t, found, 2)
		assert.NotContains(t, err.Error(), "hunter2")

		t.Setenv("MAIL_FROM", "Acme Support <support@acme.example>")
		t.Setenv("HANDOFF_PUBLIC_URL", "https://desk.acme.example")
		loaded, err = config.Load(config.Source{}, config.UseWorker)
		require.NoError(t, err)
		assert.True(t, loaded.Mail.On())

		t.Setenv("MAIL_FUNCTION", "../send")
		_, err = config.Load(config.Source{}, config.UseWorker)
		assert.Contains(t, problems(t, err)["MAIL_FUNCTION"], "one of them")
		t.Setenv("MAIL_SMTP_URL", "")
		_, err = config.Load(config.Source{}, config.UseWorker)
		assert.Contains(t, problems(t, err)["MAIL_FUNCTION"], "name of an Edge Function")
	})

	t.Run("tells the anon key from the service_role key", func(t *testing.T) {
		complete(t)
		for role, wrong := range map[string]bool{"anon": true, "service_role": false} {
			claims := base64.RawURLEncoding.EncodeToString([]byte(`{"role":"` + role + `"}`))
			t.Setenv("SUPABASE_SECRET_KEY", "header."+claims+".signature")
			_, err := config.Load(config.Source{}, config.UseWorker)
			if wrong {
				assert.Contains(t, problems(t, err)["SUPABASE_SECRET_KEY"], "anon key")
			} else {
				require.NoError(t, err)
			}
		}
	})

	t.Run("asks only for what the command uses", func(t *testing.T) {
		t.Setenv("DATABASE_URL", "postgres://postgres@localhost/postgres")
		_, err := config.Load(config.Source{}, config.UseDatabase)
		require.NoError(t, err)
		_, err = config.Load(config.Source{}, config.UseWorker)
		assert.Len(t, problems(t, err), 2)
	})

	t.Run("tells a missing file from a broken one", func(t *testing.T) {
		_, err := config.Load(config.Source{File: "no-such.yaml"}, config.UseDev)
		assert.Contains(t, problems(t, err)["--config"], "no-such.yaml")
		_, err = config.Load(config.Source{File: write(t, "a: [")}, config.UseDev)
		assert.ErrorContains(t, err, "not valid YAML")
	})
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	loaded := config.Config{Supabase: config.Supabase{SecretKey: "hunter2"}, Database: config.Database{URL: "hunter2"}}
	encoded, err := json.Marshal(loaded)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("config", "config", loaded, "key", loaded.Supabase.SecretKey)
	for _, text := range []string{
		fmt.Sprintf("%v", loaded), fmt.Sprintf("%+v", loaded), fmt.Sprintf("%#v", loaded), fmt.Sprint(loaded.Database.URL),
		string(encoded), logged.String(),
	} {
		assert.NotContains(t, text, "hunter2")
		assert.Contains(t, text, "[redacted]")
	}
}
