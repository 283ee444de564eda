package supabase_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

func TestClock(t *testing.T) {
	t.Parallel()

	t.Run("handles what is due, as often as it is called", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		clock := supabase.NewClock(w.pool)
		agent := w.agent(t, 10)
		w.wait(t, 1)
		w.exec(t, `update public.conversations set status = 'agent_active', assigned_agent_id = $1`, agent)
		w.exec(t, `insert into public.messages (conversation_id, sender_type, sender_id, content)
			select id, 'agent', $1, 'Hello' from public.conversations`, agent)
		w.exec(t, `update public.agent_availability set status = 'offline'`)
		once(t, clock.TellAgentsGone)
		w.exec(t, `update handoff.agent_absences set told_at = now() - interval '10 minutes'`)
		once(t, clock.OfferRequeue)
		w.exec(t, `update public.agent_availability set status = 'online'`)
		w.exec(t, `update public.conversations set claimed_at = now() - interval '6 minutes'`)
		once(t, clock.WarnInactive)
		w.exec(t, `update public.conversations set auto_close_warning_sent_at = now() - interval '6 minutes'`)
		once(t, clock.CloseInactive)
		assert.Equal(t, 1, w.number(t, `select count(*) from public.conversations where close_reason = 'customer_inactive'`))
	})

	t.Run("ends offers", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 1)
		w.wait(t, 1)
		w.exec(t, `insert into public.handoff_settings (project_id, assignment_mode) values ($1, 'offer')`, w.project)
		require.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
		w.exec(t, `update handoff.offers set expires_at = now()`)
		once(t, supabase.NewClock(w.pool).ExpireOffers)
	})

	t.Run("times out and passes edges", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		clock := supabase.NewClock(w.pool)
		w.wait(t, 1)
		w.exec(t, `insert into public.handoff_settings (project_id, business_hours_enabled, business_hours)
			values ($1, true, '{}')`, w.project)
		once(t, clock.PassEdges)
		w.exec(t, `update handoff.schedule_edges set changed_at = now()`)
		once(t, clock.TellClosed)
		w.exec(t, `update public.conversations set queue_entered_at = now() - interval '2 days', last_message_at = now() - interval '2 days'`)
		once(t, clock.TimeOut)
	})

	t.Run("says what failed", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := supabase.NewClock(w.pool).TimeOut(ctx, 10)
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "time out chats")
	})
}

// once calls for one thing that is due; the second call finds nothing.
func once(t *testing.T, call func(ctx context.Context, most int) (int, error)) {
	t.Helper()
	for _, want := range []int{1, 0} {
		handled, err := call(t.Context(), 10)
		require.NoError(t, err)
		assert.Equal(t, want, handled)
	}
}

func TestPruneKeepsWhatIsNotDelivered(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	clock := supabase.NewClock(w.pool)
	// An event of six days ago, in tomorrow's partition.
	event := func() {
		w.exec(t, `insert into handoff.outbox (bucket, project_id, kind, payload, created_at)
			values ((extract(epoch from now())::bigint / 86400 + 1) % 7, $1, 'settings_changed', '{}', now() - interval '143 hours')`, w.project)
	}
	kept := func() int {
		_, err := clock.Prune(t.Context(), 1000)
		require.NoError(t, err)
		return w.number(t, `select count(*) from handoff.outbox where created_at < now() - interval '5 days'`)
	}
	// All that has begun, and without what the databases of other tests have under way.
	const everything = `format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot`
	w.exec(t, `insert into handoff.worker_checkpoint (slot, horizon) select slot, `+everything+` from unnest(array['a', 'b']) as slot`)
	event()
	assert.Equal(t, 1, kept(), "no slot has delivered it")
	w.exec(t, `update handoff.worker_checkpoint set resend_from = horizon`)
	w.exec(t, `update handoff.worker_checkpoint set horizon = `+everything)
	assert.Equal(t, 1, kept(), "it must be sent again")
	w.exec(t, `update handoff.worker_checkpoint set resend_from = null where slot = 'a'`)
	assert.Equal(t, 1, kept(), "one of the slots has not sent it again")
	w.exec(t, `update handoff.worker_checkpoint set resend_from = null`)
	assert.Equal(t, 0, kept())
}
