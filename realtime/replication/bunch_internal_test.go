package replication

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBunchesOnlyOfABacklog holds which reads are put off: those of somebody who has been behind for a while.
func TestBunchesOnlyOfABacklog(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var conn bunchConn
	read := func(after time.Duration, n int) bool {
		now = now.Add(after)
		conn.judge(now, n)
		return conn.hurried >= hurriedReads
	}
	for range 1000 {
		require.False(t, read(time.Millisecond, 300), "a thousand changes a second are live traffic")
	}
	for range hurriedReads - 1 {
		require.False(t, read(hurry/10, 300), "a short burst is live traffic")
	}
	assert.True(t, read(hurry/10, 300), "this goes on and on")
	assert.True(t, read(bunchPause, bunchBuffer), "the pause filled the buffer")
	assert.False(t, read(bunchPause, 300), "the pause gathered nothing: the end of the backlog")
	assert.False(t, read(time.Second, 300))
}

// TestBunchesAreWhole sends a backlog in small pieces and reads it as it was sent, in far fewer reads.
func TestBunchesAreWhole(t *testing.T) {
	t.Parallel()
	const pieces, size = 50_000, 100
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go sendPieces(listener, pieces, size)

	counted := &countingConn{}
	dial := inBunches(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		counted.Conn = conn
		return counted, err
	})
	conn, err := dial(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	piece := make([]byte, size)
	for n := range pieces {
		_, err := io.ReadFull(conn, piece)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(n % 256), byte(n >> 8 % 256)}, piece[:2])
	}
	_, err = conn.Read(piece)
	require.ErrorIs(t, err, io.EOF)
	assert.Less(t, counted.reads, pieces/10)
}

func sendPieces(listener net.Listener, pieces, size int) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	piece := make([]byte, size)
	for n := range pieces {
		piece[0], piece[1] = byte(n), byte(n>>8)
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// countingConn counts its reads.
type countingConn struct {
	net.Conn
	reads int
}

func (c *countingConn) Read(into []byte) (int, error) {
	c.reads++
	return c.Conn.Read(into)
}
