package gauge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lxzan/gws"
)

const (
	joinTimeout       = 30 * time.Second
	heartbeatInterval = 20 * time.Second
	handshakeTimeout  = 10 * time.Second
)

// ErrRefused means that Realtime would not let the subscriber join.
var ErrRefused = errors.New("realtime refused the join")

// Listener is a subscriber with a precise clock: a socket that tells each frame with the time of its arrival.
type Listener struct {
	gws.BuiltinEventHandler
	conn    *gws.Conn
	onFrame func(data []byte, at time.Time)
	joined  chan error
	stop    context.CancelFunc
	ended   chan struct{}
	beats   chan struct{}
}

// Listen joins private topics of the project with its secret key and returns when all are joined. onFrame is called from one
// goroutine and must not keep the data. Call Close.
func Listen(ctx context.Context, projectURL, secretKey string, topics []string, onFrame func([]byte, time.Time)) (*Listener, error) {
	address, err := url.Parse(projectURL)
	if err != nil {
		return nil, fmt.Errorf("read the project's address: %w", err)
	}
	address.Scheme = map[string]string{"http": "ws", "https": "wss"}[address.Scheme]
	address = address.JoinPath("realtime/v1/websocket")
	address.RawQuery = url.Values{"apikey": {secretKey}, "vsn": {"2.0.0"}}.Encode()
	l := &Listener{onFrame: onFrame, joined: make(chan error, len(topics)), ended: make(chan struct{}), beats: make(chan struct{})}
	conn, response, err := gws.NewClient(l, &gws.ClientOption{
		Addr: address.String(), HandshakeTimeout: handshakeTimeout, RequestHeader: http.Header{},
	})
	if response != nil && response.Body != nil {
		_ = response.Body.Close() // the socket has its own reader
	}
	if err != nil {
		return nil, fmt.Errorf("open the subscriber's socket at %s: %w", address.Host, err)
	}
	l.conn = conn
	beatCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go func() {
		defer close(l.ended)
		conn.ReadLoop()
	}()
	go l.beat(beatCtx)
	if err := l.join(ctx, topics); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Listener) join(ctx context.Context, topics []string) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	for i, topic := range topics {
		ref := "j" + strconv.Itoa(i)
		if err := l.send(ref, "realtime:"+topic, "phx_join", map[string]any{"config": map[string]any{"private": true}}); err != nil {
			return err
		}
		select {
		case err := <-l.joined:
			if err != nil {
				return fmt.Errorf("join %s: %w", topic, err)
			}
		case <-ctx.Done():
			return fmt.Errorf("join %s: %w", topic, context.Cause(ctx))
		}
	}
	return nil
}

func (l *Listener) send(ref, topic, event string, payload any) error {
	var joinRef any
	if event == "phx_join" {
		joinRef = ref
	}
	text, err := json.Marshal([]any{joinRef, ref, topic, event, payload})
	if err != nil {
		return fmt.Errorf("encode %s: %w", event, err)
	}
	if err := l.conn.WriteMessage(gws.OpcodeText, text); err != nil {
		return fmt.Errorf("send %s: %w", event, err)
	}
	return nil
}

// OnMessage is called by gws for each frame.
func (l *Listener) OnMessage(_ *gws.Conn, message *gws.Message) {
	at := time.Now()
	defer message.Close()
	data := message.Bytes()
	if message.Opcode == gws.OpcodeText && strings.HasPrefix(string(data[:min(len(data), 4)]), `["j`) && strings.Contains(string(data), `"phx_reply"`) {
		l.reply(string(data))
		return
	}
	l.onFrame(data, at)
}

func (l *Listener) reply(text string) {
	var err error
	if !strings.Contains(text, `"status":"ok"`) {
		err = fmt.Errorf("%w: %s", ErrRefused, text)
	}
	select {
	case l.joined <- err:
	default:
	}
}

func (l *Listener) beat(ctx context.Context) {
	defer close(l.beats)
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if l.send("h", "phoenix", "heartbeat", map[string]any{}) != nil {
				return // the read loop ends too
			}
		}
	}
}

// Close ends the socket and returns when its goroutines have ended.
func (l *Listener) Close() {
	l.stop()
	_ = l.conn.NetConn().Close() // nothing is expected any more
	<-l.ended
	<-l.beats
}
