package channels

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	jsonType  = "application/json"
	bytesType = "application/octet-stream"
)

func TestHTTPSingle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{MaxPayloadBytes: 100})
	listen := func(t *testing.T, topic string) *client {
		t.Helper()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:"+topic, `{}`)
		return c
	}

	for name, test := range map[string]struct{ contentType, body, want string }{
		"an object arrives as it is":         {jsonType, `{"b":1, "a":2}`, userBroadcast("realtime:t", "e", 1, `{"b":1, "a":2}`)},
		"another value arrives as _json":     {jsonType + "; charset=utf-8", `[1,2]`, userBroadcast("realtime:t", "e", 1, `{"_json":[1,2]}`)},
		"nothing arrives as an empty object": {jsonType, ``, userBroadcast("realtime:t", "e", 1, `{}`)},
		"bytes arrive raw":                   {bytesType, "\x00\xff", userBroadcast("realtime:t", "e", 0, "\x00\xff")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			c := r.dial(t, "2.0.0")
			c.mustJoin("realtime:t", `{}`)
			status, body := r.post(t, "/api/broadcast/t/events/e?apikey=x&vsn=2.0.0", test.contentType, test.body)
			require.Equal(t, http.StatusAccepted, status)
			require.Empty(t, body)
			c.expect(test.want)
		})
	}
	t.Run("topic and event may hold slashes, colons and spaces", func(t *testing.T) {
		t.Parallel()
		c := listen(t, "a/b:c d")
		status, _ := r.post(t, "/api/broadcast/"+url.PathEscape("a/b:c d")+"/events/"+url.PathEscape("x/y z"), jsonType, `{}`)
		require.Equal(t, http.StatusAccepted, status)
		c.expect(userBroadcast("realtime:a/b:c d", "x/y z", 1, `{}`))
	})
	t.Run("the prefix of the wire makes another topic", func(t *testing.T) {
		t.Parallel()
		c := listen(t, "prefix")
		status, _ := r.post(t, "/api/broadcast/realtime:prefix/events/e", jsonType, `{}`)
		require.Equal(t, http.StatusAccepted, status)
		c.expectNothing()
	})
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		answer            string
	}{
		"another media type": {
			"text/plain", `x`, 415,
			`{"error":"Unsupported Media Type. Use application/json or application/octet-stream"}`,
		},
		"a large payload": {
			jsonType, `{"a":"` + strings.Repeat("x", 100) + `"}`, 422,
			`{"errors":{"payload":["Payload size exceeds tenant limit"]}}`,
		},
		"a huge body":            {bytesType, strings.Repeat("x", maxBodyBytes+1), 413, `{"errors":{"detail":"Request Entity Too Large"}}`},
		"bad JSON":               {jsonType, `{`, 400, `{"errors":{"detail":"Bad Request"}}`},
		"JSON that is not UTF-8": {jsonType, "\"\xff\"", 400, `{"errors":{"detail":"Bad Request"}}`},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			status, answer := r.post(t, "/api/broadcast/t/events/e", test.contentType, test.body)
			require.Equal(t, test.answer, answer)
			require.Equal(t, test.status, status)
		})
	}
	t.Run("a database that is not there is said", func(t *testing.T) {
		t.Parallel()
		status, answer := r.post(t, "/api/broadcast/t/events/e?private=true", jsonType, `{}`)
		requireText(t, `{"message":"Tenant database unavailable"}`, answer)
		require.Equal(t, http.StatusUnprocessableEntity, status)
	})
}

func TestHTTPPrivate(t *testing.T) {
	t.Parallel()
	r := newPrivateRig(t)

	t.Run("single reaches the private room of who may write and says 403 to who may not", func(t *testing.T) {
		t.Parallel()
		alice := r.as(t, "alice")
		requireText(t, joinedReply, alice.enter("realtime:room:1", acked))
		const path = "/api/broadcast/room:1/events/e?private=true"
		status, answer := r.postAs(t, r.token(t, "authenticated", "bob"), path, jsonType, `{}`)
		require.Equal(t, http.StatusForbidden, status)
		requireText(t, `{"message":"Unauthorized"}`, answer)
		for _, token := range []string{alice.token, r.ring.ServiceRoleJWT()} {
			status, _ = r.postAs(t, token, path, jsonType, `{}`)
			require.Equal(t, http.StatusAccepted, status)
			alice.expect(userBroadcast("realtime:room:1", "e", 1, `{}`))
		}
		alice.expectNothing()
	})
	t.Run("single names a policy that fails", func(t *testing.T) {
		t.Parallel()
		status, answer := r.postAs(t, r.ring.AnonJWT(), "/api/broadcast/broken/events/e?private=true", jsonType, `{}`)
		require.Equal(t, http.StatusUnprocessableEntity, status)
		requireText(t, `{"message":"RLS policy error"}`, answer)
	})
	t.Run("is what only the word true means", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:room:2", `{}`)
		status, _ := r.postAs(t, r.ring.AnonJWT(), "/api/broadcast/room:2/events/e?private=1", jsonType, `{}`)
		require.Equal(t, http.StatusAccepted, status)
		c.expect(userBroadcast("realtime:room:2", "e", 1, `{}`))
	})
	t.Run("batch drops what may not be sent, sends the rest, public messages first", func(t *testing.T) {
		t.Parallel()
		alice, service := r.as(t, "alice"), r.dialWith(t, "2.0.0", r.ring.ServiceRoleJWT())
		requireText(t, joinedReply, alice.enter("realtime:room:3", acked))
		alice.mustJoin("realtime:public", `{}`)
		_, reply := service.join("realtime:elsewhere", `{"config":{"private":true}}`)
		requireText(t, joinedReply, reply)
		status, _ := r.postAs(t, alice.token, "/api/broadcast", jsonType, `{"messages":[
			{"topic":"room:3","event":"1","payload":{},"private":true},
			{"topic":"elsewhere","event":"2","payload":{},"private":true},
			{"topic":"public","event":"3","payload":{}},
			{"topic":"room:3","event":"4","payload":{},"private":true}]}`)
		require.Equal(t, http.StatusAccepted, status)
		alice.expect(
			`[null,null,"realtime:public","broadcast",{"event":"3","payload":{},"type":"broadcast"}]`,
			`[null,null,"realtime:room:3","broadcast",{"event":"1","payload":{},"type":"broadcast"}]`,
			`[null,null,"realtime:room:3","broadcast",{"event":"4","payload":{},"type":"broadcast"}]`)
		service.expectNothing()
	})
}

func TestHTTPBatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{MaxPayloadBytes: 100})

	t.Run("sends text, with an id as meta", func(t *testing.T) {
		t.Parallel()
		c := r.dial(t, "2.0.0")
		c.mustJoin("realtime:batch", `{}`)
		status, answer := r.post(t, "/api/broadcast", jsonType, `{"messages":[{"topic":"batch","event":"e","payload":{"b":1},"id":"7"}]}`)
		require.Equal(t, http.StatusAccepted, status)
		require.Empty(t, answer)
		c.expect(`[null,null,"realtime:batch","broadcast",{"event":"e","meta":{"id":"7"},"payload":{"b":1},"type":"broadcast"}]`)
	})
	for name, test := range map[string]struct {
		body, answer string
		status       int
	}{
		"nothing":              {``, `{"errors":{"messages":["can't be blank"]}}`, 422},
		"an empty list":        {`{"messages":[]}`, `{"errors":{"messages":["can't be blank"]}}`, 422},
		"null":                 {`{"messages":null}`, `{"errors":{"messages":["can't be blank"]}}`, 422},
		"no list":              {`{"messages":7}`, `{"errors":{"messages":["is invalid"]}}`, 422},
		"a list of no objects": {`{"messages":[1]}`, `{"errors":{"messages":["is invalid"]}}`, 422},
		"a batch with one bad message": {
			`{"messages":[{"topic":"bad"},{"topic":"","event":1,"payload":[]},{"topic":"bad","event":"e","payload":{}}]}`,
			`{"errors":{"messages":[{"event":["can't be blank"],"payload":["can't be blank"]},` +
				`{"event":["is invalid"],"payload":["is invalid"],"topic":["can't be blank"]},{}]}}`, 422,
		},
		"a large payload": {
			`{"messages":[{"topic":"bad","event":"e","payload":{"a":"` + strings.Repeat("x", 100) + `"}}]}`,
			`{"errors":{"messages":[{"payload":["Payload size exceeds tenant limit"]}]}}`, 422,
		},
		"bad JSON": {`{"messages":`, `{"errors":{"detail":"Bad Request"}}`, 400},
	} {
		t.Run(name+" is refused as a whole", func(t *testing.T) {
			t.Parallel()
			c := r.dial(t, "2.0.0")
			c.mustJoin("realtime:bad", `{}`)
			status, answer := r.post(t, "/api/broadcast", jsonType, test.body)
			require.JSONEq(t, strings.ReplaceAll(test.answer, "&#39;", "'"), answer)
			require.Equal(t, test.status, status)
			c.expectNothing()
		})
	}
}

func TestHTTPSender(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limits: SupabaseDefaults()})
	request := func(t *testing.T, headers map[string]string) *http.Request {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL+"/api/broadcast", strings.NewReader(
			`{"messages":[{"topic":"t","event":"e","payload":{}}]}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", jsonType)
		for name, value := range headers {
			request.Header.Set(name, value)
		}
		return request
	}
	for name, test := range map[string]struct {
		headers map[string]string
		status  int
	}{
		"a token":                       {map[string]string{"Authorization": "Bearer " + r.ring.AnonJWT()}, 202},
		"a key of the new kind":         {map[string]string{"Authorization": "Bearer sb_publishable_local_development_only"}, 202},
		"an API key alone":              {map[string]string{"Apikey": r.ring.AnonJWT()}, 202},
		"a bad token beside a good key": {map[string]string{"Authorization": "Bearer x", "Apikey": r.ring.AnonJWT()}, 401},
		"nothing":                       {nil, 401},
		"a token without its word":      {map[string]string{"Authorization": r.ring.AnonJWT()}, 500},
	} {
		t.Run("with "+name, func(t *testing.T) {
			t.Parallel()
			status, _ := do(t, request(t, test.headers))
			require.Equal(t, test.status, status)
		})
	}
	t.Run("learns of the rate", func(t *testing.T) {
		t.Parallel()
		response, err := http.DefaultTransport.RoundTrip(request(t, map[string]string{"Apikey": r.ring.AnonJWT()}))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "0", response.Header.Get("X-Rate-Rolling"))
		require.Equal(t, "100", response.Header.Get("X-Rate-Limit"))
		require.Equal(t, "100", response.Header.Get("X-Rate-Limit-Remaining"))
	})
	t.Run("may be a page of another origin", func(t *testing.T) {
		t.Parallel()
		preflight, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, r.http.URL+"/api/broadcast/t/events/e", http.NoBody)
		require.NoError(t, err)
		response, err := http.DefaultTransport.RoundTrip(preflight)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, response.Header.Get("Access-Control-Allow-Headers"), "apikey")
	})
}

// past makes a rate look as if the last minute had gone at this pace.
func past(r *rate, perSecond int) {
	r.average(time.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.past {
		r.past[i] = perSecond * int(rateBucket.Seconds())
	}
	r.filled = rateBuckets
}

func TestLimitsOverHTTP(t *testing.T) {
	t.Parallel()
	const one = `{"messages":[{"topic":"t","event":"e","payload":{}}]}`

	t.Run("the rate stops everybody", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: SupabaseDefaults()})
		past(r.events, 200)
		status, answer := r.post(t, "/api/broadcast", jsonType, one)
		requireText(t, `{"message":"Too many requests"}`, answer)
		require.Equal(t, http.StatusTooManyRequests, status)
	})
	t.Run("a batch may not be larger than what is left of it", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{Limits: Limits{EventsPerSecond: 10}})
		past(r.events, 9)
		status, _ := r.post(t, "/api/broadcast", jsonType, one)
		require.Equal(t, http.StatusAccepted, status)
		status, answer := r.post(t, "/api/broadcast", jsonType,
			`{"messages":[{"topic":"t","event":"e","payload":{}},{"topic":"t","event":"e","payload":{}}]}`)
		requireText(t, `{"message":"Too many messages to broadcast, please reduce the batch size"}`, answer)
		require.Equal(t, http.StatusTooManyRequests, status)
	})
}
