package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lxzan/gws"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// Options are what a Server is made of. Pool, Ring and Logger must be set; a zero in any other field means its default.
type Options struct {
	// Pool logs in as supabase_admin: it asks the policies on behalf of other roles.
	Pool *pgxpool.Pool
	// DatabaseURL logs in as the same role to read what is written: to realtime.messages from the first join on, to the
	// tables of the publication supabase_realtime from the first subscription on, over a replication connection each.
	// Empty: messages from the database are not delivered, and subscriptions to postgres_changes refused.
	DatabaseURL string
	// Ring verifies tokens and knows the keys of the new kind.
	Ring   *keys.Ring
	Logger *slog.Logger
	Limits Limits
	// MaxPayloadBytes is the largest payload of a broadcast or of track. Default 3,000,500, as on Supabase's paid
	// plans; the free plan has 256,500.
	MaxPayloadBytes int
	// MaxFrameBytes is the largest frame taken from a client; a larger one closes the socket with 1009. Default
	// 5,000,000.
	MaxFrameBytes int
	// RefusalDelay is how long a refused connection or join waits for its answer; meanwhile nothing else of that
	// socket is handled. Supabase takes 2 s and 5 s against clients that try again at once. Default 50 ms; a negative
	// one is none.
	RefusalDelay time.Duration
	// IdleTimeout closes a socket that has sent nothing, not even a heartbeat, for so long. Default 60 s.
	IdleTimeout time.Duration
	// EmptyTimeout closes a socket that has had no channel for so long. Default 10 min.
	EmptyTimeout time.Duration
	// MaxQueuedFrames and MaxQueuedBytes bound what waits for a slow client. One that lets either be passed is cut
	// off. Defaults 8192 and 16 MiB.
	MaxQueuedFrames int
	MaxQueuedBytes  int

	// sweepInterval is how often sockets are looked at for idleness and channels for expired tokens.
	sweepInterval time.Duration
}

func (o Options) mustValidate() {
	if o.Pool == nil || o.Ring == nil || o.Logger == nil {
		panic("channels: Options need Pool, Ring and Logger")
	}
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	setDefault(&o.MaxPayloadBytes, 3_000_500)
	setDefault(&o.MaxFrameBytes, 5_000_000)
	setDefault(&o.RefusalDelay, 50*time.Millisecond)
	setDefault(&o.IdleTimeout, time.Minute)
	setDefault(&o.EmptyTimeout, 10*time.Minute)
	setDefault(&o.MaxQueuedFrames, 8192)
	setDefault(&o.MaxQueuedBytes, 16<<20)
	setDefault(&o.sweepInterval, time.Second)
	return o
}

// Server is a Realtime server. It is an http.Handler for the paths that Realtime has behind the gateway:
//
//	GET  /socket/websocket
//	POST /api/broadcast
//	POST /api/broadcast/{topic}/events/{event}
//
// A Server runs from New to Close.
type Server struct {
	options    Options
	mux        *http.ServeMux
	upgrader   *gws.Upgrader
	authorizer *authorizer
	hub        *hub
	feed       *feed
	changes    *changes

	events   *rate
	joins    *rate
	presence *rate
	users    atomic.Int64 // sockets with a joined channel

	mu       sync.Mutex
	sockets  map[*socket]struct{}
	stopping bool

	stop func() // ends the sweeper
	// running counts the sweeper, the feeds, the readers of the sockets and their writers.
	running sync.WaitGroup
}

// New starts a server. It panics when an option that must be set is not.
func New(options Options) *Server {
	options.mustValidate()
	options = options.withDefaults()
	s := &Server{
		options:    options,
		mux:        http.NewServeMux(),
		authorizer: &authorizer{pool: options.Pool},
		hub:        newHub(),
		events:     newRate(options.Limits.EventsPerSecond),
		joins:      newRate(options.Limits.JoinsPerSecond),
		presence:   newRate(options.Limits.PresencePerSecond),
		sockets:    make(map[*socket]struct{}),
	}
	s.feed = s.newMessageFeed()
	s.changes = newChanges(s)
	s.upgrader = newUpgrader(options.MaxFrameBytes)
	s.route()
	s.startSweeper()
	return s
}

func (s *Server) route() {
	s.mux.HandleFunc("GET /socket/websocket", s.connect)
	s.mux.HandleFunc("POST /api/broadcast", s.broadcastBatch)
	s.mux.HandleFunc("POST /api/broadcast/{topic}/events/{event}", s.broadcastSingle)
	s.mux.HandleFunc("OPTIONS /api/", preflight)
}

// ServeHTTP answers one request. The connection of a WebSocket is taken over: it lives until its client leaves or
// Close is called, not until ServeHTTP returns.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// Close turns new sockets away, closes those that are there with 1001, and waits until nothing of the server runs any
// more. When ctx ends first, connections are cut, and its cause is returned. HTTP requests belong to whoever serves
// them: shut that down first.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	s.feed.stop()
	s.changes.feed.stop()
	for _, socket := range s.turnAway() {
		socket.cancel()
		socket.queue.finish(closeGoingAway)
	}
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, socket := range s.list() {
		socket.queue.close()
	}
	<-done
	return fmt.Errorf("close sockets of Realtime: %w", context.Cause(ctx))
}

// turnAway lets no socket in any more and returns those that are there.
func (s *Server) turnAway() []*socket {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	return s.list()
}

func (s *Server) list() []*socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*socket, 0, len(s.sockets))
	for socket := range s.sockets {
		list = append(list, socket)
	}
	return list
}

var errStopping = errors.New("server is stopping")

// adopt makes the server the owner of a socket's goroutines. Each adopted socket must be released.
func (s *Server) adopt(socket *socket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errStopping
	}
	s.sockets[socket] = struct{}{}
	s.running.Add(1)
	return nil
}

func (s *Server) release(socket *socket) {
	s.mu.Lock()
	delete(s.sockets, socket)
	s.mu.Unlock()
	s.running.Done()
}

// startSweeper starts the goroutine that ends what nobody else would: idle sockets and channels with expired tokens.
func (s *Server) startSweeper() {
	ticker := time.NewTicker(s.options.sweepInterval)
	done := make(chan struct{})
	s.stop = sync.OnceFunc(func() { close(done) })
	s.running.Go(func() {
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				s.sweep(now)
			}
		}
	})
}

func (s *Server) sweep(now time.Time) {
	for _, socket := range s.list() {
		socket.sweep(now)
	}
	s.feed.sweep(now)
}

// send delivers a broadcast to a room, counts it, and closes the channels it reached when there were too many. A nil
// room is an empty one.
func (s *Server) send(r *room, m *message, except *channel) {
	if r == nil {
		s.events.add(time.Now(), 1)
		return
	}
	s.count(r, 1+r.broadcast(m, except))
}

// count counts events of a room. Above the limit whoever listens there is closed, as at Supabase.
func (s *Server) count(r *room, events int) {
	now := time.Now()
	s.events.add(now, events)
	if events == 0 || !s.events.reached(now) {
		return
	}
	for _, c := range r.listeners() {
		c.shutDown(tooManyMessages)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
