package worker_test

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker"
)

// watched is a database that counts the looks at the whole queue.
type watched struct {
	*database

	looks atomic.Int64
}

func (w *watched) WaitingProjects(ctx context.Context) ([]string, error) {
	w.looks.Add(1)
	return w.database.WaitingProjects(ctx)
}

// An hour in which nobody waits costs one look at the queue each ten seconds and leaves nothing behind; what comes then is
// given out at once.
func TestAnIdleHour(t *testing.T) { //nolint:paralleltest // counts goroutines, so nothing else may run
	synctest.Test(t, func(t *testing.T) {
		db := &watched{database: newDatabase()}
		service := worker.New(worker.Options{Queue: db, Board: db, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, service.Start(t.Context()))
		defer service.Stop(t.Context())
		pause(time.Minute)
		synctest.Wait()
		looks, running := db.looks.Load(), runtime.NumGoroutine()

		pause(time.Hour)
		synctest.Wait()
		assert.InDelta(t, 360, db.looks.Load()-looks, 1)
		assert.Empty(t, db.batches)
		assert.Empty(t, db.toldBoards())
		assert.Less(t, runtime.NumGoroutine(), running+10, "nothing piles up: 360 looks left nothing")

		db.add("a", 1)
		service.React(event("a", realtime.KindNewConversation))
		pause(2 * time.Millisecond)
		synctest.Wait()
		assert.Zero(t, db.left("a"))
	})
}
