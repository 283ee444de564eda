package phoenix

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxChannels       = 90
	DefaultMaxConnections    = 8
	DefaultJoinsPerSecond    = 40
	DefaultMessagesPerSecond = 100_000
	DefaultDialTimeout       = 15 * time.Second
	DefaultJoinTimeout       = 15 * time.Second
	DefaultAckTimeout        = 10 * time.Second
	DefaultWriteTimeout      = 10 * time.Second
	DefaultHeartbeatInterval = 25 * time.Second
	DefaultIdleTimeout       = 5 * time.Minute
	DefaultReconnectMin      = 250 * time.Millisecond
	DefaultReconnectMax      = 10 * time.Second
	DefaultRefusedInterval   = 30 * time.Second
)

// Options configures a Client. URL, APIKey and Logger are needed; zero values of the others give defaults.
type Options struct {
	// URL is the project's address, for example "https://abc.supabase.co". A path is kept as a prefix.
	URL string
	// APIKey is a secret key (sb_secret_...) or the legacy service_role token. Lesser keys connect, but private
	// channels refuse them.
	APIKey string
	Logger *slog.Logger
	// MaxChannels is how many channels are joined at once on a connection. Realtime's limit is 100 on every plan.
	MaxChannels int
	// MaxConnections is how many connections are opened, one after the other as channels need them. They count towards the
	// plan's limit (200 on the smallest), as every browser does. MaxChannels times MaxConnections topics are served
	// without leaving and joining.
	MaxConnections int
	// JoinsPerSecond is the highest pace of joins of all connections together, with a burst of as many. Above the plan's
	// limit (100 on the smallest, shared with all browsers) Realtime closes the connection; then the pace halves.
	JoinsPerSecond int
	// MessagesPerSecond is the highest pace of pushes in the same way. The plan's limit (100 on the smallest) also counts
	// each delivery to a subscriber, so what it leaves for pushes is found out: each refusal halves the pace, and it doubles
	// in each minute without one.
	MessagesPerSecond int
	// DialTimeout covers TCP, TLS and the upgrade. Realtime sleeps 2 s before it refuses one.
	DialTimeout time.Duration
	// JoinTimeout is how long a call waits until it is sent: for the connection, for a place among MaxChannels, and for
	// the join. Realtime sleeps 5 s before it refuses a join, and answers nothing else meanwhile.
	JoinTimeout time.Duration
	// AckTimeout is how long a call waits for its acknowledgement. It should be above those 5 s too.
	AckTimeout   time.Duration
	WriteTimeout time.Duration
	// HeartbeatInterval is the time between heartbeats; one without an answer until the next is a lost connection.
	// Realtime closes connections that are silent for 60 s.
	HeartbeatInterval time.Duration
	// IdleTimeout is after how long an unused channel is left, and a connection without channels closed.
	IdleTimeout time.Duration
	// ReconnectMin and ReconnectMax bound the pause between attempts to connect; it doubles, half of it random.
	ReconnectMin time.Duration
	ReconnectMax time.Duration
	// RefusedInterval is the pause after Realtime refused the key or the address, which takes a person to mend.
	RefusedInterval time.Duration
	// OnState is told each change of State, in order. It must return quickly and not call the client.
	OnState func(State)
}

func (o Options) withDefaults() Options {
	orInt(&o.MaxChannels, DefaultMaxChannels)
	orInt(&o.MaxConnections, DefaultMaxConnections)
	orInt(&o.JoinsPerSecond, DefaultJoinsPerSecond)
	orInt(&o.MessagesPerSecond, DefaultMessagesPerSecond)
	orDuration(&o.DialTimeout, DefaultDialTimeout)
	orDuration(&o.JoinTimeout, DefaultJoinTimeout)
	orDuration(&o.AckTimeout, DefaultAckTimeout)
	orDuration(&o.WriteTimeout, DefaultWriteTimeout)
	orDuration(&o.HeartbeatInterval, DefaultHeartbeatInterval)
	orDuration(&o.IdleTimeout, DefaultIdleTimeout)
	orDuration(&o.ReconnectMin, DefaultReconnectMin)
	orDuration(&o.ReconnectMax, DefaultReconnectMax)
	orDuration(&o.RefusedInterval, DefaultRefusedInterval)
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	return o
}

// endpoint is the WebSocket's address, with the key in it: never log it.
func (o Options) endpoint() (*url.URL, error) {
	if o.APIKey == "" {
		return nil, errors.New("realtime API key is empty")
	}
	base, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("realtime URL: %w", err)
	}
	scheme, known := map[string]string{"http": "ws", "https": "wss"}[base.Scheme]
	if !known || base.Host == "" {
		return nil, fmt.Errorf("realtime URL %q: want http://HOST or https://HOST", base.Redacted())
	}
	endpoint := base.JoinPath("realtime/v1/websocket")
	endpoint.Scheme = scheme
	endpoint.RawQuery = url.Values{"apikey": {o.APIKey}, "vsn": {"2.0.0"}}.Encode()
	return endpoint, nil
}

// joinToken is what joins carry as access_token: the key when it is a token, nothing when it is an sb_ key.
func (o Options) joinToken() string {
	if strings.HasPrefix(o.APIKey, "sb_") {
		return ""
	}
	return o.APIKey
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
