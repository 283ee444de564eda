package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/mail"
	"github.com/supportbase/handoff/worker/presence"
	"github.com/supportbase/handoff/worker/schedule"
)

var errNoDatabase = errors.New("no database")

// sources are numbers of each kind; what is not set is zero.
func sources(t *testing.T) metrics.Sources {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none") // it connects only when it is used
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	acknowledgement := broadcast.Latency{Count: 3, Sum: 3 * time.Second}
	acknowledgement.Buckets[0], acknowledgement.Buckets[2], acknowledgement.Buckets[20] = 1, 1, 1
	return metrics.Sources{
		Version: "v1.2.3",
		Stream: func() replication.Stats {
			return replication.Stats{State: replication.StateStandby, Events: 7, ServerEnd: 500, Confirmed: 200, LastCommit: time.Unix(1_700_000_000, 0)}
		},
		Bridge: func() broadcast.Stats {
			return broadcast.Stats{Published: 11, OldestCommit: time.Now().Add(-time.Minute), ToAcknowledgement: acknowledgement}
		},
		Transport: func() broadcast.FailoverStats { return broadcast.FailoverStats{Out: true, Primary: 5, Secondary: 6} },
		Realtime:  func() phoenix.Stats { return phoenix.Stats{JoinsPerSecond: 40, MessagesPerSecond: 99.5} },
		Worker: func() worker.Stats {
			return worker.Stats{Assigned: 4, Runs: []worker.RunStats{{Name: "assignment", Count: 9, Failed: 2, Due: 1, Took: 500 * time.Millisecond}}}
		},
		Clock: func() []schedule.Stats {
			return []schedule.Stats{{Name: "agents_gone", Every: 5 * time.Second, Runs: 8, Handled: 3, LastSuccess: time.Unix(1_700_000_001, 0)}}
		},
		Mail:     func() mail.Stats { return mail.Stats{Sent: 5, Failed: 3, GivenUp: 1} },
		Presence: func() presence.Stats { return presence.Stats{LookedAt: 9, Ended: 2, Suspected: 1, FirstBeatOnly: 1} },
		Pool:     pool.Stat,
		Census: func(context.Context) (supabase.Census, error) {
			return supabase.Census{Waiting: 12, LongestWait: 90 * time.Second, RetainedBytes: 4096}, nil
		},
	}
}

func start(t *testing.T, options metrics.Options) string {
	t.Helper()
	options.Address = "127.0.0.1:0"
	options.Logger = slog.New(slog.DiscardHandler)
	if options.Ready == nil {
		options.Ready = func(context.Context) metrics.Readiness { return metrics.Readiness{Ready: true, Reasons: []string{}} }
	}
	server, err := metrics.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) //nolint:usetesting // t.Context has ended
		defer cancel()
		server.Stop(ctx)
	})
	return "http://" + server.Address()
}

func get(t *testing.T, address string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestMetricsShowTheNumbers(t *testing.T) {
	t.Parallel()
	status, text := get(t, start(t, metrics.Options{Sources: sources(t)})+"/metrics")
	require.Equal(t, http.StatusOK, status)
	for _, line := range []string{
		`handoff_build_info{version="v1.2.3"} 1`,
		`handoff_stream_state{state="standby"} 1`,
		`handoff_stream_state{state="streaming"} 0`,
		`handoff_stream_events_total 7`,
		`handoff_stream_lag_bytes 300`,
		`handoff_stream_last_commit_timestamp_seconds 1.7e+09`,
		`handoff_bridge_published_messages_total 11`,
		`handoff_bridge_acknowledgement_seconds_bucket{le="0.0001"} 1`,
		`handoff_bridge_acknowledgement_seconds_bucket{le="0.0004"} 2`,
		`handoff_bridge_acknowledgement_seconds_bucket{le="+Inf"} 3`,
		`handoff_bridge_acknowledgement_seconds_sum 3`,
		`handoff_transport_fallback 1`,
		`handoff_transport_messages_total{way="http"} 6`,
		`handoff_realtime_pace{of="messages"} 99.5`,
		`handoff_assigned_conversations_total 4`,
		`handoff_run_seconds_sum{run="assignment"} 0.5`,
		`handoff_run_seconds_count{run="assignment"} 9`,
		`handoff_tick_handled_total{tick="agents_gone"} 3`,
		`handoff_mail_attempts_total{outcome="failed"} 2`,
		`handoff_mail_attempts_total{outcome="given_up"} 1`,
		`handoff_database_up 1`,
		`handoff_waiting_conversations 12`,
		`handoff_longest_wait_seconds 90`,
		`handoff_slot_retained_bytes 4096`,
	} {
		assert.Contains(t, text, "\n"+line+"\n")
	}
	assert.Regexp(t, `\nhandoff_bridge_oldest_pending_seconds 6\d`, text)
	assert.Contains(t, text, "\ngo_goroutines ")
}

func TestMetricsOfTheDatabaseAreMissingWithoutIt(t *testing.T) {
	t.Parallel()
	from := sources(t)
	from.Census = func(context.Context) (supabase.Census, error) { return supabase.Census{}, errNoDatabase }
	status, text := get(t, start(t, metrics.Options{Sources: from})+"/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, "\nhandoff_database_up 0\n")
	assert.NotContains(t, text, "\nhandoff_waiting_conversations", "an old number would look like a new one")
	assert.Contains(t, text, "\nhandoff_stream_events_total 7\n", "the others are there")
}

func TestManyScrapesCountTheDatabaseOnce(t *testing.T) {
	t.Parallel()
	from := sources(t)
	var counts atomic.Int32
	from.Census = func(context.Context) (supabase.Census, error) {
		counts.Add(1)
		return supabase.Census{}, nil
	}
	address := start(t, metrics.Options{Sources: from})
	for range 5 {
		get(t, address+"/metrics")
	}
	assert.Equal(t, int32(1), counts.Load())
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[metrics.Readiness]
	answer.Store(&metrics.Readiness{Ready: true, State: "streaming", Realtime: "connected", Reasons: []string{}})
	address := start(t, metrics.Options{Sources: sources(t), Ready: func(context.Context) metrics.Readiness { return *answer.Load() }})

	status, text := get(t, address+"/readyz")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"ready": true, "state": "streaming", "realtime": "connected", "reasons": []}`, text)

	away := metrics.Readiness{State: "waiting_for_database", Realtime: "disconnected", Reasons: []string{"the database does not answer"}}
	answer.Store(&away)
	status, text = get(t, address+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	var told metrics.Readiness
	require.NoError(t, json.Unmarshal([]byte(text), &told))
	assert.Equal(t, away, told)

	status, text = get(t, address+"/healthz")
	assert.Equal(t, http.StatusOK, status, "alive all the same")
	assert.JSONEq(t, `{"alive": true, "version": "v1.2.3"}`, text)
}

func TestProfilesAreThereOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	status, _ := get(t, start(t, metrics.Options{Sources: sources(t)})+"/debug/pprof/heap")
	assert.Equal(t, http.StatusNotFound, status)
	status, text := get(t, start(t, metrics.Options{Sources: sources(t), Pprof: true})+"/debug/pprof/goroutine?debug=1")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, "goroutine profile")
}

func TestStartTellsOfAnAddressInUse(t *testing.T) {
	t.Parallel()
	taken := strings.TrimPrefix(start(t, metrics.Options{Sources: sources(t)}), "http://")
	_, err := metrics.Start(t.Context(), metrics.Options{Address: taken, Sources: sources(t), Logger: slog.New(slog.DiscardHandler)})
	var refused *metrics.ListenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, taken, refused.Address)
}
