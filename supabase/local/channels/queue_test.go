package channels

import (
	"bufio"
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbered is a frame that holds a number.
func numbered(n uint32) frame {
	return seal(finBinary, binary.BigEndian.AppendUint32(newFrame(4), n))
}

func newTestQueue(t *testing.T) (q *queue, reader *bufio.Reader) {
	t.Helper()
	ours, theirs := net.Pipe()
	var writers sync.WaitGroup
	q = &queue{conn: ours, maxFrames: 100, maxBytes: 1000, writers: &writers}
	t.Cleanup(func() {
		q.close()
		writers.Wait()
		require.NoError(t, theirs.Close())
	})
	return q, bufio.NewReaderSize(theirs, 16)
}

func TestQueue(t *testing.T) {
	t.Parallel()

	t.Run("writes everything once and in order, however it is pushed and drained", func(t *testing.T) {
		t.Parallel()
		q, reader := newTestQueue(t)
		pushed, read := uint32(0), uint32(0)
		readOne := func() {
			var got [6]byte
			_, err := reader.Read(got[:]) // a pipe hands over one write at a time, and the writer writes whole frames
			require.NoError(t, err)
			require.Equal(t, numbered(read), got[:])
			read++
		}
		for round := range 200 {
			for range []int{1, 20, 3, 40, 2}[round%5] { // some batches fit into what an idle queue keeps, some do not
				require.True(t, q.push(numbered(pushed)))
				pushed++
			}
			for pushed-read > uint32(round%30) {
				readOne()
			}
		}
		for read < pushed {
			readOne()
		}
	})
	t.Run("that is full closes the connection", func(t *testing.T) {
		t.Parallel()
		q, reader := newTestQueue(t)
		for q.push(numbered(1)) {
		}
		require.False(t, q.push(numbered(2)))
		_, err := reader.ReadByte()
		for err == nil {
			_, err = reader.ReadByte()
		}
	})
	t.Run("takes nothing after a close frame", func(t *testing.T) {
		t.Parallel()
		q, reader := newTestQueue(t)
		q.finish(closeNormal)
		require.False(t, q.push(numbered(1)))
		q.finish(closeInternal)
		var got [4]byte
		_, err := reader.Read(got[:])
		require.NoError(t, err)
		require.Equal(t, closeFrame(closeNormal), got[:])
	})
}
