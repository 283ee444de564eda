package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// MissInterval is the least time between two reloads that misses ask for.
	MissInterval = time.Second
	// loadTimeout bounds one load.
	loadTimeout = 15 * time.Second
)

// Cache holds the present Snapshot. Its methods may be called from any goroutine.
type Cache struct {
	pool *pgxpool.Pool

	// loading is held while a load runs, so that a crowd of misses makes one load.
	loading sync.Mutex

	mu       sync.RWMutex
	snapshot *Snapshot
	loadedAt time.Time
}

// NewCache returns an empty cache; the first use fills it.
func NewCache(pool *pgxpool.Pool) *Cache { return &Cache{pool: pool} }

// Snapshot is the present snapshot, loaded now if there is none.
func (c *Cache) Snapshot(ctx context.Context) (*Snapshot, error) {
	if snapshot, _ := c.present(); snapshot != nil {
		return snapshot, nil
	}
	return c.reloadAfter(ctx, time.Time{})
}

// AfterMiss is the snapshot to try again with when seen lacked something: a newer one, or seen itself when it is
// younger than MissInterval.
func (c *Cache) AfterMiss(ctx context.Context, seen *Snapshot) (*Snapshot, error) {
	snapshot, loadedAt := c.present()
	if snapshot != seen || time.Since(loadedAt) < MissInterval {
		return snapshot, nil
	}
	return c.reloadAfter(ctx, loadedAt)
}

// Reload replaces the snapshot by one that shows everything committed before the call. On failure the old one stays.
func (c *Cache) Reload(ctx context.Context) error {
	_, err := c.reloadAfter(ctx, time.Now())
	return err
}

func (c *Cache) present() (*Snapshot, time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.snapshot, c.loadedAt
}

// reloadAfter loads unless the present snapshot is newer than moment. The age of a snapshot counts from the start of its
// load: what was created during the load may be missing from it.
func (c *Cache) reloadAfter(ctx context.Context, moment time.Time) (*Snapshot, error) {
	c.loading.Lock()
	defer c.loading.Unlock()
	if snapshot, loadedAt := c.present(); loadedAt.After(moment) {
		return snapshot, nil
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	snapshot, err := Load(ctx, c.pool)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot, c.loadedAt = snapshot, start
	return snapshot, nil
}
