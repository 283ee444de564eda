package supabase_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
)

// edge starts a mail function and returns a sender that calls it.
func edge(t *testing.T, key string, handler http.HandlerFunc) *supabase.EdgeMail {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sender, err := supabase.NewEdgeMail(server.URL+"/", key, "send-mail")
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	return sender
}

func TestEdgeMailSends(t *testing.T) {
	t.Parallel()
	for key, bearer := range map[string]string{"sb_secret_x": "", "eyJ.service.role": "Bearer eyJ.service.role"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			requests := make(chan *http.Request, 1)
			bodies := make(chan []byte, 1)
			sender := edge(t, key, func(answer http.ResponseWriter, request *http.Request) {
				body, _ := io.ReadAll(request.Body)
				requests <- request
				bodies <- body
				answer.WriteHeader(http.StatusNoContent)
			})
			sent := letter
			sent.Kind, sent.Data = "invitation", json.RawMessage(`{"token":"x"}`)
			require.NoError(t, sender.Send(t.Context(), sent))
			request := <-requests
			assert.Equal(t, "POST /functions/v1/send-mail", request.Method+" "+request.URL.Path)
			assert.Equal(t, key, request.Header.Get("apikey"))
			assert.Equal(t, bearer, request.Header.Get("Authorization"))
			assert.JSONEq(t, `{"key":"mail-42.7b0c1f0e","to":"nina@example.com","subject":"Grüße von Acme","text":"Hello Zoë\n.\nEnd",
				"html":"<p>Hello Zoë</p>","kind":"invitation","data":{"token":"x"}}`, string(<-bodies))
		})
	}
}

func TestEdgeMailJudgesAnswers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct{ sent, permanent bool }{
		http.StatusOK:                    {sent: true},
		http.StatusAccepted:              {sent: true},
		http.StatusFound:                 {},
		http.StatusBadRequest:            {permanent: true},
		http.StatusUnauthorized:          {},
		http.StatusForbidden:             {},
		http.StatusNotFound:              {},
		http.StatusRequestTimeout:        {},
		http.StatusRequestEntityTooLarge: {permanent: true},
		http.StatusUnprocessableEntity:   {permanent: true},
		http.StatusTooManyRequests:       {},
		http.StatusInternalServerError:   {},
		http.StatusBadGateway:            {},
		http.StatusGatewayTimeout:        {},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			sender := edge(t, "sb_secret_x", func(answer http.ResponseWriter, request *http.Request) {
				answer.Header().Set("Location", "/elsewhere")
				assert.Equal(t, "/functions/v1/send-mail", request.URL.Path, "the key goes nowhere else")
				answer.WriteHeader(status)
				_, _ = io.WriteString(answer, "because")
			})
			err := sender.Send(t.Context(), letter)
			if want.sent {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "because")
			assert.Equal(t, want.permanent, permanent(err))
			assert.NotContains(t, err.Error(), "sb_secret_x")
		})
	}
}

func TestEdgeMailEndsWithItsContext(t *testing.T) {
	t.Parallel()
	sender := edge(t, "sb_secret_x", func(_ http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)
		<-request.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := sender.Send(ctx, letter)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.False(t, permanent(err))
}

func TestNewEdgeMailRefuses(t *testing.T) {
	t.Parallel()
	for _, parts := range [][3]string{{"abc", "k", "f"}, {"ftp://abc", "k", "f"}, {"https://abc", "", "f"}, {"https://abc", "k", ""}} {
		_, err := supabase.NewEdgeMail(parts[0], parts[1], parts[2])
		require.Error(t, err, parts)
	}
}
