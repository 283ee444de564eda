package gauge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Writers is how many acts may be under way at once.
const Writers = 24

// Pace calls act count times at the rate, from several goroutines. It is an open loop: an act is due whether or not the
// one before it is done, so a slow system shows as latency and as a rate that was not reached. It returns the rate reached.
func Pace(ctx context.Context, perSecond, count int, act func(ctx context.Context, n int) error) (reached float64, err error) {
	return PaceBy(ctx, Writers, perSecond, count, act)
}

// PaceBy is Pace with another number of acts that may be under way at once.
func PaceBy(ctx context.Context, writers, perSecond, count int, act func(ctx context.Context, n int) error) (reached float64, err error) {
	var next atomic.Int64
	var failures onceError
	var group sync.WaitGroup
	outer := ctx
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	began := time.Now()
	for range min(writers, count) {
		group.Go(func() {
			for {
				n := int(next.Add(1) - 1)
				if n >= count || ctx.Err() != nil {
					return
				}
				due := began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
				if wait := time.Until(due); wait > 0 && pause(ctx, wait) != nil {
					return
				}
				if err := act(ctx, n); err != nil {
					failures.keep(err)
					cancel()
					return
				}
			}
		})
	}
	group.Wait()
	return float64(count) / time.Since(began).Seconds(), errors.Join(failures.err, outer.Err())
}

// onceError keeps the first of several errors.
type onceError struct {
	once sync.Once
	err  error
}

func (o *onceError) keep(err error) { o.once.Do(func() { o.err = err }) }

// pause waits; it returns early, with the reason, when ctx ends.
func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
