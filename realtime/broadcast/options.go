package broadcast

import (
	"context"
	"log/slog"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// Defaults of Options.
const (
	DefaultMaxPending      = 20_000
	DefaultMaxPendingBytes = 64 << 20
	DefaultMaxInFlight     = 32
	DefaultMaxSlow         = 32
	DefaultWindow          = 64
	DefaultRetryMin        = 100 * time.Millisecond
	DefaultRetryMax        = 10 * time.Second
	DefaultPublishTimeout  = 30 * time.Second
	DefaultParkTimeout     = 10 * time.Second
	DefaultPoisonAttempts  = 40
)

// Transport sends one message to Realtime. The bridge calls it from several goroutines, for one topic never at once.
type Transport interface {
	// Publish returns nil only when Realtime has acknowledged the message. An error that says of itself
	// `Permanent() bool` true means that Realtime will never take this message; any other error is retried.
	Publish(ctx context.Context, message realtime.Message) error
}

// Pipeline is a Transport that can have several messages of one topic on their way at once. The bridge uses it when it is
// there.
type Pipeline interface {
	Transport
	// PublishAll sends messages of one topic in their order. It returns nil only when Realtime has acknowledged them all.
	// On an error the first so many were acknowledged, and the error is about the next one, in the terms of Publish; the
	// bridge sends what was behind it again, in order. It must not keep the slice.
	PublishAll(ctx context.Context, messages []realtime.Message) (acknowledged int, err error)
}

// Router is a Transport with a way that is slower than the usual one. The bridge uses it when it is there.
type Router interface {
	Transport
	// Slow says whether messages of the topic would take the slower way now, or wait long. The bridge sends those from
	// workers of their own, so that they keep no other topic waiting. It is asked often and must not block.
	Slow(topic realtime.Topic) bool
}

// DeadLetters keeps what Realtime will not take.
type DeadLetters interface {
	// Park returns nil only when the dead letter is durable; the bridge then counts the message as done. It may be
	// called twice for one message. Calls come from several goroutines.
	Park(ctx context.Context, parked Parked) error
}

// Parked is a message that was given up, or an event that no message could be made of.
type Parked struct {
	Event realtime.Event
	// Message is what was refused. Its Topic is empty when the event itself could not be read.
	Message realtime.Message
	// Reason is for a person to read.
	Reason string
}

// Options configures a Bridge. Transport, DeadLetters and Logger are needed; zero values of the others give defaults.
type Options struct {
	Transport   Transport
	DeadLetters DeadLetters
	Logger      *slog.Logger
	// MaxPending bounds the messages in memory: waiting, in flight, or replaced by one that is. Deliver blocks at the
	// bound. A single transaction larger than that is taken when nothing else is pending.
	MaxPending int
	// MaxPendingBytes bounds their payloads in the same way.
	MaxPendingBytes int
	// MaxInFlight is how many topics are sent to at once.
	MaxInFlight int
	// MaxSlow is how many more are sent to at once when the Transport is a Router that calls them slow.
	MaxSlow int
	// Window is how many messages of one topic are on their way at once when the Transport is a Pipeline.
	Window int
	// RetryMin and RetryMax bound the rest of a topic after a failure. It doubles from the first to the second,
	// half of it random either way.
	RetryMin time.Duration
	RetryMax time.Duration
	// PublishTimeout and ParkTimeout bound one call each.
	PublishTimeout time.Duration
	ParkTimeout    time.Duration
	// PoisonAttempts is after how many failures a message is parked although its errors say that they may pass.
	// Only failures between which Realtime took a message of another topic count, so an outage never parks
	// anything; but a message that, say, crashes its channel each time cannot hold the replication slot for ever.
	PoisonAttempts int
}

func (o Options) withDefaults() Options {
	orInt(&o.MaxPending, DefaultMaxPending)
	orInt(&o.MaxPendingBytes, DefaultMaxPendingBytes)
	orInt(&o.MaxInFlight, DefaultMaxInFlight)
	orInt(&o.MaxSlow, DefaultMaxSlow)
	orInt(&o.Window, DefaultWindow)
	orInt(&o.PoisonAttempts, DefaultPoisonAttempts)
	orDuration(&o.RetryMin, DefaultRetryMin)
	orDuration(&o.RetryMax, DefaultRetryMax)
	orDuration(&o.PublishTimeout, DefaultPublishTimeout)
	orDuration(&o.ParkTimeout, DefaultParkTimeout)
	return o
}

// mustValidate panics on wiring that can never work: it is a bug of the caller, not a setting of the user.
func (o Options) mustValidate() {
	switch {
	case o.Transport == nil:
		panic("broadcast: Options.Transport is nil")
	case o.DeadLetters == nil:
		panic("broadcast: Options.DeadLetters is nil")
	case o.Logger == nil:
		panic("broadcast: Options.Logger is nil")
	}
}

func orInt(field *int, fallback int) {
	if *field <= 0 {
		*field = fallback
	}
}

func orDuration(field *time.Duration, fallback time.Duration) {
	if *field <= 0 {
		*field = fallback
	}
}
