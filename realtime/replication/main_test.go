package replication_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

// The environment with which this test binary starts itself again as a worker that is to be killed.
const (
	helperURL  = "HANDOFF_TEST_REPLICATION_URL"
	helperSlot = "HANDOFF_TEST_REPLICATION_SLOT"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperURL) != "" {
		runHelper()
		return
	}
	localtest.Main(m)
}

// runHelper streams until it is killed and says on its output when it begins to.
func runHelper() {
	stream := replication.New(replication.Options{
		URL: os.Getenv(helperURL), Slot: os.Getenv(helperSlot),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		OnState: func(state replication.State) {
			_, _ = fmt.Fprintln(os.Stdout, state)
		},
	})
	err := stream.Run(context.Background(),
		func(context.Context, realtime.Transaction) error { return nil },
		func() (realtime.Position, bool) { return 0, false })
	_, _ = fmt.Fprintln(os.Stderr, "helper ended:", err)
	os.Exit(1)
}
