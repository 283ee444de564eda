package broadcast

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// Defaults of FailoverOptions.
const (
	DefaultFailoverPatience = 5 * time.Second
	DefaultFailoverDetour   = 30 * time.Second
	DefaultFailoverAttempts = 2
)

// maxTroubled is how many topics may be remembered for their failures before those that are over are forgotten.
const maxTroubled = 1024

// errPrimaryOut ends calls that wait on a primary that has been away for too long.
var errPrimaryOut = errors.New("the usual way to realtime is out")

// FailoverOptions configures a Failover. Primary, Secondary and Logger are needed; zero values of the others give
// defaults.
type FailoverOptions struct {
	Primary   Transport
	Secondary Transport
	Logger    *slog.Logger
	// Patience is how long the primary may be away before everything goes over the secondary. Until then calls wait for it.
	Patience time.Duration
	// Attempts is how many failures in a row send a topic over the secondary while the primary is there, for as long as
	// Detour. Then the primary is tried again, once.
	Attempts int
	Detour   time.Duration
}

func (o FailoverOptions) withDefaults() FailoverOptions {
	orDuration(&o.Patience, DefaultFailoverPatience)
	orDuration(&o.Detour, DefaultFailoverDetour)
	orInt(&o.Attempts, DefaultFailoverAttempts)
	return o
}

// mustValidate panics on wiring that can never work.
func (o FailoverOptions) mustValidate() {
	if o.Primary == nil || o.Secondary == nil || o.Logger == nil {
		panic("broadcast: FailoverOptions need Primary, Secondary and Logger")
	}
}

// Failover is a Pipeline over two transports: the primary, and the secondary while the primary is out or, when it is
// Picky, for what it would keep waiting.
//
// Order per topic is kept over each switch as long as it is called for one topic never at once, as the bridge does: a
// message goes the other way only after the call that tried it the first way has ended. What that call sent may still
// arrive later than the second copy; the copies carry the same id, so the subscriber drops it.
type Failover struct {
	options FailoverOptions

	mu sync.Mutex
	// up is what the caller says of the primary, out that it has not been up for longer than Patience.
	up        bool
	out       bool
	announced bool
	patience  *time.Timer
	// flights are the calls on the primary, so that they can be ended when it is out.
	flights  map[*flight]struct{}
	troubled map[realtime.Topic]trouble
	cold     cold
	counts   FailoverStats
}

// flight is one call on the primary.
type flight struct{ end context.CancelCauseFunc }

// trouble is what a topic has met on the primary.
type trouble struct {
	failures int
	// until is when the primary is tried again; zero while it still is.
	until time.Time
}

// FailoverStats is a look at a Failover, for metrics.
type FailoverStats struct {
	// Out says that everything goes over the secondary, Detours how many topics do for failures of their own.
	Out     bool
	Detours int
	// Primary and Secondary count messages acknowledged there, Switches how often the primary went out.
	Primary   uint64
	Secondary uint64
	Switches  uint64
	// Cold counts those of Secondary that went there because the primary would have kept them waiting.
	Cold uint64
}

// NewFailover makes a failover whose primary is not up yet. It panics when Options lacks a part.
func NewFailover(options FailoverOptions) *Failover {
	options.mustValidate()
	made := &Failover{
		options:  options.withDefaults(),
		flights:  make(map[*flight]struct{}),
		troubled: make(map[realtime.Topic]trouble),
		cold:     newCold(options.Primary),
	}
	made.patience = time.AfterFunc(made.options.Patience, made.lose)
	return made
}

// SetPrimaryUp tells whether the primary is there. Call it with each change.
func (f *Failover) SetPrimaryUp(up bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if up == f.up {
		return
	}
	f.up = up
	if up {
		f.patience.Stop()
		f.out = false
		return
	}
	f.patience.Reset(f.options.Patience)
}

// lose gives the primary up until it is there again.
func (f *Failover) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.up {
		return
	}
	f.out = true
	f.counts.Switches++
	for waiting := range f.flights {
		waiting.end(errPrimaryOut)
	}
}

// Publish sends the message over the primary, or else over the secondary. The error is that of the last one tried.
func (f *Failover) Publish(ctx context.Context, message realtime.Message) error {
	_, err := f.PublishAll(ctx, []realtime.Message{message})
	return err
}

// PublishAll sends messages of one topic in their order: what the primary does not take goes over the secondary, when
// that is the way now. See Pipeline.
func (f *Failover) PublishAll(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	if !f.avoidsWaiting(messages) {
		return f.publishUsual(ctx, messages)
	}
	acknowledged, err = f.publishSecondary(ctx, messages)
	f.noteCold(messages[0].Topic, acknowledged, err)
	if err == nil || isPermanent(err) || ctx.Err() != nil {
		return acknowledged, err
	}
	remaining, err := f.publishUsual(ctx, messages[acknowledged:])
	return acknowledged + remaining, err
}

func (f *Failover) publishUsual(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	topic := messages[0].Topic
	if f.usesPrimary(ctx, topic) {
		acknowledged, err = f.publishPrimary(ctx, messages)
		f.note(topic, acknowledged, err)
		if err == nil || isPermanent(err) || ctx.Err() != nil || f.usesPrimary(ctx, topic) {
			return acknowledged, err
		}
	}
	remaining, err := f.publishSecondary(ctx, messages[acknowledged:])
	return acknowledged + remaining, err
}

func (f *Failover) publishSecondary(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	for _, message := range messages {
		if err := f.options.Secondary.Publish(ctx, message); err != nil {
			return acknowledged, err
		}
		acknowledged++
		f.countSecondary()
	}
	return acknowledged, nil
}

func (f *Failover) publishPrimary(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	own := &flight{end: end}
	if !f.board(own) {
		return 0, errPrimaryOut
	}
	defer f.land(own)
	if pipeline, ok := f.options.Primary.(Pipeline); ok {
		return pipeline.PublishAll(ctx, messages)
	}
	for _, message := range messages {
		if err := f.options.Primary.Publish(ctx, message); err != nil {
			return acknowledged, err
		}
		acknowledged++
	}
	return acknowledged, nil
}

func (f *Failover) board(own *flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out {
		return false
	}
	f.flights[own] = struct{}{}
	return true
}

func (f *Failover) land(own *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flights, own)
}

// usesPrimary says which way a topic goes now, and logs when that has changed for all of them.
func (f *Failover) usesPrimary(ctx context.Context, topic realtime.Topic) bool {
	f.mu.Lock()
	out, changed := f.out, f.out != f.announced
	f.announced = out
	detour := time.Now().Before(f.troubled[topic].until)
	f.mu.Unlock()
	switch {
	case changed && out:
		f.options.Logger.WarnContext(ctx, "broadcasts take the slow way: no connection to realtime", "patience", f.options.Patience)
	case changed:
		f.options.Logger.InfoContext(ctx, "broadcasts take the usual way again")
	}
	return !out && !detour
}

// note books how a topic fared on the primary.
func (f *Failover) note(topic realtime.Topic, acknowledged int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Primary += uint64(acknowledged) //nolint:gosec // a count
	switch {
	case err == nil || isPermanent(err):
		delete(f.troubled, topic)
	case !f.up:
		// Not the topic's own trouble.
	default:
		f.trouble(topic)
	}
}

func (f *Failover) trouble(topic realtime.Topic) {
	if len(f.troubled) >= maxTroubled {
		for known, past := range f.troubled {
			if time.Now().After(past.until) {
				delete(f.troubled, known)
			}
		}
	}
	noted := f.troubled[topic]
	noted.failures++
	if noted.failures >= f.options.Attempts {
		noted.until = time.Now().Add(f.options.Detour)
	}
	f.troubled[topic] = noted
}

func (f *Failover) countSecondary() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Secondary++
}

// Stats gives the numbers of this moment.
func (f *Failover) Stats() FailoverStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.counts
	taken.Out = f.out
	for _, noted := range f.troubled {
		if time.Now().Before(noted.until) {
			taken.Detours++
		}
	}
	return taken
}
