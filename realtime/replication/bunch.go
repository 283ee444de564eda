package replication

import (
	"bufio"
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// bunchBuffer takes what gathered while the reader paused.
	bunchBuffer = 64 << 10
	// bunchPause is how long a reader that is behind lets changes gather. It costs nobody anything: they wait in the log anyway.
	bunchPause = 500 * time.Microsecond
	// hurried reads follow each other within hurry; so many in a row mean that a backlog is being read.
	hurry        = 100 * time.Microsecond
	hurriedReads = 64
)

// bunchConn reads a backlog in bunches. The walsender writes each change by itself, and a reader that is woken for each
// takes the processor away from the one that decodes. What comes at the pace of live traffic is read at once.
type bunchConn struct {
	net.Conn
	reader  *bufio.Reader
	last    time.Time // when the last read ended
	hurried int       // reads in a row that found their bytes at once
}

// inBunches makes the connections of a dialer read so.
func inBunches(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		bunched := &bunchConn{Conn: conn}
		bunched.reader = bufio.NewReaderSize(gatherer{bunched}, bunchBuffer)
		return bunched, nil
	}
}

// Read gives what has gathered, or waits for more.
func (c *bunchConn) Read(into []byte) (int, error) {
	return c.reader.Read(into) //nolint:wrapcheck // a connection gives the errors of the one under it
}

// gatherer is the way from the socket into the buffer.
type gatherer struct{ conn *bunchConn }

func (g gatherer) Read(into []byte) (int, error) {
	c := g.conn
	if c.hurried >= hurriedReads {
		<-time.After(bunchPause)
	}
	n, err := c.Conn.Read(into)
	c.judge(time.Now(), n)
	return n, err //nolint:wrapcheck // a connection gives the errors of the one under it
}

// judge counts the reads that did not have to wait. One pause that gathered next to nothing ends the bunches.
func (c *bunchConn) judge(now time.Time, n int) {
	waited := now.Sub(c.last)
	c.last = now
	switch {
	case c.hurried >= hurriedReads && n < bunchBuffer/16, c.hurried < hurriedReads && waited > hurry:
		c.hurried = 0
	case c.hurried < hurriedReads:
		c.hurried++
	}
}
