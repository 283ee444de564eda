package realtime

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in the write-ahead log (a Postgres LSN): bytes since the log began. Positions of one
// database only grow; zero means "none yet".
type Position uint64

// ParsePosition reads Postgres's text form, for example "16/B374D848".
func ParsePosition(text string) (Position, error) {
	high, low, found := strings.Cut(text, "/")
	if !found {
		return 0, fmt.Errorf("position %q: want HIGH/LOW in hexadecimal", text)
	}
	upper, err := strconv.ParseUint(high, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("position %q: %w", text, err)
	}
	lower, err := strconv.ParseUint(low, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("position %q: %w", text, err)
	}
	return Position(upper<<32 | lower), nil
}

// String is Postgres's text form of the position.
func (p Position) String() string {
	return fmt.Sprintf("%X/%X", uint32(p>>32), uint32(p)) //nolint:gosec // the two halves of one 64-bit number
}
