package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/supportbase/handoff/worker/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes when work was done, counted from its start.
type diary struct {
	mu      sync.Mutex
	start   time.Time
	times   []time.Duration
	handled []int // what the next calls find
	err     error
	takes   time.Duration
	busy    bool
	overlap bool
}

func newDiary() *diary { return &diary{start: time.Now()} }

func (d *diary) work(ctx context.Context, most int) (int, error) {
	d.mu.Lock()
	d.overlap = d.overlap || d.busy
	d.busy = true
	d.times = append(d.times, time.Since(d.start))
	found := 0
	if len(d.handled) > 0 {
		found, d.handled = min(d.handled[0], most), d.handled[1:]
	}
	err, takes := d.err, d.takes
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.busy = false
	}()
	select {
	case <-time.After(takes):
		return found, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (d *diary) seen() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Duration(nil), d.times...)
}

func (d *diary) count() int { return len(d.seen()) }

// passes advances the bubble's clock.
func passes(duration time.Duration) { <-time.After(duration) }

func start(t *testing.T, ticks ...schedule.Tick) *schedule.Scheduler {
	t.Helper()
	scheduler := schedule.New(slog.New(slog.DiscardHandler), ticks...)
	scheduler.Start(t.Context())
	return scheduler
}

func TestScheduler(t *testing.T) {
	t.Parallel()

	t.Run("runs at once, then at the rhythm", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			scheduler := start(t, schedule.Tick{Name: "a", Every: 15 * time.Second, Work: d.work})
			passes(31 * time.Second)
			scheduler.Stop(t.Context())
			assert.Equal(t, []time.Duration{0, 15 * time.Second, 30 * time.Second}, d.seen())
			passes(time.Minute)
			assert.Equal(t, 3, d.count(), "nothing runs after Stop")
		})
	})

	t.Run("repeats at once while there is as much as one call may do", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			d.handled = []int{10, 10, 9}
			scheduler := start(t, schedule.Tick{Name: "a", Every: time.Hour, Most: 10, Work: d.work})
			passes(time.Second)
			scheduler.Stop(t.Context())
			assert.Equal(t, 3, d.count())
		})
	})

	t.Run("a run that takes longer than the rhythm is not joined by another", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			d.takes = 25 * time.Second
			scheduler := start(t, schedule.Tick{Name: "a", Every: 10 * time.Second, Work: d.work})
			passes(60 * time.Second)
			scheduler.Stop(t.Context())
			assert.False(t, d.overlap)
			assert.Equal(t, []time.Duration{0, 25 * time.Second, 50 * time.Second}, d.seen(), "what it missed is one run")
		})
	})

	t.Run("a run ends with its time-out, and a failed one comes again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			d.takes = time.Hour
			var log bytes.Buffer
			scheduler := schedule.New(slog.New(slog.NewTextHandler(&log, nil)),
				schedule.Tick{Name: "slow", Every: time.Minute, Timeout: 5 * time.Second, Work: d.work})
			scheduler.Start(t.Context())
			passes(10 * time.Second)
			d.mu.Lock()
			d.takes, d.err = 0, errors.New("database is down")
			d.mu.Unlock()
			passes(2 * time.Minute)
			scheduler.Stop(t.Context())
			assert.Equal(t, 3, d.count())
			assert.Contains(t, log.String(), "tick=slow")
			assert.Contains(t, log.String(), "deadline exceeded")
			assert.Contains(t, log.String(), "database is down")
		})
	})

	t.Run("jitter spreads the first run and the pauses", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			scheduler := start(t, schedule.Tick{Name: "a", Every: 24 * time.Hour, Jitter: time.Hour, Work: d.work})
			passes(time.Hour)
			assert.Equal(t, 1, d.count())
			passes(24 * time.Hour)
			assert.Equal(t, 2, d.count())
			scheduler.Stop(t.Context())
			assert.GreaterOrEqual(t, d.seen()[1], 24*time.Hour)
		})
	})
}

func TestWake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		scheduler := start(t, schedule.Tick{Name: "a", Every: time.Hour, Work: d.work})
		passes(time.Second)
		for range 100 {
			scheduler.Wake("a")
			scheduler.Wake("unknown")
		}
		passes(time.Second)
		assert.Equal(t, 2, d.count(), "many are one")
		scheduler.Wake("a")
		scheduler.Stop(t.Context())
		assert.Equal(t, 2, d.count(), "it does not keep Stop waiting")
		scheduler.Wake("a")
	})
}

func TestStop(t *testing.T) {
	t.Parallel()

	t.Run("waits for the run in hand", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			d.takes = 10 * time.Second
			scheduler := start(t, schedule.Tick{Name: "a", Every: time.Hour, Work: d.work})
			passes(time.Second)
			scheduler.Stop(t.Context())
			assert.Equal(t, 10*time.Second, time.Since(d.start))
			scheduler.Stop(t.Context())
		})
	})

	t.Run("cancels it when the grace is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDiary()
			d.takes = 20 * time.Second
			scheduler := start(t, schedule.Tick{Name: "a", Every: time.Hour, Work: d.work})
			passes(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			scheduler.Stop(ctx)
			assert.Equal(t, 3*time.Second, time.Since(d.start))
		})
	})

	t.Run("of one that was not started returns", func(t *testing.T) {
		t.Parallel()
		schedule.New(slog.New(slog.DiscardHandler)).Stop(t.Context())
	})
}

func TestNewPanics(t *testing.T) {
	t.Parallel()
	logger, d := slog.New(slog.DiscardHandler), newDiary()
	good := schedule.Tick{Name: "a", Every: time.Second, Work: d.work}
	assert.Panics(t, func() { schedule.New(nil, good) })
	assert.Panics(t, func() { schedule.New(logger, good, good) })
	assert.Panics(t, func() { schedule.New(logger, schedule.Tick{Every: time.Second, Work: d.work}) })
	assert.Panics(t, func() { schedule.New(logger, schedule.Tick{Name: "a", Work: d.work}) })
	assert.Panics(t, func() { schedule.New(logger, schedule.Tick{Name: "a", Every: time.Second}) })
}
