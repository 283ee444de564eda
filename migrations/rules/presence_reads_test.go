package rules_test

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// list calls a function that answers an array of objects.
func (a actor) list(t *testing.T, call string, args ...any) []map[string]any {
	t.Helper()
	var answer []map[string]any
	err := a.do(t.Context(), func(tx pgx.Tx) error {
		var text string
		if err := tx.QueryRow(t.Context(), "select public."+call+"::text", args...).Scan(&text); err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &answer)
	})
	require.NoError(t, err, call)
	return answer
}

func column(rows []map[string]any, name string) []any {
	values := []any{}
	for _, row := range rows {
		values = append(values, row[name])
	}
	return values
}

func TestPresenceReads(t *testing.T) {
	t.Parallel()

	t.Run("agents online, by status and skill", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.owner.must(t, "set_agent_skills($1, '{billing}', $2)", w.project, w.mike.id)
		w.mike.must(t, "set_agent_status($1, 'busy')", w.project)
		w.sarah.enter(t, 0)
		assert.ElementsMatch(t, []any{"Sarah", "Mike"}, column(w.sarah.list(t, "agents_online($1)", w.project), "name"))
		assert.Equal(t, []any{"Mike"}, column(w.sarah.list(t, "agents_online($1, 'busy')", w.project), "name"))
		assert.Equal(t, []any{"Sarah"}, column(w.robot.list(t, "agents_online($1, 'available')", w.project), "name"))
		assert.Equal(t, []any{"Mike"}, column(w.sarah.list(t, "agents_online($1, null, ' Billing')", w.project), "name"))
		assert.Empty(t, w.sarah.list(t, "agents_online($1, 'online', 'billing')", w.project))
	})

	t.Run("one agent, with the facts apart and the connections", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.sarah.must(t, "presence_enter($1, gen_random_uuid(), p_page := 'https://example.com/inbox')", w.project)
		agent := w.owner.must(t, "agent_presence($1, $2)", w.project, w.sarah.id)
		assert.Equal(t, []any{"online", "online", "wanted", "live", "none", "sarah@example.com"},
			[]any{agent["status"], agent["effective_status"], agent["effective_reason"], agent["connection"], agent["schedule"], agent["email"]})
		connections := agent["connections"].([]any)
		require.Len(t, connections, 1)
		assert.Equal(t, "https://example.com/inbox", connections[0].(map[string]any)["page"])
		_, err := w.owner.rpc(t.Context(), "agent_presence($1, $2)", w.project, w.ann.id)
		refused(t, err, "PT404", "agent_not_found")
	})

	t.Run("customers online and counts, one a person", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.waiting(t, w.ann)
		w.ann.must(t, "identify_customer($1, $2, 'ann@example.com', 'Ann')", w.project, "visitor-"+w.ann.id)
		w.ann.enter(t, 0).beat(t, seconds(1), "background", 60)
		w.ann.enter(t, 0).beat(t, seconds(1), "typing", 10)
		w.bob.enter(t, 0).beat(t, seconds(1), "idle", 10)
		w.sarah.enter(t, 0)
		w.robot.must(t, "presence_enter($1, gen_random_uuid(), p_client_id := 'gpt')", w.project)
		customers := w.sarah.list(t, "customers_online($1)", w.project)
		assert.Equal(t, []any{"typing", "idle"}, column(customers, "status"))
		assert.Equal(t, []any{2.0, 1.0}, column(customers, "connections"))
		assert.Equal(t, []any{"ann@example.com", nil}, column(customers, "email"))
		assert.Equal(t, []any{"waiting", nil}, column(customers, "conversation_status"))
		stats := w.sarah.must(t, "presence_stats($1)", w.project)
		assert.Equal(t, map[string]any{"typing": 1.0, "online": 0.0, "idle": 1.0, "background": 0.0, "total": 2.0}, stats["customers"])
		assert.Equal(t, map[string]any{"online": 2.0, "busy": 0.0, "away": 0.0, "offline": 0.0}, stats["agents"])
		assert.Equal(t, []any{1.0, 5.0}, []any{stats["bots"], stats["connections"]})
	})

	t.Run("a journey is where they are now and where they were", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.waiting(t, w.ann)
		for _, page := range []string{"a", "b", "c"} {
			w.ann.must(t, "track_visit($1, $2, 'https://example.com/' || $3)", w.project, "visitor-"+w.ann.id, page)
		}
		customer := read[string](t, w, `select customer_id::text from public.conversations`)
		tab := w.ann.enter(t, 0)
		w.ann.must(t, "presence_update($1, 'https://example.com/now')", tab.id)
		journey := w.sarah.must(t, "customer_journey($1, 2)", customer)
		assert.Equal(t, true, journey["online"])
		assert.Equal(t, "https://example.com/now", journey["now"].([]any)[0].(map[string]any)["page"])
		assert.Len(t, journey["visits"], 2)
		assert.Equal(t, "https://example.com/c", journey["visits"].([]any)[0].(map[string]any)["url"])
		tab.leave(t, 0, "switched_pages")
		journey = w.sarah.must(t, "customer_journey($1)", customer)
		assert.Equal(t, []any{false, "switched_pages"}, []any{journey["online"], journey["left_reason"]})
		assert.NotNil(t, journey["last_seen_at"])
	})

	t.Run("live connections have the address from the header that the project trusts, and nobody else's word", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		enter := func(headers string) any {
			var id string
			require.NoError(t, w.ann.do(t.Context(), func(tx pgx.Tx) error {
				return tx.QueryRow(t.Context(), `select set_config('request.headers', $1, true), presence_enter($2, gen_random_uuid()) ->> 'connection_id'`,
					headers, w.project).Scan(new(string), &id)
			}))
			for _, row := range w.owner.list(t, "live_connections($1)", w.project) {
				if row["connection_id"] == id {
					return row["ip"]
				}
			}
			return "not there"
		}
		assert.Equal(t, "203.0.113.7", enter(`{"cf-connecting-ip": "203.0.113.7", "user-agent": "Firefox"}`))
		assert.Nil(t, enter(`{"x-forwarded-for": "203.0.113.7"}`))
		assert.Nil(t, enter(`{"cf-connecting-ip": "<script>"}`))
		w.owner.must(t, "update_handoff_settings($1, '{\"client_ip_header\": \"x-forwarded-for\"}')", w.project)
		assert.Equal(t, "198.51.100.2", enter(`{"x-forwarded-for": "203.0.113.7, 198.51.100.2"}`))
		w.owner.must(t, "update_handoff_settings($1, '{\"client_ip_header\": \"none\"}')", w.project)
		assert.Nil(t, enter(`{"cf-connecting-ip": "203.0.113.7"}`))
		assert.Contains(t, column(w.owner.list(t, "live_connections($1)", w.project), "user_agent"), "Firefox")
	})

	t.Run("history and telemetry", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.served(t)
		tab := w.sarah.enter(t, 0)
		tab.beat(t, seconds(30), "active", 30)
		tab.leave(t, seconds(31), "signed_out")
		w.mike.enter(t, 0)
		w.sweep(t, seconds(95))
		w.ann.enter(t, 0)
		history := w.owner.list(t, "presence_history($1)", w.project)
		assert.ElementsMatch(t, []any{"signed_out", "lost", nil}, column(history, "leave_reason"))
		assert.Len(t, w.owner.list(t, "presence_history($1, $2)", w.project, w.sarah.id), 1)
		telemetry := w.owner.must(t, "presence_telemetry($1)", w.project)["roles"].(map[string]any)
		agents := telemetry["agent"].(map[string]any)
		assert.Equal(t, []any{2.0, 0.0, 2.0, 1.0, 1.0, 3.0}, []any{
			agents["entered"], agents["live"], agents["ended"], agents["expired"], agents["first_beat_only"], agents["beats"],
		})
		assert.Equal(t, []any{0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}, agents["intervals"])
		assert.InDelta(t, 1, telemetry["customer"].(map[string]any)["live"], 0)
	})

	t.Run("are for members and the service key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, call := range []string{
			"presence_members($1)", "agents_online($1)", "customers_online($1)", "presence_stats($1)", "live_connections($1)",
			"presence_history($1)", "presence_telemetry($1)",
		} {
			_, err := w.ann.rpc(t.Context(), call, w.project)
			refused(t, err, "PT403", "not_a_member")
			_, err = actor{w: w, role: "authenticated"}.rpc(t.Context(), call, w.project)
			refused(t, err, "PT401", "sign_in_required")
		}
	})
}
