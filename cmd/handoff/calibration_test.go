package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// runCommand runs the program to its end.
func runCommand(t *testing.T, env map[string]string, args ...string) (output string, code int) {
	t.Helper()
	p := launch(t, env, args...)
	code = p.exitCode(t)
	return p.output.String(), code
}

func TestCalibration(t *testing.T) {
	t.Parallel()
	db := localtest.New(t, localtest.WithSetup("migrations", applyMigrations))
	env := map[string]string{"DATABASE_URL": db.URL("postgres")}

	out, code := runCommand(t, env, "calibration")
	require.Equal(t, 0, code, out)
	assert.Contains(t, out, "RESULT calibration=ok projects=0")

	project, owner := uuid.NewString(), uuid.NewString()
	pool := db.Pool(t, "postgres")
	for _, statement := range []string{
		`insert into auth.users (id) values ('` + owner + `')`,
		`insert into public.projects (id, user_id) values ('` + project + `', '` + owner + `')`,
		`insert into public.conversations (project_id, visitor_id) select '` + project + `', 'v' || n from generate_series(1, 10) as n`,
		`insert into handoff.wait_promises (conversation_id, waiting_since, project_id, promised_at, position, wait_p50_seconds,
			wait_p90_seconds, estimated_wait_minutes, outcome, ended_at)
		 select id, now(), project_id, now() - interval '1 hour', 1, 50, 90, 5, 'assigned',
		        now() - interval '1 hour' + substr(visitor_id, 2)::int * interval '10 seconds' from public.conversations`,
	} {
		_, err := pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}

	out, code = runCommand(t, env, "calibration", "--days", "1")
	require.Equal(t, 0, code, out)
	assert.Contains(t, strings.Join(strings.Fields(out), " "), project+" 10 50% 90% 25 s 5 s 245 s -245 s 0")

	out, code = runCommand(t, env, "calibration", "--project", project, "--json")
	require.Equal(t, 0, code, out)
	var found map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	assert.InDelta(t, 0.9, found["p90_coverage"], 0)

	out, code = runCommand(t, env, "calibration", "--days", "31")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, out, "--days is 1 to 30")
}
