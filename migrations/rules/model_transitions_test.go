package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transition is a row of F001 5.2.4.
type transition struct {
	from, to, trigger string
	// do makes the move through the door that its people use.
	do func(t *testing.T, w *world, id string)
	// conditions are what must hold, each with what breaks it: then the move must not happen.
	conditions map[string]func(t *testing.T, w *world, id string)
}

// TestTransitions is the table of F001 5.2.4, row for row, with the moves that the engine has besides.
func TestTransitions(t *testing.T) {
	t.Parallel()
	for _, row := range append(transitionsOfF001(), transitionsBesides()...) {
		t.Run(row.from+" to "+row.to+": "+row.trigger, func(t *testing.T) {
			t.Parallel()
			w, id := atStatus(t, row.from)
			row.do(t, w, id)
			assert.Equal(t, row.to, w.status(t, id))
			assertInvariants(t, w)
		})
		for condition, broken := range row.conditions {
			t.Run(row.from+" stays: "+condition, func(t *testing.T) {
				t.Parallel()
				w, id := atStatus(t, row.from)
				broken(t, w, id)
				assert.Equal(t, row.from, w.status(t, id))
				assertInvariants(t, w)
			})
		}
	}
}

// atStatus is a world with both agents online and Ann's conversation in the status; when an agent has or had it, Sarah.
func atStatus(t *testing.T, status string) (*world, string) {
	t.Helper()
	w := online(t)
	w.openAPI(t, 1)
	id := w.conversation(t, w.ann)
	for _, step := range pathTo[status] {
		switch step {
		case "waiting":
			w.ann.must(t, "request_handoff($1, 'button_click')", id)
		case "agent_active":
			w.sarah.must(t, "claim_conversation($1)", id)
		case "resolved":
			w.sarah.must(t, "resolve_conversation($1)", id)
		case "closed":
			w.ann.must(t, "close_conversation($1)", id)
		}
	}
	require.Equal(t, status, w.status(t, id))
	return w, id
}

func transitionsOfF001() []transition {
	return []transition{
		{
			from: "ai_active", to: "waiting", trigger: "handoff triggered", do: annAsks,
			conditions: map[string]func(*testing.T, *world, string){
				"handoff is not enabled": func(t *testing.T, w *world, id string) {
					t.Helper()
					w.exec(t, `update public.handoff_settings set enabled = false`)
					annAsks(t, w, id)
				},
				"outside of business hours": func(t *testing.T, w *world, id string) {
					t.Helper()
					m := modelWorld{world: w}
					require.Equal(t, modelOK, m.changeSettings(t.Context(), modelSettings{Enabled: true, Mode: "both"}))
					annAsks(t, w, id)
				},
			},
		},
		{from: "ai_active", to: "closed", trigger: "customer closes", do: annCloses},
		{from: "ai_active", to: "closed", trigger: "timeout", do: timesOut},
		{
			from: "waiting", to: "agent_active", trigger: "agent claims", do: mikeClaims,
			conditions: map[string]func(*testing.T, *world, string){
				"the agent has no capacity": func(t *testing.T, w *world, id string) {
					t.Helper()
					w.exec(t, `update public.agent_availability set max_concurrent_chats = 1 where user_id = $1`, w.mike.id)
					w.assign(t, w.waiting(t, w.bob), w.mike)
					assert.Equal(t, "NO_CAPACITY", w.mike.must(t, "claim_conversation($1)", id)["error"])
				},
				"the agent is not online": func(t *testing.T, w *world, id string) {
					t.Helper()
					w.mike.must(t, "set_agent_status($1, 'away')", w.project)
					assert.Equal(t, "NOT_ONLINE", w.mike.must(t, "claim_conversation($1)", id)["error"])
				},
			},
		},
		{from: "waiting", to: "closed", trigger: "customer closes", do: annCloses},
		{from: "waiting", to: "closed", trigger: "timeout", do: timesOut},
		{
			from: "agent_active", to: "resolved", trigger: "agent resolves",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				w.sarah.must(t, "resolve_conversation($1)", id)
			},
			conditions: map[string]func(*testing.T, *world, string){
				"it belongs to another agent, who cannot be robbed of it": func(t *testing.T, w *world, id string) {
					t.Helper()
					_, err := w.mike.rpc(t.Context(), "resolve_conversation($1)", id)
					refused(t, err, "PT403", "not_your_conversation")
					assert.Equal(t, "ALREADY_CLAIMED", w.mike.must(t, "claim_conversation($1)", id)["error"])
				},
			},
		},
		{
			from: "agent_active", to: "waiting", trigger: "agent transfers",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				w.sarah.must(t, "transfer_conversation($1)", id)
			},
		},
		{from: "resolved", to: "agent_active", trigger: "customer replies", do: annWrites},
		{from: "resolved", to: "closed", trigger: "auto-close", do: timesOut},
		{
			from: "closed", to: "closed", trigger: "terminal",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				for _, call := range []string{"send_message($1, 'Hello?')", "request_handoff($1, 'button_click')"} {
					_, err := w.ann.rpc(t.Context(), call, id)
					refused(t, err, "PT409", "conversation_closed")
				}
				assert.Equal(t, "NOT_WAITING", w.sarah.must(t, "take_over_conversation($1)", id)["error"])
				_, err := w.owner.rpc(t.Context(), "resolve_conversation($1)", id)
				refused(t, err, "PT409", "illegal_transition")
				w.ann.must(t, "close_conversation($1)", id)
				assert.NotEqual(t, id, w.conversation(t, w.ann), "the visitor begins a new one")
			},
		},
	}
}

// transitionsBesides are the moves of ARCHITECTURE decision 3 and F001 5.12.7 and 9.1.
func transitionsBesides() []transition {
	return []transition{
		{
			from: "ai_active", to: "agent_active", trigger: "agent takes over",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				w.mike.must(t, "take_over_conversation($1)", id)
			},
		},
		{
			from: "agent_active", to: "waiting", trigger: "customer leaves an agent who is gone",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
				m := modelWorld{world: w}
				assert.Equal(t, "waiting", m.callAs(t.Context(), w.ann, fieldText("status"),
					"handoff.return_to_queue($1, now() + interval '11 minutes')", id))
			},
			conditions: map[string]func(*testing.T, *world, string){
				"the agent has been gone for less than ten minutes": func(t *testing.T, w *world, id string) {
					t.Helper()
					w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
					_, err := w.ann.rpc(t.Context(), "return_to_queue($1)", id)
					refused(t, err, "PT409", "agent_is_here")
				},
			},
		},
		{from: "agent_active", to: "closed", trigger: "customer closes", do: annCloses},
		{from: "agent_active", to: "closed", trigger: "inactivity", do: timesOut},
		{
			from: "resolved", to: "waiting", trigger: "customer replies and the agent cannot take it",
			do: func(t *testing.T, w *world, id string) {
				t.Helper()
				w.sarah.must(t, "set_agent_status($1, 'away')", w.project)
				annWrites(t, w, id)
			},
		},
		{from: "resolved", to: "closed", trigger: "customer closes", do: annCloses},
	}
}

func annAsks(t *testing.T, w *world, id string) {
	t.Helper()
	w.ann.must(t, "request_handoff($1, 'button_click')", id)
}

func annWrites(t *testing.T, w *world, id string) {
	t.Helper()
	w.ann.must(t, "send_message($1, 'One more thing')", id)
}

func annCloses(t *testing.T, w *world, id string) {
	t.Helper()
	w.ann.must(t, "close_conversation($1)", id)
}

func mikeClaims(t *testing.T, w *world, id string) {
	t.Helper()
	assert.Equal(t, true, w.mike.must(t, "claim_conversation($1)", id)["success"])
}

// timesOut closes as the service role does: when it is time is the worker's business.
func timesOut(t *testing.T, w *world, id string) {
	t.Helper()
	m := modelWorld{world: w}
	require.Equal(t, modelOK, m.statement(t.Context(), w.robot,
		`update public.conversations set status = 'closed', close_reason = 'timeout' where id = $1`, id))
}
