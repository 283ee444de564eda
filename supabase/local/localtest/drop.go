package localtest

import (
	"context"
	"fmt"
	"time"
)

const slotPollInterval = 10 * time.Millisecond

// drop removes a database with its slots. Dropping removes unused slots by itself but fails for one in use, whatever
// force says, so their readers are ended first.
func (c *cluster) drop(ctx context.Context, name string) error {
	if err := c.freeSlots(ctx, name); err != nil {
		return fmt.Errorf("free slots of %s: %w", name, err)
	}
	return c.exec(ctx, "drop database if exists "+name+" with (force)")
}

// freeSlots ends the readers until none is left: a reader that reconnects at once would come back.
func (c *cluster) freeSlots(ctx context.Context, name string) error {
	tick := time.NewTicker(slotPollInterval)
	defer tick.Stop()
	for {
		active, err := c.endReaders(ctx, name)
		if err != nil || active == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// endReaders asks each reader of a slot to end and returns how many there were.
func (c *cluster) endReaders(ctx context.Context, name string) (active int, err error) {
	const query = `
		select count(pg_catalog.pg_terminate_backend(active_pid))
		from pg_catalog.pg_replication_slots
		where database = $1 and active`
	err = c.admin.QueryRow(ctx, query, name).Scan(&active)
	return active, err
}
