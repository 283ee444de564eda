package phoenix

import (
	"errors"
	"fmt"

	"github.com/supportbase/handoff/realtime"
)

// Errors of Publish that may pass. They come wrapped; match them with errors.Is.
var (
	// ErrDisconnected: there was no connection, or it or the channel was lost before the acknowledgement came.
	ErrDisconnected = errors.New("no connection to realtime")
	// ErrTimeout: Realtime did not answer in time. See the package comment about missing permissions.
	ErrTimeout = errors.New("realtime did not answer in time")
	// ErrUnavailable: Realtime answered that it cannot serve the channel now: rate limits, restarts, its database.
	ErrUnavailable = errors.New("realtime cannot serve the channel now")
	// ErrStopped: the client was stopped. Nothing will be sent any more.
	ErrStopped = errors.New("realtime client is stopped")
)

// RefusedError says that Realtime will never take this message as it is.
type RefusedError struct {
	Topic realtime.Topic
	// Reason is Realtime's own text, for example "payload_size_exceeded".
	Reason string
}

// Error gives the topic and Realtime's reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("realtime refuses the message for %s: %s", e.Topic, e.Reason)
}

// Permanent is true: trying again cannot help. It lets callers ask without importing this package.
func (e *RefusedError) Permanent() bool { return true }

// IsPermanent says whether trying again is useless.
func IsPermanent(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}

// connectError is an HTTP answer instead of a WebSocket.
type connectError struct {
	status int
	reason string
}

func (e *connectError) Error() string {
	return fmt.Sprintf("realtime answered HTTP %d: %s", e.status, e.reason)
}

// settled says that the answer will stay the same until somebody changes a setting.
func (e *connectError) settled() bool {
	return e.status >= 400 && e.status < 500 && e.status != 429
}

// remedy says what to look at, in the words of Supabase's dashboard.
func (e *connectError) remedy() string {
	switch e.status {
	case 401:
		return "check that the API key is a secret key (sb_secret_...) or the service_role key of this project and has not been revoked"
	case 403:
		return "check the API key, and in the dashboard under Realtime > Settings that Realtime is switched on"
	case 404:
		return "check the Supabase URL: no project answers to it"
	case 429:
		return "the project's plan allows no more Realtime connections: close some or raise the plan"
	default:
		return "see the status page of Supabase, or the logs of Realtime when you host it yourself"
	}
}
