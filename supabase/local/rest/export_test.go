package rest

import (
	"context"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

// Snapshot is the schema cache as requests see it.
func (h *Handler) Snapshot(ctx context.Context) (*catalog.Snapshot, error) {
	return h.cache.Snapshot(ctx)
}
