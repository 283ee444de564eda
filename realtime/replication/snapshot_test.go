package replication

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSnapshotIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := snapshot{
			xmin: rapid.Uint64().Draw(t, "xmin"), xmax: rapid.Uint64().Draw(t, "xmax"),
			running: rapid.SliceOfN(rapid.Uint64(), 0, 5).Draw(t, "running"),
		}
		got, err := parseSnapshot(want.String())
		require.NoError(t, err)
		require.Equal(t, want.String(), got.String())
		require.Equal(t, want.xmin, got.xmin)
		require.Equal(t, want.xmax, got.xmax)
		require.ElementsMatch(t, want.running, got.running)
	})
}

func TestSnapshotRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1:2", "1:2:3:4", "a:2:", "1:b:", "1:2:c", "1:2:-3", "1:2:3; drop table x"} {
		_, err := parseSnapshot(text)
		require.Error(t, err, text)
	}
}

func TestSnapshotNamesWhatItDoesNotShow(t *testing.T) {
	t.Parallel()
	require.Equal(t, "(xid >= '20'::xid8)", snapshot{xmin: 20, xmax: 20}.unseen())
	require.Equal(t, "(xid >= '20'::xid8 or xid = any ('{10,14}'::xid8[]))", snapshot{xmin: 10, xmax: 20, running: []uint64{10, 14}}.unseen())
}
