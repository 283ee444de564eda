package supabase_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local/channels"
	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

func news(payload string) realtime.Message {
	return realtime.Message{Topic: "conversation:1/2", Name: "status changed", Private: true, Payload: []byte(payload)}
}

func newHTTPBroadcast(t *testing.T, address, key string) *supabase.HTTPBroadcast {
	t.Helper()
	made, err := supabase.NewHTTPBroadcast(address, key)
	require.NoError(t, err)
	t.Cleanup(made.Close)
	return made
}

func TestHTTPBroadcastAsks(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"sb_secret_x": "", "head.body.sign": "Bearer head.body.sign"} {
		t.Run("with the key "+name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.JSONEq(t, `{"v":1}`, string(body))
				assert.Equal(t, http.MethodPost, r.Method)
				assert.Equal(t, "/realtime/v1/api/broadcast/conversation%3A1%2F2/events/status%20changed", r.URL.EscapedPath())
				assert.Equal(t, "private=true", r.URL.RawQuery)
				assert.Equal(t, name, r.Header.Get("Apikey"))
				assert.Equal(t, key, r.Header.Get("Authorization"), "an sb_ key is no bearer")
				assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
				w.WriteHeader(http.StatusAccepted)
			}))
			t.Cleanup(server.Close)
			require.NoError(t, newHTTPBroadcast(t, server.URL+"/", name).Publish(t.Context(), news(`{"v":1}`)))
		})
	}
}

func TestHTTPBroadcastJudges(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		status    int
		body      string
		permanent bool
		reason    string
	}{
		"an old gateway's ok":          {200, `{}`, false, "no reason given"},
		"a redirect":                   {302, ``, false, "no reason given"},
		"a bad request":                {400, `{"errors":{"detail":"Bad Request"}}`, false, "Bad Request"},
		"a refused key":                {401, `{"message":"Unauthorized"}`, false, "check that the API key"},
		"a refusal of the policies":    {403, `{"message":"Unauthorized"}`, false, "Unauthorized"},
		"a firewall's page":            {403, `<html>blocked</html>`, false, "no reason given"},
		"a server without this door":   {404, `{"error":"not found"}`, false, "not found"},
		"a body too large for a proxy": {413, `<html>`, true, "no reason given"},
		"a payload too large":          {422, `{"errors":{"payload":["Payload size exceeds tenant limit"]}}`, true, "Payload size exceeds"},
		"Realtime's database":          {422, `{"message":"Tenant database unavailable"}`, false, "Tenant database unavailable"},
		"another field":                {422, `{"errors":{"topic":["is invalid"]}}`, false, "is invalid"},
		"a crash":                      {500, `{"error":"RPC error"}`, false, "RPC error"},
		"a restart":                    {503, `garbage`, false, "no reason given"},
		"half an answer":               {500, `{"error":"RP`, false, "no reason given"},
		"an answer of another shape":   {500, `[1,2]`, false, "no reason given"},
		"the rate limit":               {429, `{"message":"You have exceeded your rate limit"}`, false, "exceeded your rate limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				w.WriteHeader(one.status)
				_, _ = io.WriteString(w, one.body)
			}))
			t.Cleanup(server.Close)
			err := newHTTPBroadcast(t, server.URL, "sb_secret_x").Publish(t.Context(), news(`{}`))
			var refused *supabase.BroadcastError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, one.status, refused.Status)
			assert.Equal(t, one.permanent, refused.Permanent())
			require.ErrorContains(t, err, one.reason)
			assert.NotContains(t, err.Error(), "sb_secret_x")
		})
	}
}

func TestHTTPBroadcastPauses(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	made := newHTTPBroadcast(t, server.URL, "sb_secret_x")
	require.Error(t, made.Publish(t.Context(), news(`{}`)))

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, made.Publish(ctx, news(`{}`)), context.DeadlineExceeded, "the pause holds for everybody")
	assert.Equal(t, int32(1), asked.Load(), "and nothing is sent in it")
	require.NoError(t, made.Publish(t.Context(), news(`{}`)))
	assert.Equal(t, int32(2), asked.Load())
}

// TestHTTPBroadcastSurvives is a server that breaks the protocol: every way of it may pass.
func TestHTTPBroadcastSurvives(t *testing.T) {
	t.Parallel()
	for name, behave := range map[string]func(net.Conn){
		"silence":                 func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"a cut before the answer": func(net.Conn) {},
		"a cut in the answer":     func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 20") },
		"a cut in the body":       func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n{") },
		"garbage":                 func(conn net.Conn) { _, _ = io.WriteString(conn, strings.Repeat("\xff\x00", 500)) },
		"another protocol":        func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := newHTTPBroadcast(t, "http://"+rawServer(t, behave), "sb_secret_x")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			err := made.Publish(ctx, news(`{}`))
			require.Error(t, err)
			var verdict interface{ Permanent() bool }
			assert.False(t, errors.As(err, &verdict) && verdict.Permanent())
		})
	}

	t.Run("bytes that are no JSON are not sent", func(t *testing.T) {
		t.Parallel()
		err := newHTTPBroadcast(t, "http://127.0.0.1:1", "sb_secret_x").Publish(t.Context(), news(`{"a":`))
		var refused *supabase.BroadcastError
		require.ErrorAs(t, err, &refused)
		assert.True(t, refused.Permanent())
	})

	t.Run("settings that cannot work", func(t *testing.T) {
		t.Parallel()
		for address, key := range map[string]string{"http://h": "", "": "k", "postgres://h": "k", "http://": "k", "http://[::1": "k"} {
			_, err := supabase.NewHTTPBroadcast(address, key)
			require.Error(t, err, address)
		}
	})
}

// rawServer reads the beginning of a request, behaves, and closes the connection.
func rawServer(t *testing.T, behave func(net.Conn)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			behave(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestHTTPBroadcastAgainstTheStandIn(t *testing.T) {
	t.Parallel()
	logger, ring := slog.New(slog.DiscardHandler), keys.New()
	server := channels.New(channels.Options{
		Pool: localtest.New(t).Pool(t, "supabase_admin"), Ring: ring, Logger: logger, MaxPayloadBytes: 10_000,
	})
	nothing := http.NotFoundHandler()
	front := httptest.NewServer(gateway.New(gateway.Backends{Auth: nothing, Rest: nothing, Realtime: server}, ring, logger))
	t.Cleanup(func() {
		front.Close()
		assert.NoError(t, server.Close(context.WithoutCancel(t.Context())))
	})

	for name, key := range map[string]string{"secret key": keys.Secret, "service_role token": ring.ServiceRoleJWT()} {
		t.Run("it takes a message with the "+name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, newHTTPBroadcast(t, front.URL, key).Publish(t.Context(), news(`{"v":1}`)))
		})
	}

	for name, one := range map[string]struct {
		key, payload string
		status       int
		permanent    bool
	}{
		"a payload above the limit": {keys.Secret, `{"t":"` + strings.Repeat("x", 20_000) + `"}`, 422, true},
		"a lesser key":              {keys.Publishable, `{}`, 403, false},
		"a wrong key":               {"sb_secret_of_another_project", `{}`, 401, false},
	} {
		t.Run("it refuses "+name, func(t *testing.T) {
			t.Parallel()
			var refused *supabase.BroadcastError
			require.ErrorAs(t, newHTTPBroadcast(t, front.URL, one.key).Publish(t.Context(), news(one.payload)), &refused)
			assert.Equal(t, one.status, refused.Status, refused.Error())
			assert.Equal(t, one.permanent, refused.Permanent())
		})
	}
}

func TestHTTPBroadcastTellsTheLimit(t *testing.T) {
	t.Parallel()
	var limit atomic.Value
	limit.Store("100")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, _ := limit.Load().(string)
		w.Header().Set("x-rate-limit", text)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	made, err := supabase.NewHTTPBroadcast(server.URL, "sb_secret_x")
	require.NoError(t, err)
	t.Cleanup(made.Close)
	var told []int
	made.OnLimit(func(messagesPerSecond int) { told = append(told, messagesPerSecond) })
	for _, text := range []string{"100", "100", "2500", "many", "-1", "", "2500"} {
		limit.Store(text)
		require.NoError(t, made.Publish(t.Context(), realtime.Message{Topic: "t", Name: "n", Payload: []byte(`{}`)}))
	}
	assert.Equal(t, []int{100, 2500}, told)
}
