package replication_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/replication"
)

func TestStandbyTakesOverFromALeaderThatStops(t *testing.T) {
	t.Parallel()
	r := setup(t)
	leads, waits := newSink(), newSink()
	leader := follow(t, r.options(t), leads)
	leader.await(t, replication.StateStreaming)
	standby := follow(t, r.options(t), waits)
	standby.await(t, replication.StateStandby)
	r.write(t, 1)
	leads.expect(t, 1)
	leader.stop(t)
	standby.await(t, replication.StateStreaming)
	r.write(t, 2)
	waits.expect(t, 2)
}

func TestStandbyTakesOverFromALeaderThatIsKilled(t *testing.T) {
	t.Parallel()
	r := setup(t)
	leader, states := startHelper(t, r)
	awaitLine(t, states, "streaming")
	to := newSink()
	standby := follow(t, r.options(t), to)
	standby.await(t, replication.StateStandby)
	r.write(t, 1)

	killed := time.Now()
	require.NoError(t, leader.Process.Kill())
	standby.await(t, replication.StateStreaming)
	took := time.Since(killed)
	t.Logf("took over after %s", took)
	require.Less(t, took, 4*time.Second, "about one second is usual")
	to.expect(t, 1) // the leader had not confirmed it
}

// Workers are replaced one after the other, each by one that stood by, while events are written without a pause: every event
// is delivered, in order, and none twice.
func TestARollingRestartLosesNothing(t *testing.T) {
	t.Parallel()
	r := setup(t)
	const replacements = 4
	to := newSink()
	leader := follow(t, r.options(t), to)
	leader.await(t, replication.StateStreaming)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan int64, 1)
	go func() {
		var seq int64
		ticker := time.NewTicker(2 * time.Millisecond) // the sink holds ten thousand
		defer ticker.Stop()
		for ; ctx.Err() == nil; seq++ {
			<-ticker.C
			//nolint:contextcheck // a write that was begun is finished: a cancelled one may be committed all the same
			if _, err := r.pool.Exec(t.Context(), insertEvent, project, seq+1); err != nil {
				t.Errorf("write event %d: %v", seq+1, err)
				break
			}
		}
		written <- seq
	}()
	for range replacements {
		next := follow(t, r.options(t), to)
		next.await(t, replication.StateStandby)
		leader.stop(t)
		next.await(t, replication.StateStreaming)
		leader = next
	}
	stop()
	last := <-written
	require.Positive(t, last)
	for seq := range last {
		to.expect(t, seq+1)
	}
	require.Empty(t, to.arrived, "nothing comes twice")
}

// startHelper starts this binary again as a worker that streams from the rig's slot.
func startHelper(t *testing.T, r *rig) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	helper := exec.CommandContext(t.Context(), self)
	helper.Env = append(os.Environ(), helperURL+"="+r.db.URL("postgres"), helperSlot+"="+r.slot)
	states, err := helper.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, helper.Start())
	t.Cleanup(func() {
		_ = helper.Process.Kill()
		_ = helper.Wait()
	})
	return helper, states
}

func awaitLine(t *testing.T, from io.Reader, want string) {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
	require.FailNow(t, "the helper ended before it said "+want)
}

func TestManyStreamsShareOneSlotOneAtATime(t *testing.T) {
	t.Parallel()
	r := setup(t)
	const workers = 4
	var streaming atomic.Int32
	to := newSink()
	for range workers {
		options := r.options(t)
		states := make(chan replication.State, 1000)
		leads := false
		options.OnState = func(state replication.State) {
			if state == replication.StateStreaming {
				leads = true
				streaming.Add(1)
			} else if leads {
				leads = false
				streaming.Add(-1)
			}
			states <- state
		}
		start(t, replication.New(options), states, to.deliver, to.confirmed)
	}
	eventually(t, "one streams", func() bool { return streaming.Load() == 1 })
	for seq := range int64(5) {
		r.write(t, seq)
		eventually(t, "one streams", func() bool { return streaming.Load() == 1 })
		r.exec(t, "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active", r.slot)
	}
	seen := make(map[int64]bool)
	for len(seen) < 5 {
		_, seqs := to.next(t)
		for _, seq := range seqs {
			seen[seq] = true
		}
	}
}
