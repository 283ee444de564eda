package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// seen is what a backend was given.
type seen struct {
	Backend, Path, EscapedPath, Query   string
	APIKey, Authorization, ForwardedFor string
}

func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/panic"):
			panic("a backend broke")
		case strings.HasSuffix(r.URL.Path, "/abort"):
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Access-Control-Allow-Origin", "https://backend.example")
		_ = json.NewEncoder(w).Encode(seen{
			Backend: name, Path: r.URL.Path, EscapedPath: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			APIKey: r.Header.Get("Apikey"), Authorization: r.Header.Get("Authorization"),
			ForwardedFor: r.Header.Get("X-Forwarded-For"),
		})
	})
}

type bundle struct {
	t    *testing.T
	url  string
	ring *keys.Ring
	log  *syncBuffer
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func setup(t *testing.T, level slog.Level) *bundle {
	t.Helper()
	b := &bundle{t: t, ring: keys.New(), log: &syncBuffer{}}
	logger := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: level}))
	backends := gateway.Backends{Auth: echo("auth"), Rest: echo("rest"), Realtime: echo("realtime"), Storage: echo("storage")}
	server := httptest.NewServer(gateway.New(backends, b.ring, logger))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are pairs of name and value.
func (b *bundle) do(method, path string, headers ...string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, http.NoBody)
	require.NoError(b.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

func (b *bundle) get(path string, headers ...string) seen {
	b.t.Helper()
	got := b.do(http.MethodGet, path, headers...)
	require.Equal(b.t, http.StatusOK, got.status, got.body)
	var request seen
	require.NoError(b.t, json.Unmarshal([]byte(got.body), &request))
	return request
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t, slog.LevelInfo)
	for path, want := range map[string]seen{
		"/auth/v1/token?grant_type=password": {Backend: "auth", Path: "/token", Query: "grant_type=password"},
		"/auth/v1/admin/users/1":             {Backend: "auth", Path: "/admin/users/1"},
		"/rest/v1":                           {Backend: "rest", Path: "/"},
		"/rest/v1/rpc/f":                     {Backend: "rest", Path: "/rpc/f"},
		"/rest/v1/t?b=eq.2&a=eq.1&b=lt.%3D3": {Backend: "rest", Path: "/t", Query: "b=eq.2&a=eq.1&b=lt.%3D3"},
		"/realtime/v1/api/broadcast":         {Backend: "realtime", Path: "/api/broadcast"},
		"/realtime/v1/api/broadcast/a%2Fb/events/e": {
			Backend: "realtime", Path: "/api/broadcast/a/b/events/e", EscapedPath: "/api/broadcast/a%2Fb/events/e",
		},
	} {
		t.Run("leads "+path+" to "+want.Backend, func(t *testing.T) {
			t.Parallel()
			got := b.get(path, "apikey", keys.Publishable)
			if want.EscapedPath == "" {
				want.EscapedPath = want.Path
			}
			want.APIKey, want.Authorization = b.ring.AnonJWT(), "Bearer "+b.ring.AnonJWT()
			want.ForwardedFor = "127.0.0.1"
			assert.Equal(t, want, got)
		})
	}
	for _, path := range []string{"/", "/auth/v2/user", "/restful", "/realtime/v1/longpoll", "/%72est/v1/t", "/health/x"} {
		t.Run("knows no "+path, func(t *testing.T) {
			t.Parallel()
			got := b.do(http.MethodGet, path, "apikey", keys.Publishable)
			assert.Equal(t, http.StatusNotFound, got.status)
			assert.JSONEq(t, `{"message":"no Route matched with those values"}`, got.body)
		})
	}
	t.Run("answers for its health without a key", func(t *testing.T) {
		t.Parallel()
		got := b.do(http.MethodGet, "/health")
		assert.Equal(t, http.StatusOK, got.status)
		assert.JSONEq(t, `{"status":"ok"}`, got.body)
	})
	t.Run("leaves it to Storage who may ask", func(t *testing.T) {
		t.Parallel()
		got := b.get("/storage/v1/object/sign/b/a%2Fb.png?token=t")
		assert.Equal(t, seen{
			Backend: "storage", Path: "/object/sign/b/a/b.png", EscapedPath: "/object/sign/b/a%2Fb.png", Query: "token=t",
			ForwardedFor: "127.0.0.1",
		}, got)
	})
	t.Run("gives the key set without a key", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "/.well-known/jwks.json", b.get("/auth/v1/.well-known/jwks.json").Path)
	})
	t.Run("lets the link of a mail through without a key, and nothing else of the kind", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "/verify", b.get("/auth/v1/verify?type=recovery").Path)
		assert.Equal(t, http.StatusUnauthorized, b.do(http.MethodGet, "/auth/v1/verify/more").status)
		assert.Equal(t, http.StatusUnauthorized, b.do(http.MethodPost, "/auth/v1/recover").status)
	})
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, slog.LevelInfo)
	anon, service := b.ring.AnonJWT(), b.ring.ServiceRoleJWT()
	user, err := b.ring.Sign(map[string]any{"role": "authenticated", "sub": "u", "exp": 4102444800})
	require.NoError(t, err)

	for claim, test := range map[string]struct {
		path, apikey, authorization string
		want                        seen
	}{
		"swaps the publishable key": {
			path: "/rest/v1/t", apikey: keys.Publishable, want: seen{APIKey: anon, Authorization: "Bearer " + anon},
		},
		"swaps the secret key": {
			path: "/rest/v1/t", apikey: keys.Secret, want: seen{APIKey: service, Authorization: "Bearer " + service},
		},
		"passes the legacy keys": {
			path: "/rest/v1/t", apikey: service, want: seen{APIKey: service, Authorization: "Bearer " + service},
		},
		"swaps the key that is in Authorization too": {
			path: "/rest/v1/t", apikey: keys.Publishable, authorization: "Bearer " + keys.Publishable,
			want: seen{APIKey: anon, Authorization: "Bearer " + anon},
		},
		"leaves a user's token alone": {
			path: "/rest/v1/t", apikey: keys.Publishable, authorization: "Bearer " + user,
			want: seen{APIKey: anon, Authorization: "Bearer " + user},
		},
		"takes the key out of a query": {
			path: "/rest/v1/t?id=eq.1&apikey=" + keys.Publishable + "&select=id",
			want: seen{Query: "id=eq.1&select=id", APIKey: anon, Authorization: "Bearer " + anon},
		},
		"prefers the header to the query": {
			path: "/rest/v1/t?apikey=x", apikey: keys.Secret,
			want: seen{APIKey: service, Authorization: "Bearer " + service},
		},
		"puts the role token in the query of a WebSocket": {
			path: "/realtime/v1/websocket?apikey=" + keys.Publishable + "&vsn=2.0.0",
			want: seen{Query: "vsn=2.0.0&apikey=" + anon, APIKey: anon, Authorization: "Bearer " + anon},
		},
		"knows the bare path of the WebSocket": {
			path: "/socket/websocket", apikey: keys.Secret,
			want: seen{Query: "apikey=" + service, APIKey: service, Authorization: "Bearer " + service},
		},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			got := b.get(test.path, "apikey", test.apikey, "Authorization", test.authorization)
			assert.Equal(t, test.want, seen{Query: got.Query, APIKey: got.APIKey, Authorization: got.Authorization})
		})
	}

	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	for claim, test := range map[string]struct {
		headers []string
		message string
	}{
		"refuses a request without a key": {nil, "No API key found in request"},
		"refuses an unknown sb_ key":      {[]string{"apikey", "sb_secret_x"}, "Invalid API key"},
		"refuses a word":                  {[]string{"apikey", "x"}, "Invalid API key"},
		"refuses a user's token as a key": {[]string{"apikey", user}, "Invalid API key"},
		"refuses another sb_ key in Authorization": {
			[]string{"apikey", keys.Publishable, "Authorization", "Bearer " + keys.Secret}, "Invalid API key",
		},
		"refuses the secret key from a browser": {
			[]string{"apikey", keys.Secret, "User-Agent", firefox}, "Forbidden use of secret API key in browser",
		},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			got := b.do(http.MethodGet, "/rest/v1/t", test.headers...)
			assert.Equal(t, http.StatusUnauthorized, got.status)
			assert.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
			var refusal struct{ Message, Hint string }
			require.NoError(t, json.Unmarshal([]byte(got.body), &refusal))
			assert.Equal(t, test.message, refusal.Message)
			assert.NotEmpty(t, refusal.Hint)
		})
	}
	t.Run("lets a browser use the publishable key", func(t *testing.T) {
		t.Parallel()
		b.get("/rest/v1/t", "apikey", keys.Publishable, "User-Agent", firefox)
	})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	b := setup(t, slog.LevelInfo)
	t.Run("answers a preflight for every path without a key", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/rest/v1/t", "/auth/v1/user", "/realtime/v1/api/broadcast", "/nowhere"} {
			got := b.do(http.MethodOptions, path, "Origin", "http://shop.example",
				"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "apikey,x-mine")
			assert.Equal(t, http.StatusOK, got.status)
			assert.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "apikey,x-mine", got.header.Get("Access-Control-Allow-Headers"))
			assert.Contains(t, got.header.Get("Access-Control-Allow-Methods"), "PATCH")
		}
	})
	t.Run("names the clients' headers when a preflight names none", func(t *testing.T) {
		t.Parallel()
		got := b.do(http.MethodOptions, "/rest/v1/t")
		for _, header := range []string{"apikey", "x-client-info", "x-supabase-api-version", "prefer", "x-retry-count"} {
			assert.Contains(t, got.header.Get("Access-Control-Allow-Headers"), header)
		}
	})
	t.Run("allows any origin once, whatever the backend says", func(t *testing.T) {
		t.Parallel()
		got := b.do(http.MethodGet, "/rest/v1/t", "apikey", keys.Publishable)
		assert.Equal(t, []string{"*"}, got.header.Values("Access-Control-Allow-Origin"))
		assert.Contains(t, got.header.Get("Access-Control-Expose-Headers"), "Content-Range")
	})
}

func TestFailuresAndLog(t *testing.T) {
	t.Parallel()
	t.Run("answers 500 for a panic and logs it", func(t *testing.T) {
		t.Parallel()
		b := setup(t, slog.LevelInfo)
		got := b.do(http.MethodGet, "/rest/v1/panic", "apikey", keys.Publishable)
		assert.Equal(t, http.StatusInternalServerError, got.status)
		assert.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
		assert.NotContains(t, got.body, "a backend broke")
		assert.Contains(t, b.log.String(), "a backend broke")
	})
	t.Run("cuts the connection when a backend asks for it", func(t *testing.T) {
		t.Parallel()
		b := setup(t, slog.LevelInfo)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/rest/v1/abort", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Apikey", keys.Publishable)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
		}
		require.Error(t, err)
		assert.NotContains(t, b.log.String(), "recovered")
	})
	t.Run("logs requests at debug level only", func(t *testing.T) {
		t.Parallel()
		quiet, chatty := setup(t, slog.LevelInfo), setup(t, slog.LevelDebug)
		for _, b := range []*bundle{quiet, chatty} {
			b.get("/rest/v1/t?apikey="+keys.Secret, "apikey", keys.Secret)
		}
		assert.Empty(t, quiet.log.String())
		require.Eventually(t, func() bool { return strings.Contains(chatty.log.String(), "status=200") },
			waitForLog, tick, "the log line follows the answer")
		assert.NotContains(t, chatty.log.String(), keys.Secret)
	})
	t.Run("panics at construction when a part is missing", func(t *testing.T) {
		t.Parallel()
		assert.Panics(t, func() { gateway.New(gateway.Backends{}, keys.New(), slog.New(slog.DiscardHandler)) })
	})
}
