package localtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const stopTimeout = time.Minute

// shared is the one cluster of the process. It is a global because TestMain and the tests have no other meeting place.
var shared lazyCluster

// lazyCluster starts the cluster on first use.
type lazyCluster struct {
	once    sync.Once
	cluster *cluster
	err     error
	stop    func() error
}

// get starts the cluster when there is none. The first caller's deadline does not bound the others: a start that it
// gave up would fail every test.
func (l *lazyCluster) get(ctx context.Context) (*cluster, error) {
	l.once.Do(func() {
		ctx := context.WithoutCancel(ctx)
		startCtx, cancel := context.WithTimeout(ctx, createTimeout)
		defer cancel()
		l.cluster, l.err = newCluster(startCtx)
		l.stop = func() error {
			stopCtx, cancel := context.WithTimeout(ctx, stopTimeout)
			defer cancel()
			return l.cluster.close(stopCtx)
		}
	})
	return l.cluster, l.err
}

func (l *lazyCluster) close() error {
	if l.cluster == nil {
		return nil
	}
	return l.stop()
}

// Main is the body of TestMain: it runs the tests, stops the server, reports goroutines that the tests left, and exits
// with the code of the tests or 1. Options are for goroutines that a package must tolerate.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the test server: %v\n", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintf(os.Stderr, "goroutines are left: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}
