package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

var metricsLine = regexp.MustCompile(`msg="metrics are shown" address=(\S+)`)

// shown waits until the worker answers and returns where.
func shown(t *testing.T, p *program) string {
	t.Helper()
	p.await(t, "metrics are shown")
	p.await(t, "pprof=")
	return "http://" + metricsLine.FindStringSubmatch(p.output.String())[1]
}

func look(ctx context.Context, t *testing.T, address string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, body
}

// awaitReadiness asks until the answer is as wanted.
func awaitReadiness(t *testing.T, address string, wanted func(status int, answer metrics.Readiness) bool) metrics.Readiness {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, body := look(ctx, t, address+"/readyz")
		var answer metrics.Readiness
		require.NoError(t, json.Unmarshal(body, &answer), string(body))
		if wanted(status, answer) {
			return answer
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("still %d %s", status, body)
		}
	}
}

func readyAs(state string) func(int, metrics.Readiness) bool {
	return func(status int, answer metrics.Readiness) bool {
		return status == http.StatusOK && answer.Ready && answer.State == state
	}
}

func TestRunShowsWhatItDoes(t *testing.T) {
	t.Parallel()
	db := localtest.New(t, localtest.WithSetup("migrations", migrated))
	settings := project(db.URL("postgres"))
	arguments := []string{"run", "--source", "stream", "--slot", "shown", "--metrics-address", "127.0.0.1:0"}
	leader := launch(t, settings, arguments...)
	address := shown(t, leader)
	awaitReadiness(t, address, readyAs("streaming"))

	status, text := look(t.Context(), t, address+"/metrics")
	require.Equal(t, http.StatusOK, status)
	for _, entry := range metrics.Catalogue() {
		assert.Contains(t, string(text), "\n# TYPE "+entry.Name+" "+entry.Type+"\n")
	}
	assert.Contains(t, string(text), "\nhandoff_database_up 1\n")
	assert.Regexp(t, `\nhandoff_slot_retained_bytes [1-9]`, string(text))
	assert.Contains(t, string(text), `handoff_tick_interval_seconds{tick="agents_gone"}`)

	standby := launch(t, settings, arguments...)
	standbyAddress := shown(t, standby)
	awaitReadiness(t, standbyAddress, readyAs("standby"))
	leader.kill()
	awaitReadiness(t, standbyAddress, readyAs("streaming"))
	assert.Contains(t, refused(t, "metrics_address_unusable", exitFailed, settings, "run", "--slot", "shown", "--metrics-address", standbyAddress[len("http://"):]),
		"--metrics-address")

	shutOut(t, db)
	answer := awaitReadiness(t, standbyAddress, func(status int, answer metrics.Readiness) bool {
		return status == http.StatusServiceUnavailable && len(answer.Reasons) > 1
	})
	assert.Contains(t, answer.Reasons, "the database does not answer")
	assert.Contains(t, answer.Reasons[1], "waiting_for_database")
	status, _ = look(t.Context(), t, standbyAddress+"/healthz")
	assert.Equal(t, http.StatusOK, status, "alive all the same")
}

// shutOut ends all connections to the database and lets no new ones in.
func shutOut(t *testing.T, db *localtest.Database) {
	t.Helper()
	other, err := pgx.ParseConfig(db.URL(postgres.Superuser)) // nobody can shut the database that they are in
	require.NoError(t, err)
	other.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), other)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }() //nolint:usetesting // t.Context has ended in clean-ups
	name := pgx.Identifier{db.Name}.Sanitize()
	_, err = conn.Exec(t.Context(), `alter database `+name+` allow_connections false`)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, db.Name)
	require.NoError(t, err)
}
