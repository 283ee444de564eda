package supabase

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Board puts queue length, availability and places in the queue of projects into the outbox.
type Board struct {
	pool *pgxpool.Pool
	seer *seer
}

// NewBoard returns the board of the database behind the pool.
func NewBoard(pool *pgxpool.Pool) *Board { return &Board{pool: pool, seer: newSeer(pool)} }

// RefreshProjectState writes queue_updated and availability_changed events if the project's state differs from the last
// one written. A project that is gone is no error. It waits until the transaction seenXID (0: none) is visible to others:
// the write-ahead log tells of a commit a moment earlier.
func (b *Board) RefreshProjectState(ctx context.Context, projectID string, seenXID uint64) error {
	if err := b.awaitVisible(ctx, seenXID); err != nil {
		return fmt.Errorf("await transaction %d: %w", seenXID, err)
	}
	if _, err := b.pool.Exec(ctx, `select handoff.refresh_project_state($1)`, projectID); err != nil {
		return fmt.Errorf("refresh state of project %s: %w", projectID, err)
	}
	return nil
}

// RefreshPositions writes a queue_position event for each waiting conversation of the project whose visitor was last told
// something else: exactly for the first 200, for others when they have moved by ten places. How long the first thousand will
// wait is forecast from what the project looks like now. A project that is gone is no error. It waits until the transaction seenXID (0: none) is visible to others.
func (b *Board) RefreshPositions(ctx context.Context, projectID string, seenXID uint64) error {
	if err := b.awaitVisible(ctx, seenXID); err != nil {
		return fmt.Errorf("await transaction %d: %w", seenXID, err)
	}
	ranges, err := b.seer.foresee(ctx, projectID)
	if err != nil {
		return fmt.Errorf("forecast waits: %w", err)
	}
	if _, err := b.pool.Exec(ctx, `select handoff.refresh_positions($1, forecast => $2)`, projectID, ranges); err != nil {
		return fmt.Errorf("refresh queue positions of project %s: %w", projectID, err)
	}
	return nil
}

const (
	visibilityPause   = 5 * time.Millisecond
	visibilityTimeout = 10 * time.Second
)

var errNotVisible = errors.New("not visible in time")

func (b *Board) awaitVisible(ctx context.Context, xid uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, visibilityTimeout, errNotVisible)
	defer cancel()
	for {
		var visible bool
		if err := b.pool.QueryRow(ctx, transactionIsVisible, strconv.FormatUint(xid, 10)).Scan(&visible); err != nil || visible {
			return err
		}
		select {
		case <-time.After(visibilityPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
