package replication_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// proxy stands between a stream and its database: it counts connections, can drop the replication parameter as some
// poolers do, and can swallow what the database says as a broken network does.
type proxy struct {
	listener        net.Listener
	target          string
	dropReplication bool

	connections atomic.Int32
	mute        atomic.Bool
	open        sync.WaitGroup
	mu          sync.Mutex
	sockets     []net.Conn
}

// between starts a proxy to the server of a connection string and gives the string that leads through it.
func between(t *testing.T, address string, dropReplication bool) (*proxy, string) {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, target: parsed.Host, dropReplication: dropReplication}
	p.open.Go(p.accept)
	t.Cleanup(p.close)
	parsed.Host = listener.Addr().String()
	return p, parsed.String()
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for _, socket := range p.sockets {
		_ = socket.Close()
	}
	p.mu.Unlock()
	p.open.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.connections.Add(1)
		server, err := net.Dial("tcp", p.target) //nolint:noctx // ends with the proxy
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.sockets = append(p.sockets, client, server)
		p.mu.Unlock()
		p.open.Go(func() { p.forward(client, server) })
		p.open.Go(func() { p.backward(client, server) })
	}
}

// forward passes on what the client says, beginning with its start-up message.
func (p *proxy) forward(client, server net.Conn) {
	defer func() { _ = server.Close() }()
	if p.dropReplication {
		startup, err := pgproto3.NewBackend(client, client).ReceiveStartupMessage()
		if err != nil {
			return
		}
		if message, ok := startup.(*pgproto3.StartupMessage); ok {
			delete(message.Parameters, "replication")
			encoded, err := message.Encode(nil)
			if err != nil {
				return
			}
			_, _ = server.Write(encoded)
		}
	}
	_, _ = io.Copy(server, client)
}

// backward passes on what the server says, unless muted.
func (p *proxy) backward(client, server net.Conn) {
	defer func() { _ = client.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if p.mute.Load() {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
