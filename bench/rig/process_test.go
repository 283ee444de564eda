package rig_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/bench/rig"
)

const patience = 10 * time.Second

// shell starts a shell script whose lines are sent to the returned channel.
func shell(t *testing.T, script string) (*rig.Process, <-chan string) {
	t.Helper()
	lines := make(chan string, 16)
	process, err := rig.Start(t.Context(), rig.Command{
		Name: "the script", Path: "/bin/sh", Args: []string{"-c", script}, Stdin: true,
		OnLine: func(line string) { lines <- line },
	})
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process, lines
}

func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	select {
	case line := <-lines:
		require.Equal(t, want, line)
	case <-time.After(patience):
		require.FailNow(t, "the program said nothing", "want %q", want)
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()

	t.Run("talks and listens", func(t *testing.T) {
		t.Parallel()
		process, lines := shell(t, `echo ready; read word; echo "heard $word" >&2`)
		expect(t, lines, "ready")
		require.NoError(t, process.Write("this\n"))
		expect(t, lines, "heard this")
		<-process.Exited()
		assert.Equal(t, "ready\nheard this", process.Output())
	})
	t.Run("ends when it is asked to", func(t *testing.T) {
		t.Parallel()
		process, lines := shell(t, `trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.01; done`)
		expect(t, lines, "ready")
		require.NoError(t, process.Stop(patience))
		expect(t, lines, "bye")
	})
	t.Run("is killed when it does not end in time", func(t *testing.T) {
		t.Parallel()
		process, lines := shell(t, `trap '' INT; echo ready; while :; do sleep 0.01; done`)
		expect(t, lines, "ready")
		require.ErrorContains(t, process.Stop(50*time.Millisecond), "was killed")
	})
	t.Run("that ends while it should start is reported with its last words", func(t *testing.T) {
		t.Parallel()
		process, _ := shell(t, `echo 'no such thing'; exit 3`)
		err := process.Await(t.Context(), make(chan struct{}))
		require.ErrorContains(t, err, "exit status 3")
		require.ErrorContains(t, err, "no such thing")
	})
	t.Run("that is not ready in time is reported", func(t *testing.T) {
		t.Parallel()
		process, _ := shell(t, `read forever`)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, process.Await(ctx, make(chan struct{})), context.DeadlineExceeded)
	})
}
