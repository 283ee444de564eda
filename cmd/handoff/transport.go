package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/supabase"
)

// transport is the way to Realtime: sockets, and HTTP while they are out.
type transport struct {
	*broadcast.Failover

	client *phoenix.Client
	http   *supabase.HTTPBroadcast
}

// newTransport connects nothing yet. It fails on an address or key that cannot work.
func newTransport(settings config.Supabase, logger *slog.Logger) (*transport, error) {
	made := new(transport)
	var err error
	if made.http, err = supabase.NewHTTPBroadcast(settings.URL, settings.SecretKey.Reveal()); err != nil {
		return nil, fmt.Errorf("prepare HTTP broadcasts: %w", err)
	}
	made.client = phoenix.New(phoenix.Options{
		URL: settings.URL, APIKey: settings.SecretKey.Reveal(), Logger: logger,
		OnState: func(state phoenix.State) { made.SetPrimaryUp(state == phoenix.StateConnected) },
	})
	made.http.OnLimit(made.client.LearnLimit)
	made.Failover = broadcast.NewFailover(broadcast.FailoverOptions{
		Primary: made.client, Secondary: made.http, Logger: logger,
	})
	return made, nil
}

// Start begins to connect and returns at once. It works until ctx ends or Stop is called.
func (t *transport) Start(ctx context.Context) error {
	if err := t.client.Start(ctx); err != nil {
		return fmt.Errorf("start Realtime client: %w", err)
	}
	return nil
}

// Stop closes every connection. Whoever calls Publish must have stopped before.
func (t *transport) Stop() {
	t.client.Stop()
	t.http.Close()
}
