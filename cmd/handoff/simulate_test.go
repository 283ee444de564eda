package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestSimulate(t *testing.T) {
	t.Parallel()
	drawn := []string{"simulate", "--rate", "20,60", "--length", "48h", "--agents", "1-4", "--slots", "2", "--patience", "10m", "--target", "90s"}

	t.Run("prints a row for each team and strategy, and which is enough", func(t *testing.T) {
		t.Parallel()
		out, code := runCommand(t, nil, append(drawn, "--strategy", "all")...)
		require.Equal(t, 0, code, out)
		assert.Regexp(t, `RESULT simulate=ok arrivals=1\d{3} rows=12 enough=4\n`, out)
		assert.Equal(t, 4, strings.Count(out, "longest_idle"))
		assert.Equal(t, 1, strings.Count(out, "<- enough"))
		again, _ := runCommand(t, nil, append(drawn, "--strategy", "all")...)
		assert.Equal(t, out, again, "the same numbers each time")
	})

	t.Run("prints JSON in which more agents mean shorter waits", func(t *testing.T) {
		t.Parallel()
		out, code := runCommand(t, nil, append(drawn, "--json")...)
		require.Equal(t, 0, code, out)
		var report staffingView
		require.NoError(t, json.Unmarshal([]byte(out), &report))
		require.Len(t, report.Outcomes, 4)
		for i, one := range report.Outcomes {
			assert.Equal(t, i+1, one.Agents)
			assert.Equal(t, one.Arrived, one.Served+one.Left)
			if i > 0 {
				assert.LessOrEqual(t, one.Wait.P90, report.Outcomes[i-1].Wait.P90)
				assert.Less(t, one.LeftShare, report.Outcomes[i-1].LeftShare)
			}
		}
	})

	t.Run("writes a report with plots that needs nothing else", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "report.html")
		out, code := runCommand(t, nil, append(drawn, "--html", file)...)
		require.Equal(t, 0, code, out)
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(page), "4 agents keep nine of ten waits under 1 min 30 s")
		assert.Equal(t, 6, strings.Count(string(page), "<svg "))
		outside := strings.ReplaceAll(string(page), "http://www.w3.org/2000/svg", "")
		assert.False(t, regexp.MustCompile(`https?://|<script|@import|url\(`).MatchString(outside), "nothing is fetched")
		assert.NotContains(t, outside, "NaN")
	})

	t.Run("refuses what makes no sense", func(t *testing.T) {
		t.Parallel()
		for _, wrong := range [][]string{
			{"--agents", "0-3"},
			{"--agents", "x"},
			{"--slots", "0"},
			{"--strategy", "fastest"},
			{"--rate", "0"},
			{"--rate", "-1"},
			{"--length", "0s"},
			{"--handling", "0s"},
			{"--rate", "100000", "--length", "100h"},
			{"--project", "acme"},
		} {
			out, code := runCommand(t, nil, append([]string{"simulate"}, wrong...)...)
			assert.Equal(t, exitUsage, code, "%s: %s", wrong, out)
		}
	})
}

func TestSimulateRecorded(t *testing.T) {
	t.Parallel()
	db := localtest.New(t, localtest.WithSetup("migrations", applyMigrations))
	env := map[string]string{"DATABASE_URL": db.URL("postgres")}
	pool := db.Pool(t, "postgres")
	project, owner := uuid.NewString(), uuid.NewString()
	out, code := runCommand(t, env, "simulate", "--project", project)
	require.Equal(t, exitFailed, code)
	assert.Contains(t, out, "[nothing_recorded]")
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	assert.Contains(t, string(page), "| `nothing_recorded` |")

	// Sixty chats of ten minutes, one a minute; every tenth customer left after five.
	for _, statement := range []string{
		`insert into auth.users (id) values ('` + owner + `')`,
		`insert into public.projects (id, user_id) values ('` + project + `', '` + owner + `')`,
		`insert into public.conversations (project_id, visitor_id, status, queue_entered_at, claimed_at, resolved_at, closed_at, close_reason)
		 select '` + project + `', 'v' || n, 'closed', came, case when served then came + interval '1 minute' end,
		        case when served then came + interval '11 minutes' end, case when served then now() else came + interval '5 minutes' end,
		        case when served then 'timeout' else 'customer' end
		   from (select n, now() - interval '3 hours' + n * interval '1 minute' as came, n % 10 <> 0 as served
		           from generate_series(1, 60) as n) as one`,
	} {
		_, err := pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	out, code = runCommand(t, env, "simulate", "--project", project, "--agents", "4,8", "--slots", "2", "--json")
	require.Equal(t, 0, code, out)
	var report staffingView
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, 60, report.Arrivals)
	assert.Contains(t, report.Source, "60 recorded arrivals since ")
	assert.Zero(t, report.Outcomes[1].Wait.Max, "ten chats of ten minutes at once, sixteen slots")
	assert.Positive(t, report.Outcomes[0].Left, "customers are as patient as those who left")
	assert.InDelta(t, 1, report.Hours, 1.01)
}

func TestLengthsAreWordedAsPeopleDo(t *testing.T) {
	t.Parallel()
	for length, want := range map[time.Duration]string{
		0: "0 s", 45 * time.Second: "45 s", 2 * time.Minute: "2 min", 150 * time.Second: "2 min 30 s", 90 * time.Minute: "1 h 30 min",
		7 * 24 * time.Hour: "7 d", 50 * time.Hour: "2 d 2 h",
	} {
		assert.Equal(t, want, inWords(length))
	}
}
