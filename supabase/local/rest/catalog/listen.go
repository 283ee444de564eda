package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
)

const (
	// channel is the name PostgREST listens on.
	channel = "pgrst"
	// connectTimeout bounds connecting and LISTEN.
	connectTimeout = 10 * time.Second
	// closeTimeout bounds the farewell to the server.
	closeTimeout = 2 * time.Second
)

// Listener reloads a Cache at each NOTIFY pgrst, 'reload schema' (an empty payload means the same).
type Listener struct {
	cache  *Cache
	logger *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}
}

// Listen fills the cache and starts listening on a connection of its own. The connection stands, and LISTEN is in
// force, when Listen returns. The caller calls Stop.
func (c *Cache) Listen(ctx context.Context, logger *slog.Logger) (*Listener, error) {
	listener := &Listener{cache: c, logger: logger, done: make(chan struct{})}
	conn, err := listener.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Reload(ctx); err != nil {
		return nil, errors.Join(err, hangUp(ctx, conn))
	}
	// Listening outlives the call that began it: Stop ends it.
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	listener.cancel = cancel
	go listener.run(runCtx, conn)
	return listener, nil
}

// Stop ends listening and waits for it. It may be called once.
func (l *Listener) Stop() {
	l.cancel()
	<-l.done
}

func (l *Listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.cache.pool.Config().ConnConfig.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to listen on %s: %w", channel, err)
	}
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", channel, err), hangUp(ctx, conn))
	}
	return conn, nil
}

func hangUp(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return conn.Close(ctx)
}

// run listens until ctx ends, over as many connections as it takes.
func (l *Listener) run(ctx context.Context, conn *pgx.Conn) {
	defer close(l.done)
	for conn != nil {
		err := l.listen(ctx, conn)
		if closeErr := hangUp(ctx, conn); closeErr != nil {
			l.logger.DebugContext(ctx, "closing the schema cache listener's connection", "err", closeErr)
		}
		if ctx.Err() != nil {
			return
		}
		l.logger.WarnContext(ctx, "schema cache listener lost its connection", "err", err)
		conn = l.reconnect(ctx)
	}
}

// listen returns when the connection breaks or ctx ends.
func (l *Listener) listen(ctx context.Context, conn *pgx.Conn) error {
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if payload := strings.TrimSpace(notification.Payload); payload == "" || payload == "reload schema" {
			l.reload(ctx)
		}
	}
}

// reload keeps the old snapshot when loading fails: the next notification, miss or reconnect tries again.
func (l *Listener) reload(ctx context.Context) {
	if err := l.cache.Reload(ctx); err != nil && ctx.Err() == nil {
		l.logger.WarnContext(ctx, "schema cache not reloaded", "err", err)
	}
}

// reconnect tries until it succeeds; nil means that ctx ended. What was announced meanwhile is caught up on.
func (l *Listener) reconnect(ctx context.Context) *pgx.Conn {
	conn, err := backoff.Retry(ctx, func() (*pgx.Conn, error) { return l.connect(ctx) },
		backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			l.logger.WarnContext(ctx, "schema cache listener cannot connect", "err", err, "retry_in", wait)
		}))
	if err != nil {
		return nil
	}
	l.reload(ctx)
	return conn
}
