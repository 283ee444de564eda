package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/web"
)

var config = web.Config{
	URL: "http://127.0.0.1:54321", Key: "sb_publishable_x", ProjectID: "p-1",
	SignIns: []web.SignIn{{Email: "sarah@example.com", Password: "secret", Name: "Sarah", Role: "agent"}},
}

var built = fstest.MapFS{
	"shop/index.html":                    {Data: []byte("<!doctype html>shop")},
	"shop/lamp.html":                     {Data: []byte("<!doctype html>lamp")},
	"dashboard/index.html":               {Data: []byte("<!doctype html>dashboard")},
	"dashboard/assets/index-A1b2C3d4.js": {Data: []byte("dashboard()")},
	"widget/widget.js":                   {Data: []byte("widget()")},
}

func ask(t *testing.T, files fstest.MapFS, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := web.NewHandler(files, config)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestHandler(t *testing.T) {
	t.Parallel()

	t.Run("tells the pages where the project is, and nobody keeps it", func(t *testing.T) {
		t.Parallel()
		answer := ask(t, built, http.MethodGet, "/config.json")
		var told web.Config
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
		assert.Equal(t, config, told)
		assert.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
	})

	t.Run("answers folders and files with their type", func(t *testing.T) {
		t.Parallel()
		for target, kind := range map[string]string{
			"/shop/": "text/html; charset=utf-8", "/shop/lamp.html": "text/html; charset=utf-8",
			"/widget/widget.js": "text/javascript; charset=utf-8",
		} {
			answer := ask(t, built, http.MethodGet, target)
			assert.Equal(t, http.StatusOK, answer.Code, target)
			assert.Equal(t, kind, answer.Header().Get("Content-Type"), target)
		}
	})

	t.Run("answers links into the dashboard with its index, and missing assets with 404", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, ask(t, built, http.MethodGet, "/dashboard/chats/42").Body.String(), "dashboard")
		assert.Contains(t, ask(t, built, http.MethodGet, "/dashboard").Body.String(), "dashboard")
		for _, target := range []string{"/dashboard/assets/gone-A1b2C3d4.js", "/shop/gone", "/elsewhere", "/../embed.go"} {
			assert.Equal(t, http.StatusNotFound, ask(t, built, http.MethodGet, target).Code, target)
		}
	})

	t.Run("leads the link of an invitation's mail to the dashboard, token and all", func(t *testing.T) {
		t.Parallel()
		answer := ask(t, built, http.MethodGet, "/accept?token=a%2Bb")
		assert.Equal(t, http.StatusFound, answer.Code)
		assert.Equal(t, "/dashboard/accept?token=a%2Bb", answer.Header().Get("Location"))
		assert.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		assert.Contains(t, ask(t, built, http.MethodGet, "/dashboard/accept?token=a").Body.String(), "dashboard")
	})

	t.Run("lets hashed files be kept for good and pages be asked for each time", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, ask(t, built, http.MethodGet, "/dashboard/assets/index-A1b2C3d4.js").Header().Get("Cache-Control"), "immutable")
		page := ask(t, built, http.MethodGet, "/shop/")
		assert.Equal(t, "no-cache", page.Header().Get("Cache-Control"))
		again := ask(t, built, http.MethodGet, "/shop/", "If-None-Match", page.Header().Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Code)
	})

	t.Run("lets pages run their own scripts and reach the project alone", func(t *testing.T) {
		t.Parallel()
		policy := ask(t, built, http.MethodGet, "/shop/").Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "script-src 'self';")
		assert.Contains(t, policy, "connect-src 'self' http://127.0.0.1:54321 ws://127.0.0.1:54321;")
		assert.Contains(t, policy, "img-src 'self' data: blob: https: http://127.0.0.1:54321;")
		assert.NotContains(t, policy, "unsafe")
	})

	t.Run("opens the widget alone to other origins", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "*", ask(t, built, http.MethodGet, "/widget/widget.js").Header().Get("Access-Control-Allow-Origin"))
		assert.Empty(t, ask(t, built, http.MethodGet, "/config.json").Header().Get("Access-Control-Allow-Origin"))
	})

	t.Run("takes nothing", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, http.StatusMethodNotAllowed, ask(t, built, http.MethodPost, "/config.json").Code)
	})

	t.Run("says how to build pages that are not there", func(t *testing.T) {
		t.Parallel()
		answer := ask(t, fstest.MapFS{"README.md": {}}, http.MethodGet, "/shop/")
		assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
		assert.Contains(t, answer.Body.String(), "make build")
	})
}

func TestDist(t *testing.T) {
	t.Parallel()
	handler, err := web.NewHandler(web.Dist(), config)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/shop/", http.NoBody))
	assert.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, recorder.Code, "built or not, it answers")
}
