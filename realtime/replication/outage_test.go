package replication_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

func TestStreamNoticesAServerThatVanished(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	var network *proxy
	network, options.URL = between(t, options.URL, false)
	states := make(chan replication.State, 1000)
	options.OnState = func(state replication.State) { states <- state }
	stream := replication.New(options)
	stream.SetQuietTime(500 * time.Millisecond)
	to := newSink()
	running := start(t, stream, states, to.deliver, to.confirmed)
	running.await(t, replication.StateStreaming)
	network.mute.Store(true)
	running.await(t, replication.StateWaitingForDatabase)
	network.mute.Store(false)
	running.await(t, replication.StateStreaming)
	r.write(t, 1)
	to.expect(t, 1)
}

// A walsender waits at shutdown until its client has confirmed everything, so a stream with unfinished work must not
// stay connected for as long as that work lasts.
func TestStreamLetsItsDatabaseShutDown(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]bool{"while idle": false, "with unfinished work": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := ownServer(t, nil)
			url := server.URL("postgres", postgres.Superuser)
			to := newSink()
			if held {
				to.hold()
			}
			stream := follow(t, replication.Options{URL: url, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}, to)
			stream.await(t, replication.StateStreaming)
			conn, err := pgx.Connect(t.Context(), url)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), insertEvent, project, 1)
			require.NoError(t, err)
			to.expect(t, 1)

			stopInGoodOrder(t, conn)
			select {
			case <-server.Exited():
			case <-time.After(patience):
				require.FailNow(t, "the stream keeps its database from stopping")
			}
			stream.await(t, replication.StateWaitingForDatabase)
		})
	}
}

func TestStreamLetsItsDatabaseShutDownWhileDeliverBlocks(t *testing.T) {
	t.Parallel()
	server := ownServer(t, nil)
	url := server.URL("postgres", postgres.Superuser)
	states := make(chan replication.State, 1000)
	stream := replication.New(replication.Options{
		URL: url, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		OnState: func(state replication.State) { states <- state },
	})
	stream.SetProbeInterval(100 * time.Millisecond)
	running := start(t, stream, states, func(ctx context.Context, _ realtime.Transaction) error {
		<-ctx.Done()
		return ctx.Err()
	}, func() (realtime.Position, bool) { return 0, false })
	running.await(t, replication.StateStreaming)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	for seq := range 40 { // more than the courier's queue holds
		_, err = conn.Exec(t.Context(), insertEvent, project, seq)
		require.NoError(t, err)
	}
	stopInGoodOrder(t, conn)
	select {
	case <-server.Exited():
	case <-time.After(patience):
		require.FailNow(t, "the stream keeps its database from stopping")
	}
	running.await(t, replication.StateWaitingForDatabase)
}

// stopInGoodOrder asks the server for what operators call a fast shutdown. Stop of an ephemeral server does not wait
// for walsenders.
func stopInGoodOrder(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	var pid int
	err := conn.QueryRow(t.Context(), `select split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`).Scan(&pid)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	postmaster, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, postmaster.Signal(os.Interrupt))
}
