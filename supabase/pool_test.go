package supabase_test

import (
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func TestOpenPoolExplains(t *testing.T) {
	t.Parallel()
	good := localtest.New(t).URL("postgres")

	change := func(edit func(*url.URL)) string {
		address, err := url.Parse(good)
		require.NoError(t, err)
		edit(address)
		return address.String()
	}
	for name, test := range map[string]struct {
		url  string
		want error
	}{
		"nothing listens there": {
			change(func(u *url.URL) { u.Host = net.JoinHostPort("127.0.0.1", "1") }), supabase.ErrUnreachable,
		},
		"the password is wrong": {
			change(func(u *url.URL) { u.User = url.UserPassword("postgres", "hunter2") }), supabase.ErrWrongPassword,
		},
		"the database is another": {
			change(func(u *url.URL) { u.Path = "/nowhere" }), supabase.ErrUnknownDatabase,
		},
		"the URL is none": {"postgres://%%%", supabase.ErrBadURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := supabase.OpenPool(t.Context(), test.url, 2)
			require.ErrorIs(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
			_, err = supabase.Connect(t.Context(), test.url)
			require.ErrorIs(t, err, test.want)
		})
	}

	t.Run("the tables are missing", func(t *testing.T) {
		t.Parallel()
		pool, err := supabase.OpenPool(t.Context(), good, 2)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		require.ErrorIs(t, supabase.CheckMigrated(t.Context(), pool), supabase.ErrNotMigrated)
	})
}

func TestBoard(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	board := supabase.NewBoard(w.pool)
	for range 2 {
		require.NoError(t, board.RefreshProjectState(t.Context(), w.project, 0))
	}
	assert.Equal(t, 1, w.number(t, `select count(*) from handoff.outbox where kind = 'queue_updated'`))
	w.wait(t, 2)
	require.NoError(t, board.RefreshProjectState(t.Context(), w.project, 0))
	assert.Equal(t, 2, w.number(t, `select (payload ->> 'waiting_count')::int from handoff.outbox where kind = 'queue_updated' order by id desc limit 1`))
	w.exec(t, `delete from public.projects`)
	require.NoError(t, board.RefreshProjectState(t.Context(), w.project, 0), "a project that is gone is no error")
}

func TestDeadLettersKeepsOnce(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	letters := supabase.NewDeadLetters(w.pool)
	event := realtime.Event{ID: 7, ProjectID: w.project, Kind: "message", Payload: []byte(`not json`)}
	message := realtime.Message{Topic: "conversation:x", Name: "message", Payload: []byte(`{"v":1}`)}
	for range 2 {
		require.NoError(t, letters.Keep(t.Context(), event, message, "too large"))
		require.NoError(t, letters.Keep(t.Context(), event, realtime.Message{}, "unreadable"))
	}
	assert.Equal(t, 2, w.number(t, `select count(*) from handoff.broadcast_dead_letters`))
	assert.Equal(t, 1, w.number(t, `select count(*) from handoff.broadcast_dead_letters where payload = '{"v":1}' and reason = 'too large'`))
}
