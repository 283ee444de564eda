package supabase

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Board puts queue length and availability of projects into the outbox.
type Board struct {
	pool *pgxpool.Pool
}

// NewBoard returns the board of the database behind the pool.
func NewBoard(pool *pgxpool.Pool) *Board { return &Board{pool: pool} }

// RefreshProjectState writes queue_updated and availability_changed events if the project's state differs from the last
// one written. A project that is gone is no error.
func (b *Board) RefreshProjectState(ctx context.Context, projectID string) error {
	if _, err := b.pool.Exec(ctx, `select handoff.refresh_project_state($1)`, projectID); err != nil {
		return fmt.Errorf("refresh state of project %s: %w", projectID, err)
	}
	return nil
}
