package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestDoctor(t *testing.T) {
	t.Parallel()

	t.Run("says what is well, with exit code 0", func(t *testing.T) {
		t.Parallel()
		box := newLetterBox(t)
		p := launch(t, box.env, "doctor", "--only", "migrations,secret_key,realtime_socket,dead_letters")
		assert.Equal(t, 0, p.exitCode(t), p.output.String())
		assert.Regexp(t, `ok +migrations +all \d+ are applied`, p.output.String())
		assert.Contains(t, p.output.String(), "RESULT doctor=ok checks=5 errors=0")
	})

	t.Run("says what is broken, with a remedy and exit code 1", func(t *testing.T) {
		t.Parallel()
		empty := map[string]string{"DATABASE_URL": localtest.New(t).URL("postgres")}
		p := launch(t, empty, "doctor")
		assert.Equal(t, exitFailed, p.exitCode(t), p.output.String())
		text := p.output.String()
		assert.Regexp(t, `ERROR +migrations +the tables of the engine are not there\n +-> Run .handoff migrate up`, text)
		assert.Regexp(t, `skipped +secret_key +SUPABASE_URL is not set`, text)
		assert.Contains(t, text, "[doctor_found]")
	})

	t.Run("as JSON", func(t *testing.T) {
		t.Parallel()
		box := newLetterBox(t)
		box.add(t, "conversation:1", "message", `{}`)
		p := launch(t, box.env, "doctor", "--json", "--only", "dead_letters")
		require.Equal(t, 0, p.exitCode(t), p.output.String())
		var report struct {
			Healthy  bool
			Findings []struct{ Check, Severity, Text, Remedy string }
		}
		require.NoError(t, json.Unmarshal([]byte(p.output.String()), &report))
		assert.True(t, report.Healthy, "warnings alone are no illness")
		require.Len(t, report.Findings, 2)
		assert.Equal(t, "dead_letters", report.Findings[1].Check)
		assert.Equal(t, "warning", report.Findings[1].Severity)
		assert.Contains(t, report.Findings[1].Remedy, "handoff deadletters list")
	})

	t.Run("refuses a check that does not exist", func(t *testing.T) {
		t.Parallel()
		refused(t, "usage", exitUsage, map[string]string{"DATABASE_URL": "postgres://x"}, "doctor", "--only", "nonsense")
	})
}
