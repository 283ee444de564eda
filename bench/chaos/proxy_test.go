package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 10 * time.Second

// behind starts a proxy before a server that answers "hello" followed by much text.
func behind(t *testing.T) *proxy {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello"+strings.Repeat(".", 10*cutWithin))
	}))
	t.Cleanup(server.Close)
	p, err := startProxy(t.Context(), strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.close()) })
	return p
}

// get asks through the proxy over a connection of its own.
func get(t *testing.T, p *proxy) (status int, body string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(), http.NoBody)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func TestProxy(t *testing.T) {
	t.Parallel()

	t.Run("passes everything, also slowly", func(t *testing.T) {
		t.Parallel()
		for _, treatment := range []mode{passing, slow} {
			p := behind(t)
			p.set(treatment)
			status, body, err := get(t, p)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, status)
			assert.True(t, strings.HasPrefix(body, "hello"))
		}
	})
	t.Run("answers in the gateway's place", func(t *testing.T) {
		t.Parallel()
		for treatment, want := range map[mode]int{tooMany: http.StatusTooManyRequests, broken: http.StatusInternalServerError} {
			p := behind(t)
			p.set(treatment)
			status, _, err := get(t, p)
			require.NoError(t, err)
			assert.Equal(t, want, status)
		}
	})
	t.Run("is away, talks garbage, or cuts answers short", func(t *testing.T) {
		t.Parallel()
		for _, treatment := range []mode{down, garbage, cutting} {
			p := behind(t)
			p.set(treatment)
			_, _, err := get(t, p)
			require.Error(t, err)
		}
	})
	t.Run("ends open connections when it goes down", func(t *testing.T) {
		t.Parallel()
		p := behind(t)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // ended by the proxy
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		reader := bufio.NewReader(conn)
		_, err = reader.ReadString('\n')
		require.NoError(t, err)

		p.set(down)

		require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
		_, err = io.Copy(io.Discard, reader)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "the connection stayed open")
	})
	t.Run("swallows what comes and answers nothing", func(t *testing.T) {
		t.Parallel()
		p := behind(t)
		p.set(swallowed)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // nothing came of it
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		_, err = conn.Read(make([]byte, 1))
		var late net.Error
		require.ErrorAs(t, err, &late)
		assert.True(t, late.Timeout())
	})
}
