package replication_test

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

func TestCheckAcceptsASoundDatabaseAndChangesNothing(t *testing.T) {
	t.Parallel()
	r := setup(t)
	require.NoError(t, replication.Check(t.Context(), r.options(t)))
	require.Equal(t, "0", queryText(t, r.pool, `
		select ((select count(*) from pg_publication)
		      - (select count(*) from pg_publication where pubname like 'supabase_realtime%')
		      + (select count(*) from pg_replication_slots where slot_name = $1))::text`, r.slot))
}

func TestCheckAcceptsASlotInUse(t *testing.T) {
	t.Parallel()
	r := setup(t)
	follow(t, r.options(t), newSink()).await(t, replication.StateStreaming)
	require.NoError(t, replication.Check(t.Context(), r.options(t)))
}

// refuses asserts that Check ends with this kind of error, a remedy, and no password.
func refuses(t *testing.T, options replication.Options, kind error, says string) {
	t.Helper()
	err := replication.Check(t.Context(), options)
	require.ErrorIs(t, err, kind)
	require.ErrorContains(t, err, says)
	var setup *replication.SetupError
	require.ErrorAs(t, err, &setup)
	require.NotContains(t, err.Error(), "s3cret")
}

func withUser(t *testing.T, address, user, password string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	parsed.User = url.UserPassword(user, password)
	return parsed.String()
}

func TestCheckRefusesAWrongPassword(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	options.URL = withUser(t, options.URL, "postgres", "s3cret")
	refuses(t, options, replication.ErrWrongPassword, "28P01")
}

func TestCheckRefusesAnUnreadableURLWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "postgres://user:s3cret@host:port/x", "host=x password=s3cret port=s3cret", "postgres://u:s3cret%zz@h/d"} {
		refuses(t, replication.Options{URL: address}, replication.ErrBadURL, "postgres://user:password@host")
	}
}

func TestCheckRefusesAnAddressWhereNothingListens(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	refuses(t, replication.Options{URL: "postgres://postgres:s3cret@" + address + "/x"}, replication.ErrUnreachable, "connection refused")
}

func TestCheckRefusesADatabaseThatDoesNotExist(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	options.URL = strings.Replace(options.URL, "/"+r.db.Name, "/nowhere", 1)
	refuses(t, options, replication.ErrUnreachable, "nowhere")
}

func TestCheckRefusesADatabaseWithoutTheOutbox(t *testing.T) {
	t.Parallel()
	db := localtest.New(t)
	refuses(t, replication.Options{URL: db.URL("postgres")}, replication.ErrNoTable, "handoff migrate up")
}

func TestCheckRefusesARoleWithoutReplication(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	options.URL = r.db.URL("authenticator")
	refuses(t, options, replication.ErrReplicationRefused, "REPLICATION")
}

func TestCheckRefusesAPoolerThatDropsReplication(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	_, options.URL = between(t, options.URL, true)
	refuses(t, options, replication.ErrReplicationRefused, "direct connection")
}

func TestCheckRefusesARoleThatMayNotPublish(t *testing.T) {
	t.Parallel()
	r := setup(t)
	admin := r.db.Pool(t, "supabase_admin")
	_, err := admin.Exec(t.Context(), "alter table handoff.outbox owner to supabase_admin")
	require.NoError(t, err)
	refuses(t, r.options(t), replication.ErrPublication, "create publication")
}

func TestCheckRefusesAPublicationOfOtherContent(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"of another table":      "create publication handoff_outbox for table public.elsewhere with (publish = 'insert', publish_via_partition_root)",
		"of one more table":     "create publication handoff_outbox for table handoff.outbox, public.elsewhere with (publish = 'insert', publish_via_partition_root)",
		"of partitions":         "create publication handoff_outbox for table handoff.outbox with (publish = 'insert')",
		"of deletes too":        "create publication handoff_outbox for table handoff.outbox with (publish = 'insert, delete', publish_via_partition_root)",
		"of some rows only":     "create publication handoff_outbox for table handoff.outbox where (kind <> 'message') with (publish = 'insert', publish_via_partition_root)",
		"of some columns only":  "create publication handoff_outbox for table handoff.outbox (id, kind) with (publish = 'insert', publish_via_partition_root)",
		"of nothing but a name": "create publication handoff_outbox",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			r.exec(t, statement)
			refuses(t, r.options(t), replication.ErrPublication, "drop publication")
		})
	}
}

func TestCheckRefusesASlotThatIsNotOurs(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, "select pg_create_logical_replication_slot($1, 'test_decoding')", r.slot)
	refuses(t, r.options(t), replication.ErrSlot, "test_decoding")
}

// ownServer starts a server with its own settings and an outbox in database postgres.
func ownServer(t *testing.T, settings map[string]string) *postgres.Server {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Ephemeral: true, Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		assert.NoError(t, server.Stop(stopCtx))
	})
	require.NoError(t, setupOutbox(t.Context(), server.URL("postgres", postgres.Superuser)))
	return server
}

func TestCheckRefusesALogWithoutLogicalDecoding(t *testing.T) {
	t.Parallel()
	server := ownServer(t, map[string]string{"wal_level": "replica"})
	refuses(t, replication.Options{URL: server.URL("postgres", postgres.Superuser), Source: replication.SourceStream},
		replication.ErrWALLevel, "Set wal_level = logical")
}

func TestCheckRefusesAServerWithoutAFreeSlot(t *testing.T) {
	t.Parallel()
	server := ownServer(t, map[string]string{"max_replication_slots": "1"})
	url := server.URL("postgres", postgres.Superuser)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "select pg_create_physical_replication_slot('theirs')")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	refuses(t, replication.Options{URL: url, Source: replication.SourceStream}, replication.ErrNoFreeSlot, "max_replication_slots")
}

func TestStreamAsksOnceWithAWrongPassword(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, replication.OperatorDelay, time.Minute)
	r := setup(t)
	options := r.options(t)
	var logged strings.Builder
	options.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	counter, url := between(t, withUser(t, options.URL, "postgres", "s3cret"), false)
	options.URL = url
	stream := follow(t, options, newSink())
	stream.await(t, replication.StateWaitingForDatabase)
	pause := time.NewTimer(2 * time.Second)
	defer pause.Stop()
	<-pause.C // the claim is that nothing happens in this time
	stream.stop(t)
	require.Equal(t, int32(1), counter.connections.Load())
	require.Contains(t, logged.String(), "28P01")
	require.NotContains(t, logged.String(), "s3cret")
}

func TestStreamEndsAtOnceWithAnUnreadableURL(t *testing.T) {
	t.Parallel()
	stream := follow(t, replication.Options{URL: "postgres://u:s3cret@h:x/"}, newSink())
	err := stream.ended(t)
	require.ErrorIs(t, err, replication.ErrBadURL)
	assert.False(t, replication.IsRetryable(err))
}
