package channels

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	// crowdVariable sets how many sockets TestCrowd opens.
	crowdVariable = "HANDOFF_STANDIN_SOCKETS"
	// crowdServerVariable makes the test binary the server of a crowd.
	crowdServerVariable = "HANDOFF_STANDIN_CROWD_SERVER"

	crowdSockets   = 10_000
	crowdUnderRace = 500
	crowdTimeout   = time.Minute
	// crowdDialers is how many sockets are being opened at a time; the queue of the listener holds more.
	crowdDialers = 64
	// crowdSpareFiles is what a process needs besides its sockets.
	crowdSpareFiles = 100
	crowdTopic      = "realtime:crowd"
)

// crowd is the clients: all of them have joined one topic.
type crowd struct {
	gws.BuiltinEventHandler
	size                int64
	joined, heard       atomic.Int64
	allJoined, allHeard chan struct{}
	// lost receives the error of a socket that ended before the test did.
	lost chan error
}

func newCrowd(size int) *crowd {
	return &crowd{size: int64(size), allJoined: make(chan struct{}), allHeard: make(chan struct{}), lost: make(chan error, size)}
}

func (c *crowd) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	if message.Opcode == gws.OpcodeBinary {
		if c.heard.Add(1) == c.size {
			close(c.allHeard)
		}
		return
	}
	if strings.Contains(message.Data.String(), joinedReply) && c.joined.Add(1) == c.size {
		close(c.allJoined)
	}
}

func (c *crowd) OnClose(_ *gws.Conn, err error) { c.lost <- err }

// TestCrowd opens ten thousand sockets to a server in a process of its own, which joins them to one topic, and sends one
// message to all. Its line that begins with STANDIN is for programs; rss_mb is the server's memory when all have been
// served, peak_mb the most it ever had. It does not run in parallel: it would starve the others.
func TestCrowd(t *testing.T) { //nolint:paralleltest // see above
	size := sizeOfCrowd(t)
	started := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), crowdTimeout)
	defer cancel()
	server := startCrowdServer(ctx, t)
	everybody := newCrowd(size)
	conns := everybody.open(ctx, t, server.address)
	everybody.wait(ctx, t, everybody.allJoined)

	sent := time.Now()
	require.NoError(t, conns[0].WriteMessage(gws.OpcodeBinary, userPush("1", "2", crowdTopic, "e", 1, `{"to":"everybody"}`)))
	everybody.wait(ctx, t, everybody.allHeard)
	delivery := time.Since(sent)
	rss, peak := server.memory(t)
	_, err := fmt.Fprintf(os.Stdout, "STANDIN sockets=%d rss_mb=%d peak_mb=%d delivery_ms=%d seconds=%d\n",
		size, rss>>10, peak>>10, delivery.Milliseconds(), int(time.Since(started).Seconds()))
	require.NoError(t, err)
}

// sizeOfCrowd skips the test where the crowd cannot be, and says why.
func sizeOfCrowd(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of the server is read from /proc, which is Linux's")
	}
	size := crowdSockets
	if raceDetector || testing.Short() {
		size = crowdUnderRace
	}
	if text := os.Getenv(crowdVariable); text != "" {
		var err error
		size, err = strconv.Atoi(text)
		require.NoError(t, err, crowdVariable)
		require.Positive(t, size, crowdVariable)
	}
	needed := uint64(size + crowdSpareFiles)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Max < needed {
		t.Skipf("%d sockets need %d open files, and the hard limit is %d", size, needed, limit.Max)
	}
	if limit.Cur < needed {
		limit.Cur = limit.Max
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) // the server inherits it
	}
	return size
}

// open connects the crowd, which is gone when the test ends.
func (c *crowd) open(ctx context.Context, t *testing.T, address string) []*gws.Conn {
	t.Helper()
	conns := make([]*gws.Conn, c.size)
	var dialers, readers sync.WaitGroup
	t.Cleanup(func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.NetConn().Close()
			}
		}
		readers.Wait()
	})
	var next atomic.Int64
	for range crowdDialers {
		dialers.Go(func() {
			for i := next.Add(1) - 1; i < c.size && ctx.Err() == nil; i = next.Add(1) - 1 {
				conn, err := c.dial(address)
				if err != nil {
					c.lost <- err
					return
				}
				conns[i] = conn
				readers.Go(conn.ReadLoop)
			}
		})
	}
	dialers.Wait()
	return conns
}

func (c *crowd) dial(address string) (*gws.Conn, error) {
	query := url.Values{"apikey": {keys.Publishable}, "vsn": {"2.0.0"}}
	conn, _, err := gws.NewClient(c, &gws.ClientOption{ //nolint:bodyclose // the answer has none: it is 101
		Addr: "ws://" + address + "/socket/websocket?" + query.Encode(), ReadBufferSize: 512,
	})
	if err != nil {
		return nil, err
	}
	err = conn.WriteString(`["1","1","` + crowdTopic + `","phx_join",{"config":{"broadcast":{"self":true}}}]`)
	return conn, err
}

func (c *crowd) wait(ctx context.Context, t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case err := <-c.lost:
		require.NoError(t, err, "a socket was lost; %d joined, %d heard the message", c.joined.Load(), c.heard.Load())
	case <-ctx.Done():
		require.FailNow(t, "out of time", "%d joined, %d heard the message", c.joined.Load(), c.heard.Load())
	}
}

// crowdServer is the process that the crowd connects to.
type crowdServer struct {
	process *os.Process
	address string
}

func startCrowdServer(ctx context.Context, t *testing.T) crowdServer {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(ctx, binary)
	command.Env = append(os.Environ(), crowdServerVariable+"=1")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = input.Close() // ends it
		_ = command.Wait()
	})
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err, "the server did not say where it listens")
	return crowdServer{process: command.Process, address: strings.TrimSpace(address)}
}

// memory returns the resident memory of the server and the most that it was, in KiB.
func (s crowdServer) memory(t *testing.T) (resident, peak int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "VmRSS":
			resident = kib
		case "VmHWM":
			peak = kib
		}
	}
	require.Positive(t, resident)
	return resident, peak
}

// serveCrowd is the whole of the server's process: it prints its address and serves until its standard input ends.
func serveCrowd() error {
	pool, err := pgxpool.New(context.Background(), "postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		return err
	}
	defer pool.Close()
	realtime := New(Options{Pool: pool, Ring: keys.New(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: realtime, ReadHeaderTimeout: patience}
	go func() { _ = server.Serve(listener) }() // ends with the process
	if _, err := fmt.Fprintln(os.Stdout, listener.Addr()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
