package phoenix

// State is where a Client stands with Realtime.
type State int32

const (
	// StateDisconnected is a client not started, stopped, or pausing before the next attempt.
	StateDisconnected State = iota
	// StateConnecting means that an attempt is under way.
	StateConnecting
	// StateConnected means that pushes can be sent.
	StateConnected
)

// String is the state's name in logs and metrics.
func (s State) String() string {
	switch s {
	case StateDisconnected:
		return "disconnected"
	case StateConnecting:
		return "connecting"
	case StateConnected:
		return "connected"
	default:
		return "unknown"
	}
}
