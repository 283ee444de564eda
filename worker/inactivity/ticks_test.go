package inactivity_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker/inactivity"
	"github.com/supportbase/handoff/worker/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// calls notes what was called and answers with what the test put there.
type calls struct {
	names   []string
	answers map[string]int
	err     error
}

func (c *calls) call(name string) (int, error) {
	c.names = append(c.names, name)
	return c.answers[name], c.err
}

func (c *calls) WarnInactive(context.Context, int) (int, error)   { return c.call("warn_inactive") }
func (c *calls) CloseInactive(context.Context, int) (int, error)  { return c.call("close_inactive") }
func (c *calls) TimeOut(context.Context, int) (int, error)        { return c.call("time_out") }
func (c *calls) TellAgentsGone(context.Context, int) (int, error) { return c.call("tell_agents_gone") }
func (c *calls) OfferRequeue(context.Context, int) (int, error)   { return c.call("offer_requeue") }
func (c *calls) ExpireOffers(context.Context, int) (int, error)   { return c.call("expire_offers") }
func (c *calls) PassEdges(context.Context, int) (int, error)      { return c.call("pass_edges") }
func (c *calls) TellClosed(context.Context, int) (int, error)     { return c.call("tell_closed") }
func (c *calls) Prune(context.Context, int) (int, error)          { return c.call("prune") }

func TestTicks(t *testing.T) {
	t.Parallel()
	store := &calls{}
	rhythms := make(map[string]time.Duration)
	for _, tick := range inactivity.Ticks(store) {
		rhythms[tick.Name] = tick.Every
		_, err := tick.Work(t.Context(), 10)
		require.NoError(t, err)
	}
	assert.Equal(t, map[string]time.Duration{
		"warn_inactive": 15 * time.Second, "close_inactive": 15 * time.Second,
		"agents_gone": 15 * time.Second, "offer_requeue": 15 * time.Second,
		"expire_offers": 10 * time.Second,
		"time_out":      time.Minute, "edges": time.Minute, "retention": 24 * time.Hour,
	}, rhythms)
	assert.ElementsMatch(t, []string{
		"warn_inactive", "close_inactive", "tell_agents_gone", "offer_requeue", "expire_offers", "time_out", "pass_edges", "tell_closed", "prune",
	}, store.names, "everything is called")
}

func TestEdgesTellsOnceAllHavePassed(t *testing.T) {
	t.Parallel()
	edges := func(store *calls) schedule.Work {
		for _, tick := range inactivity.Ticks(store) {
			if tick.Name == "edges" {
				return tick.Work
			}
		}
		return nil
	}
	for name, test := range map[string]struct {
		store *calls
		want  []string
		count int
	}{
		"more may have passed": {&calls{answers: map[string]int{"pass_edges": 10}}, []string{"pass_edges"}, 10},
		"all have passed": {
			&calls{answers: map[string]int{"pass_edges": 9, "tell_closed": 2}},
			[]string{"pass_edges", "tell_closed"},
			2,
		},
		"it failed": {&calls{err: errors.New("down")}, []string{"pass_edges"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count, err := edges(test.store)(t.Context(), 10)
			assert.Equal(t, test.store.err, err)
			assert.Equal(t, test.count, count)
			assert.Equal(t, test.want, test.store.names)
		})
	}
}

func TestAgentLeft(t *testing.T) {
	t.Parallel()
	told := func(kind realtime.Kind, payload string) bool {
		return inactivity.AgentLeft(realtime.Transaction{Events: []realtime.Event{
			{Kind: realtime.KindMessage, Payload: json.RawMessage(`{}`)}, {Kind: kind, Payload: json.RawMessage(payload)},
		}})
	}
	assert.True(t, told(realtime.KindPresenceChange, `{"status": "online", "effective_status": "offline"}`))
	assert.False(t, told(realtime.KindPresenceChange, `{"effective_status": "away"}`))
	assert.False(t, told(realtime.KindPresenceChange, `{"effective_status": `))
	assert.False(t, told(realtime.KindMessage, `{"effective_status": "offline"}`))
}
