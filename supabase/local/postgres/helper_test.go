package postgres

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// helperVariable makes the test binary a helper process: it runs a server on the folder until it is killed.
const helperVariable = "HANDOFF_TEST_HELPER_DATA_DIR"

func runHelper(dataDir string) int {
	server, err := Start(context.Background(), Options{DataDir: dataDir, AllowInstall: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, server.postmaster.process.Pid, server.URL("postgres", Superuser))
	<-server.Exited()
	return 0
}

// helper is a process that owns a server.
type helper struct {
	process *exec.Cmd
	// postmaster is the pid of its server.
	postmaster int
	url        string
}

// startHelper returns when the server of the helper answers.
func startHelper(t *testing.T, dataDir string) *helper {
	t.Helper()
	h := &helper{process: exec.CommandContext(t.Context(), os.Args[0])}
	h.process.Env = append(os.Environ(), helperVariable+"="+dataDir)
	h.process.Stderr = os.Stderr
	out, err := h.process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.process.Start())
	t.Cleanup(func() { h.kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	_, err = fmt.Sscan(line, &h.postmaster, &h.url)
	require.NoError(t, err)
	return h
}

// kill is kill -9. It returns when the helper, not its server, is gone.
func (h *helper) kill() {
	_ = h.process.Process.Kill()
	_ = h.process.Wait()
}
