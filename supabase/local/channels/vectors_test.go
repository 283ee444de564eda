package channels

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// TestRecordedFrames plays sessions that were recorded at a real Realtime and wants the same answers.
func TestRecordedFrames(t *testing.T) {
	t.Parallel()
	for vsn, file := range map[string]string{"1.0.0": "frames-v1.txt", "2.0.0": "frames-v2.txt"} {
		t.Run("vsn "+vsn+" gets the recorded answers", func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			c := r.dial(t, vsn)
			for _, line := range readSession(t, "testdata/"+file) {
				direction, frame, _ := strings.Cut(line, " ")
				switch direction {
				case ">":
					c.send("%s", strings.ReplaceAll(frame, "TOKEN", r.ring.AnonJWT()))
				case "<":
					c.expect(frame)
				}
			}
			c.send("%s", heartbeatOf(vsn))
			require.Contains(t, c.next(), `"last"`, "the leave with a stale join_ref must not be answered")
		})
	}
}

func heartbeatOf(vsn string) string {
	if vsn == "1.0.0" {
		return `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"last"}`
	}
	return `[null,"last","phoenix","heartbeat",{}]`
}

func readSession(t *testing.T, path string) (lines []string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	require.NoError(t, scanner.Err())
	return lines
}

func TestRecordedRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	expired := r.sign(t, map[string]any{"role": "anon", "exp": 1})
	for name, test := range map[string]struct {
		query, body string
		status      int
	}{
		"no key":              {"vsn=1.0.0", `{"error":"API key is missing"}`, 401},
		"a key that is none":  {"apikey=bad&vsn=1.0.0", `{"error":"The token provided is not a valid JWT"}`, 401},
		"an unknown new key":  {"apikey=sb_secret_other", `{"error":"The token provided is not a valid JWT"}`, 401},
		"an expired key":      {"apikey=" + expired, `{"error":"Token has expired"}`, 401},
		"a key without role":  {"apikey=" + r.sign(t, map[string]any{"exp": 4102444800}), "{\"error\":\"Fields `role` and `exp` are required in JWT\"}", 401},
		"a key without exp":   {"apikey=" + r.sign(t, map[string]any{"role": "anon"}), "{\"error\":\"Fields `role` and `exp` are required in JWT\"}", 401},
		"a forged key":        {"apikey=" + forged(r.ring.AnonJWT()), `{"error":"Failed to validate JWT signature"}`, 401},
		"an unknown version":  {"apikey=" + keys.Publishable + "&vsn=3.0.0", "", 403},
		"a plain GET request": {"apikey=" + keys.Publishable, `{"error":"This is a WebSocket endpoint"}`, 426},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			status, body := get(t, r.http.URL+"/socket/websocket?"+test.query)
			require.Equal(t, test.body, body)
			require.Equal(t, test.status, status)
		})
	}
}

// forged changes a character in the middle of the signature: the last one may hold bits that mean nothing.
func forged(token string) string {
	at := len(token) - 10
	other := byte('A')
	if token[at] == other {
		other = 'B'
	}
	return token[:at] + string(other) + token[at+1:]
}
