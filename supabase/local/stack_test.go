package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lxzan/gws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	deadline = 90 * time.Second
	tick     = 5 * time.Millisecond
)

func start(t *testing.T, opts local.Options) *local.Stack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	stack, err := local.Start(ctx, opts)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, stack) })
	return stack
}

func stop(t *testing.T, stack *local.Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), deadline)
	defer cancel()
	require.NoError(t, stack.Stop(ctx))
	http.DefaultClient.CloseIdleConnections()
}

// call sends a request with the publishable key and an optional user's token, and returns status and body.
func call(t *testing.T, method, address, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Apikey", keys.Publishable)
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer)
}

func execute(t *testing.T, stack *local.Stack, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), stack.DatabaseURL("postgres"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

// expose runs SQL that makes what is at path under /rest/v1, and waits until PostgREST has noticed.
func expose(t *testing.T, stack *local.Stack, path, sql string) {
	t.Helper()
	execute(t, stack, sql+`; notify pgrst, 'reload schema'`)
	require.Eventually(t, func() bool {
		status, _ := call(t, http.MethodGet, stack.URL()+"/rest/v1/"+path, "", "")
		return status != http.StatusNotFound
	}, deadline, tick)
}

func TestStack(t *testing.T) {
	t.Parallel()
	stack := start(t, local.Options{Ephemeral: true})
	expose(t, stack, "notes", `
		create table public.notes (id int primary key, owner uuid not null default auth.uid(), body text not null);
		alter table public.notes enable row level security;
		grant select, insert on public.notes to authenticated;
		create policy "owners see their notes" on public.notes for select to authenticated
		    using (owner = (select auth.uid()));
		create policy "owners write their notes" on public.notes for insert to authenticated
		    with check (owner = (select auth.uid()))`)

	t.Run("carries a user from Auth through PostgREST to the policies", func(t *testing.T) {
		t.Parallel()
		tokens := make([]string, 2)
		for i := range tokens {
			status, body := call(t, http.MethodPost, stack.URL()+"/auth/v1/signup", "", `{}`)
			require.Equal(t, http.StatusOK, status, body)
			var session struct {
				AccessToken string `json:"access_token"`
			}
			require.NoError(t, json.Unmarshal([]byte(body), &session))
			tokens[i] = session.AccessToken
		}
		status, body := call(t, http.MethodPost, stack.URL()+"/rest/v1/notes", tokens[0], `{"id":1,"body":"mine"}`)
		require.Equal(t, http.StatusCreated, status, body)
		_, mine := call(t, http.MethodGet, stack.URL()+"/rest/v1/notes?select=body", tokens[0], "")
		assert.JSONEq(t, `[{"body":"mine"}]`, mine)
		_, theirs := call(t, http.MethodGet, stack.URL()+"/rest/v1/notes?select=body", tokens[1], "")
		assert.JSONEq(t, `[]`, theirs)
	})
	t.Run("takes broadcasts for Realtime", func(t *testing.T) {
		t.Parallel()
		status, body := call(t, http.MethodPost, stack.URL()+"/realtime/v1/api/broadcast", "",
			`{"messages":[{"topic":"room","event":"e","payload":{}}]}`)
		assert.Equal(t, http.StatusAccepted, status, body)
	})
	t.Run("issues tokens in the name of its own URL", func(t *testing.T) {
		t.Parallel()
		_, body := call(t, http.MethodPost, stack.URL()+"/auth/v1/signup", "", `{}`)
		var session struct {
			AccessToken string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &session))
		claims, err := keys.New().Verify(session.AccessToken)
		require.NoError(t, err)
		assert.Equal(t, stack.URL()+"/auth/v1", claims.All["iss"])
	})
}

func TestStackKeepsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711), "the user that runs postgres for root has to get through")
	first := start(t, local.Options{DataDir: dir})
	execute(t, first, `create table public.kept (id int)`)
	stop(t, first)
	stop(t, first) // again: it waits for the first and says the same

	second := start(t, local.Options{DataDir: dir})
	execute(t, second, `insert into public.kept values (1)`)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	taken := listener.Addr().(*net.TCPAddr).Port

	for setting, opts := range map[string]local.Options{
		"GatewayPort":  {Ephemeral: true, GatewayPort: taken},
		"PostgresPort": {Ephemeral: true, PostgresPort: taken},
	} {
		t.Run("is told with the setting "+setting, func(t *testing.T) {
			t.Parallel()
			_, err := local.Start(t.Context(), opts)
			var inUse *local.PortInUseError
			require.ErrorAs(t, err, &inUse)
			assert.Equal(t, local.PortInUseError{Port: taken, Setting: setting}, *inUse)
			assert.Contains(t, err.Error(), strconv.Itoa(taken))
		})
	}
}

func TestFailedStartGivesThePortBack(t *testing.T) {
	t.Parallel()
	stack := start(t, local.Options{Ephemeral: true})
	taken, err := url.Parse(stack.DatabaseURL("postgres"))
	require.NoError(t, err)
	postgresPort, err := strconv.Atoi(taken.Port())
	require.NoError(t, err)
	probe, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := probe.Addr().String()
	gatewayPort := probe.Addr().(*net.TCPAddr).Port
	require.NoError(t, probe.Close())

	_, err = local.Start(t.Context(), local.Options{Ephemeral: true, GatewayPort: gatewayPort, PostgresPort: postgresPort})
	require.Error(t, err)
	again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	assert.NoError(t, again.Close())
}

func TestStartGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := local.Start(ctx, local.Options{Ephemeral: true, Progress: func(string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled) // and TestMain finds no goroutine left
}

// socket is a WebSocket client that remembers with which code it was closed.
type socket struct {
	gws.BuiltinEventHandler
	code chan uint16
}

func (s socket) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		s.code <- closed.Code
	}
	close(s.code)
}

func TestStopClosesSockets(t *testing.T) {
	t.Parallel()
	stack := start(t, local.Options{Ephemeral: true})
	client := socket{code: make(chan uint16, 1)}
	conn, response, err := gws.NewClient(client, &gws.ClientOption{
		Addr: strings.Replace(stack.URL(), "http", "ws", 1) + "/realtime/v1/websocket?apikey=" + keys.Publishable,
	})
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	go conn.ReadLoop()

	stop(t, stack)
	select {
	case code := <-client.code:
		assert.EqualValues(t, 1001, code)
	case <-time.After(deadline):
		require.Fail(t, "the socket outlived the stand-in")
	}
}

func TestStopCutsRequestsOffAtItsDeadline(t *testing.T) {
	t.Parallel()
	stack, err := local.Start(t.Context(), local.Options{Ephemeral: true})
	require.NoError(t, err)
	expose(t, stack, "rpc/quick", `
		create function public.slow() returns void language sql as 'select pg_sleep(60)';
		create function public.quick() returns void language sql stable as 'select null::void'`)
	conn, err := pgx.Connect(t.Context(), stack.DatabaseURL("supabase_admin"))
	require.NoError(t, err)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.URL()+"/rest/v1/rpc/slow", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Apikey", keys.Publishable)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
	}()
	require.Eventually(t, func() bool {
		var running bool
		err := conn.QueryRow(t.Context(), `
			select exists (select from pg_stat_activity where wait_event = 'PgSleep')`).Scan(&running)
		return err == nil && running
	}, deadline, tick)
	require.NoError(t, conn.Close(t.Context()))

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	require.ErrorIs(t, stack.Stop(ctx), context.DeadlineExceeded)
	assert.Less(t, time.Since(begun), 2*time.Second, "less than the statement timeout of anon")
	<-ended
}

func TestFailed(t *testing.T) {
	t.Parallel()
	stack := start(t, local.Options{Ephemeral: true})
	conn, err := pgx.Connect(t.Context(), stack.DatabaseURL("supabase_admin"))
	require.NoError(t, err)
	var pid int
	err = conn.QueryRow(t.Context(), `select split_part(pg_read_file('postmaster.pid'), e'\n', 1)::int`).Scan(&pid)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	select {
	case err := <-stack.Failed():
		require.ErrorContains(t, err, "postgres ended")
	case <-time.After(deadline):
		require.Fail(t, "the end of postgres was not told")
	}
}
