package supabase

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// smtpLine is the connection of one conversation with a mail server. The mail library leaves a connection open when a
// conversation fails before the sign-in is done, and heeds no context after the dialling; the line's owner closes it.
type smtpLine struct {
	server *SMTP

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func (l *smtpLine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.server.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close() // it was never used
		return nil, net.ErrClosed
	}
	l.conn = conn
	return conn, nil
}

func (s *SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.implicit {
		dialer := tls.Dialer{Config: s.tls.Clone()}
		return dialer.DialContext(ctx, network, address)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

func (l *smtpLine) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		_ = l.conn.Close() // the library may have closed it already
		l.conn = nil
	}
}
