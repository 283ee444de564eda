package channels

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pglogrepl"
)

const (
	feedRetryMin = 100 * time.Millisecond
	feedRetryMax = 10 * time.Second
	// readyTimeout is how long a channel waits that wants to know when the feed is up.
	readyTimeout = time.Minute
)

// feed reads what transactions write to the tables of a publication, in the order of their commits, and nothing of what
// is rolled back. It begins when it is wanted first and does not end before the server. What is written while its
// connection is down is not read.
type feed struct {
	url                     string // empty: there is no feed
	slotPrefix, publication string
	logger                  *slog.Logger
	// reader returns what handles the messages of one connection.
	reader func(context.Context) func(pglogrepl.Message) error
	// tell tells a channel that waits that the feed is up. It must not block.
	tell func(*channel)

	mu      sync.Mutex
	cancel  context.CancelFunc // nil before the feed has begun
	stopped bool
	up      bool
	// waiting are the channels to be told when the feed is up, and until when they wait.
	waiting map[*channel]time.Time
}

// want begins the feed unless it has begun. owner waits for its goroutine after stop.
func (f *feed) want(ctx context.Context, owner *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.url == "" || f.stopped || f.cancel != nil {
		return
	}
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	owner.Go(func() { f.run(ctx) })
}

func (f *feed) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	if f.cancel != nil {
		f.cancel()
	}
}

// run streams until stop, over as many connections as it takes.
func (f *feed) run(ctx context.Context) {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = feedRetryMin, feedRetryMax
	for attempt := 1; ; attempt++ {
		err := f.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.down() {
			retry.Reset()
			attempt = 1
		}
		wait := retry.NextBackOff()
		f.logger.WarnContext(ctx, "replication stream interrupted",
			"publication", f.publication, "attempt", attempt, "retry_in", wait, "err", err)
		pause(ctx, wait)
	}
}

// stream reads what one connection brings. Its error says why it does no more.
func (f *feed) stream(ctx context.Context) error {
	stream, err := openWALStream(ctx, f.url, f.slotPrefix, f.publication)
	if err != nil {
		return err
	}
	defer stream.close(ctx)
	f.established(ctx)
	return stream.read(ctx, f.reader(ctx))
}

// established tells those who wait that the slot is there: whatever commits from now on will be read.
func (f *feed) established(ctx context.Context) {
	f.logger.InfoContext(ctx, "replication stream established", "publication", f.publication)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up = true
	for c := range f.waiting {
		f.tell(c)
	}
	clear(f.waiting)
}

// down notes that the connection is gone and reports whether there was one.
func (f *feed) down() (was bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, f.up = f.up, false
	return was
}

// announce tells the channel when the feed is up: now, or as soon as it is.
func (f *feed) announce(c *channel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.up {
		f.tell(c)
		return
	}
	f.waiting[c] = time.Now().Add(readyTimeout)
}

// sweep closes the channels that have waited too long.
func (f *feed) sweep(now time.Time) {
	for _, c := range f.overdue(now) {
		c.shutDown(feedTooLate)
	}
}

func (f *feed) overdue(now time.Time) (late []*channel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, until := range f.waiting {
		if now.After(until) {
			late = append(late, c)
			delete(f.waiting, c)
		}
	}
	return late
}
