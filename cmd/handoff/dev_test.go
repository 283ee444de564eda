package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

var urlLine = regexp.MustCompile(`RESULT run=ok url=(\S+)`)

var pagesLine = regexp.MustCompile(`RESULT run=ok .*pages=(\S+)`)

func startDev(t *testing.T, folder string, args ...string) (*program, string) {
	t.Helper()
	p := launch(t, nil, append([]string{"dev", "--port", "0", "--postgres-port", "0", "--data-dir", folder}, args...)...)
	p.await(t, "RESULT run=ok")
	found := urlLine.FindStringSubmatch(p.output.String())
	require.NotNil(t, found)
	return p, found[1]
}

func pagesOf(t *testing.T, p *program) string {
	t.Helper()
	found := pagesLine.FindStringSubmatch(p.output.String())
	require.NotNil(t, found)
	return found[1]
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	assert.Equal(t, http.StatusOK, answer.StatusCode, address)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

func TestDev(t *testing.T) {
	t.Parallel()

	t.Run("starts, answers, and stops cleanly on a signal", func(t *testing.T) {
		t.Parallel()
		folder := dataDir(t)
		p, address := startDev(t, folder)
		fetch(t, address+"/health")
		pages := pagesOf(t, p)
		told := fetch(t, pages+"/config.json")
		assert.Contains(t, told, address)
		assert.Contains(t, told, demoProjectID)
		assert.NotContains(t, told, "sb_secret")

		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/auth/v1/recover", strings.NewReader(`{"email": "sarah@example.com"}`))
		require.NoError(t, err)
		request.Header.Set("Apikey", keys.Publishable)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		p.await(t, "mail to sarah@example.com: Reset your password\n    "+address+"/auth/v1/verify?")

		p.signal(syscall.SIGINT)
		assert.Zero(t, p.exitCode(t), p.output.String())
		nothingRuns(t, folder)
	})

	t.Run("recovers after a kill that gave it no time to clean up", func(t *testing.T) {
		t.Parallel()
		folder := dataDir(t)
		p, _ := startDev(t, folder)
		p.kill()
		again, _ := startDev(t, folder)
		again.signal(syscall.SIGINT)
		assert.Zero(t, again.exitCode(t), again.output.String())
		nothingRuns(t, folder)
	})

	t.Run("refuses to run twice on one folder", func(t *testing.T) {
		t.Parallel()
		folder := dataDir(t)
		startDev(t, folder)
		text := refused(t, "already_running", exitFailed, nil, "dev", "--port", "0", "--postgres-port", "0", "--data-dir", folder)
		assert.Contains(t, text, "--data-dir")
	})
}
