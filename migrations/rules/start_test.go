package rules_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStartConversationFindsTheCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := func(visitor actor, device string) string {
		return visitor.must(t, "start_conversation($1, $2, 'widget', $3)", w.project, device, browser)["id"].(string)
	}
	first := start(w.ann, "laptop")
	assert.Equal(t, first, start(w.ann, "laptop"), "the open one")
	w.ann.must(t, "identify_customer($1, 'laptop', 'ann@example.com', 'Ann')", w.project)
	start(w.bob, "phone")
	w.bob.must(t, "request_handoff($1, 'button_click', 'Ann@example.com')", w.openChat(t, w.bob))
	require.NoError(t, w.move(t, w.openChat(t, w.bob), "closed"))
	again := start(w.bob, "phone")
	customer := w.customer(t, w.conversationCustomer(t, again))
	assert.Equal(t, w.conversationCustomer(t, first), customer["id"], "a merged device")
	assert.InDelta(t, 3, customer["total_conversations"], 0)
	assert.Equal(t, "Chrome", customer["last_browser"])
	assertTotalsAreTrue(t, w)
}

func (w *world) openChat(t *testing.T, visitor actor) string {
	t.Helper()
	return read[string](t, w, `select id::text from public.conversations where visitor_user_id = $1 and status <> 'closed'`, visitor.id)
}

func TestStartAndIdentifyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd(t)
	visitors := make([]actor, 10)
	for i := range visitors {
		visitors[i] = w.person(t, "", "")
	}
	together(t, 50, func(ctx context.Context, i int) error {
		visitor, device := visitors[i%10], fmt.Sprintf("device-%d", i%10)
		answer, err := visitor.rpc(ctx, "start_conversation($1, $2)", w.project, device)
		if err != nil {
			return err
		}
		switch i / 10 {
		case 0:
			_, err = visitor.rpc(ctx, "identify_customer($1, $2, 'ann@example.com')", w.project, device)
		case 1:
			_, err = visitor.rpc(ctx, "request_handoff($1, 'button_click', 'ann@example.com', 'Ann')", answer["id"])
		case 2:
			_, err = visitor.rpc(ctx, "submit_offline_form($1, 'ann@example.com', 'Ann', 'Help')", answer["id"])
		}
		return err
	})
	assert.Equal(t, 1, read[int](t, w, `select count(*) from public.customers`))
	assert.Equal(t, 10, read[int](t, w, `select count(*) from public.conversations`))
	assertTotalsAreTrue(t, w)
}

// start_conversation counts the call and then locks the customer. Whoever did it the other way round would deadlock with it.
func TestAskingForAPersonCountsBeforeItLocksTheCustomer(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.conversation(t, w.ann)
	w.ann.must(t, "identify_customer($1, 'laptop', 'ann@example.com')", w.project)
	counting, err := w.root.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = counting.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = counting.Exec(t.Context(), `select 1 from handoff.rate_limits where user_id = $1 for update`, w.ann.id)
	require.NoError(t, err)

	asked := make(chan error, 1)
	go func() {
		_, err := w.ann.rpc(t.Context(), "request_handoff($1, 'button_click', 'ann@example.com')", id)
		asked <- err
	}()
	w.awaitLock(t)
	_, err = w.root.Exec(t.Context(), `select 1 from public.customers for update nowait`)
	require.NoError(t, err, "no customer is locked yet")
	require.NoError(t, counting.Rollback(t.Context()))
	require.NoError(t, <-asked)
	assert.Equal(t, "waiting", w.status(t, id))
}
