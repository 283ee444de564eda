package replication

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/realtime"
)

func TestConfirmedPositionIsSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := realtime.Position(rapid.Uint64Range(0, 50).Draw(t, "start"))
		p := progress{received: start, flushed: start}
		last := start
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			p.read(realtime.Position(rapid.Uint64Range(0, 100).Draw(t, "read")))
			done := realtime.Position(rapid.Uint64Range(0, 120).Draw(t, "done"))
			idle := rapid.Bool().Draw(t, "idle")
			flushed := p.next(done, idle)
			require.GreaterOrEqual(t, flushed, last, "never goes back")
			require.LessOrEqual(t, flushed, p.received, "never passes what was read")
			if idle {
				require.Equal(t, p.received, flushed, "idle confirms all that was read")
			} else {
				require.LessOrEqual(t, flushed, max(done, last), "never passes what is done")
			}
			require.Equal(t, flushed < p.received, p.outstanding())
			last = flushed
		}
	})
}
