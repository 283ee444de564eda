package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	// crowdDialers is how many sockets are being opened at a time.
	crowdDialers = 32
	// crowdBeat is the interval of realtime-js; a socket that is silent for longer is closed.
	crowdBeat     = 25 * time.Second
	crowdJoinTime = 30 * time.Second
	// crowdHandshake bounds the opening of one socket.
	crowdHandshake = 10 * time.Second
	socketBuffer   = 512
)

// seat is one page: a socket with a session of its own, joined to one topic.
type seat struct {
	topic   string
	token   string // a user's; empty for a page that has not signed in
	private bool
}

// crowd is many pages. Each sends the frames that realtime-js sends: join with the token, heartbeat.
type crowd struct {
	url     string
	onFrame func(data []byte, at time.Time)
	stop    context.CancelFunc
	ended   sync.WaitGroup

	mu      sync.Mutex
	sockets []*socket
	// lost are sockets that ended before the crowd left.
	lost    atomic.Int64
	leaving atomic.Bool
}

type socket struct {
	gws.BuiltinEventHandler
	crowd  *crowd
	conn   *gws.Conn
	joined chan error
	once   sync.Once
}

// gather opens a socket for every seat and returns when all have joined. onFrame is called from many goroutines and must not
// keep the data. Call leave, also after an error.
func gather(ctx context.Context, projectURL string, seats []seat, onFrame func([]byte, time.Time)) (*crowd, error) {
	address, err := url.Parse(projectURL)
	if err != nil {
		return nil, fmt.Errorf("read the project's address: %w", err)
	}
	address.Scheme = "ws"
	address = address.JoinPath("realtime/v1/websocket")
	address.RawQuery = url.Values{"apikey": {keys.Publishable}, "vsn": {"2.0.0"}}.Encode()
	beatCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &crowd{url: address.String(), onFrame: onFrame, stop: stop}
	c.ended.Go(func() { c.beat(beatCtx) })
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(crowdDialers)
	for _, one := range seats {
		group.Go(func() error { return c.open(groupCtx, one) })
	}
	return c, group.Wait()
}

func (c *crowd) open(ctx context.Context, where seat) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s := &socket{crowd: c, joined: make(chan error, 1)}
	conn, response, err := gws.NewClient(s, &gws.ClientOption{
		Addr: c.url, HandshakeTimeout: crowdHandshake, RequestHeader: http.Header{}, ReadBufferSize: socketBuffer, WriteBufferSize: socketBuffer,
	})
	if response != nil && response.Body != nil {
		_ = response.Body.Close() // the socket has its own reader
	}
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	s.conn = conn
	c.mu.Lock()
	c.sockets = append(c.sockets, s)
	c.mu.Unlock()
	c.ended.Go(conn.ReadLoop)
	return s.join(ctx, where)
}

func (s *socket) join(ctx context.Context, where seat) error {
	payload := map[string]any{"config": map[string]any{
		"broadcast": map[string]any{"ack": false, "self": false}, "presence": map[string]any{"key": ""}, "private": where.private,
	}}
	if where.token != "" {
		payload["access_token"] = where.token
	}
	text, err := json.Marshal([]any{"1", "1", "realtime:" + where.topic, "phx_join", payload})
	if err != nil {
		return fmt.Errorf("encode a join: %w", err)
	}
	if err := s.conn.WriteMessage(gws.OpcodeText, text); err != nil {
		return fmt.Errorf("join %s: %w", where.topic, err)
	}
	ctx, cancel := context.WithTimeout(ctx, crowdJoinTime)
	defer cancel()
	select {
	case err := <-s.joined:
		return err
	case <-ctx.Done():
		return fmt.Errorf("join %s: %w", where.topic, context.Cause(ctx))
	}
}

// OnMessage is called by gws for each frame.
func (s *socket) OnMessage(_ *gws.Conn, message *gws.Message) {
	at := time.Now()
	defer message.Close()
	data := message.Bytes()
	if message.Opcode == gws.OpcodeText && strings.HasPrefix(string(data[:min(len(data), 8)]), `["1","1"`) {
		s.once.Do(func() {
			if strings.Contains(string(data), `"status":"ok"`) {
				s.joined <- nil
				return
			}
			s.joined <- fmt.Errorf("%w: %s", gauge.ErrRefused, data)
		})
		return
	}
	s.crowd.onFrame(data, at)
}

// OnClose counts sockets that end while they should not.
func (s *socket) OnClose(_ *gws.Conn, err error) {
	if !s.crowd.leaving.Load() {
		s.crowd.lost.Add(1)
		s.once.Do(func() { s.joined <- errors.Join(gauge.ErrRefused, err) })
	}
}

const heartbeatFrame = `[null,"h","phoenix","heartbeat",{}]`

// beat keeps all sockets alive, a few at a time.
func (c *crowd) beat(ctx context.Context) {
	const steps = 50
	for step := 0; rig.Pause(ctx, crowdBeat/steps) == nil; step++ {
		c.mu.Lock()
		all := c.sockets[:len(c.sockets):len(c.sockets)]
		c.mu.Unlock()
		for i := step % steps; i < len(all); i += steps {
			_ = all[i].conn.WriteMessage(gws.OpcodeText, []byte(heartbeatFrame)) // a dead socket is counted by OnClose
		}
	}
}

// leave ends every socket and returns when all goroutines have ended.
func (c *crowd) leave() {
	c.leaving.Store(true)
	c.stop()
	c.mu.Lock()
	for _, one := range c.sockets {
		_ = one.conn.NetConn().Close() // nothing is expected any more
	}
	c.mu.Unlock()
	c.ended.Wait()
}
