package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const pageUser = "7f1c9e52-5b0e-4c59-9f0a-2c6ab6a2c001"

// somePages are the pages of one person before a gateway that answers everything with status and body.
func somePages(t *testing.T, status int, body string) (*pages, <-chan *http.Request, <-chan string) {
	t.Helper()
	requests, bodies := make(chan *http.Request, 1), make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // an incomplete one differs
		requests <- r
		bodies <- string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // as above
	}))
	t.Cleanup(server.Close)
	open, err := openPages(server.URL, []rig.Person{{ID: pageUser, Role: "authenticated"}})
	require.NoError(t, err)
	t.Cleanup(open.close)
	return open, requests, bodies
}

func TestPages(t *testing.T) {
	t.Parallel()
	t.Run("a beat has the key, the person's token and the person's connection, and counts", func(t *testing.T) {
		t.Parallel()
		open, requests, bodies := somePages(t, http.StatusOK, `{"known": true}`)
		require.NoError(t, open.beat(t.Context(), 2))
		sent := <-requests
		assert.Equal(t, "POST /rest/v1/rpc/presence_heartbeat", sent.Method+" "+sent.URL.String())
		assert.Equal(t, keys.Publishable, sent.Header.Get("Apikey"))
		claims, err := keys.New().Verify(strings.TrimPrefix(sent.Header.Get("Authorization"), "Bearer "))
		require.NoError(t, err)
		assert.Equal(t, pageUser, claims.Subject)
		var arguments map[string]any
		require.NoError(t, json.Unmarshal([]byte(<-bodies), &arguments))
		assert.Equal(t, pageUser, arguments["p_connection_id"])
		assert.EqualValues(t, 3, arguments["p_beat"])
	})
	t.Run("a beat that the database does not know is an error", func(t *testing.T) {
		t.Parallel()
		open, _, _ := somePages(t, http.StatusOK, `{"known": false}`)
		require.ErrorIs(t, open.beat(t.Context(), 0), errUnheard)
	})
	t.Run("a refusal is an error", func(t *testing.T) {
		t.Parallel()
		open, _, _ := somePages(t, http.StatusTooManyRequests, `{"known": true}`)
		require.ErrorIs(t, open.beat(t.Context(), 0), errStatus)
	})
	t.Run("the logged row is the person's own", func(t *testing.T) {
		t.Parallel()
		open, requests, bodies := somePages(t, http.StatusNoContent, "")
		require.NoError(t, open.patch(t.Context(), 0))
		sent := <-requests
		assert.Equal(t, "PATCH /rest/v1/bench_last_seen?user_id=eq."+pageUser, sent.Method+" "+sent.URL.String())
		assert.Contains(t, <-bodies, "last_seen_at")
	})
}

func TestBeatsThroughTheGatewayStandBesideTheRowWrittenThroughIt(t *testing.T) {
	t.Parallel()
	report := newReport("presence")
	report.set(gatewayBeat, "rate", 1200, "/s")
	report.set(gatewayPatch, "rate", 800, "/s")
	report.set(gatewayCall, "rate", 1000, "/s")
	presenceGoals(report)
	require.Len(t, report.Goals, 2)
	assert.InDelta(t, 1.5, report.Goals[0].Ratio, 0.001)
	assert.InDelta(t, 1.2, report.Goals[1].Ratio, 0.001)
	assert.Zero(t, missed(report.Goals), "they are for information")
}
