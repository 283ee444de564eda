package replication

// State says what a Stream is doing. Its text form is stable: health pages and logs show it.
type State int32

// The states. The package page describes each.
const (
	StateStarting State = iota
	StateWaitingForDatabase
	StateStandby
	StateStreaming
	StateStopped
	StatePolling
	StateResending
	StateSlotLost
)

// String is the state's name, for example "waiting_for_database".
func (s State) String() string {
	switch s {
	case StateStarting:
		return "starting"
	case StateWaitingForDatabase:
		return "waiting_for_database"
	case StateStandby:
		return "standby"
	case StateStreaming:
		return "streaming"
	case StateStopped:
		return "stopped"
	case StatePolling:
		return "polling"
	case StateResending:
		return "resending"
	case StateSlotLost:
		return "slot_lost"
	default:
		return "unknown"
	}
}

// MarshalText writes the state's name, so that it is readable in JSON and in logs.
func (s State) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// States lists all of them.
func States() []State {
	return []State{
		StateStarting, StateWaitingForDatabase, StateStandby, StateStreaming, StateStopped, StatePolling, StateResending,
		StateSlotLost,
	}
}
