package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// asProgram makes the test binary run as the program itself, so that tests see real processes, signals and exit codes.
const asProgram = "HANDOFF_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		return
	}
	localtest.Main(m)
}

const (
	// runTimeout bounds a program that is expected to end on its own, with a Postgres started and stopped in between.
	runTimeout = 2 * time.Minute
	// stopTimeout is more than any grace of the program.
	stopTimeout = 40 * time.Second
)

// program is a handoff process.
type program struct {
	cmd    *exec.Cmd
	output *lines
	exited chan struct{}
}

// launch starts the program with the environment alone: nothing of the machine's settings leaks in.
func launch(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{asProgram + "=1", "HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH")}
	if cache, set := os.LookupEnv("HANDOFF_CACHE_DIR"); set {
		cmd.Env = append(cmd.Env, "HANDOFF_CACHE_DIR="+cache)
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	p := &program{cmd: cmd, output: newLines(), exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // the exit code is read from ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p *program) end(t *testing.T) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		t.Errorf("did not stop:\n%s", p.output)
		p.kill()
	}
}

func (p *program) signal(signal syscall.Signal) { _ = p.cmd.Process.Signal(signal) } // it may have ended

func (p *program) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// exitCode waits for the program to end on its own.
func (p *program) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(runTimeout):
		t.Fatalf("did not end:\n%s", p.output)
		return 0
	}
}

// await waits until the output holds the text.
func (p *program) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	for {
		found, changed := p.output.has(text)
		if found {
			return
		}
		select {
		case <-changed:
		case <-p.exited:
			if found, _ := p.output.has(text); found {
				return
			}
			t.Fatalf("ended before %q:\n%s", text, p.output)
		case <-ctx.Done():
			t.Fatalf("no %q in:\n%s", text, p.output)
		}
	}
}

// refused runs the program to its end and asserts that it failed with this code, one sentence and a remedy.
func refused(t *testing.T, code string, exit int, env map[string]string, args ...string) string {
	t.Helper()
	p := launch(t, env, args...)
	assert.Equal(t, exit, p.exitCode(t), p.output.String())
	text := p.output.String()
	assert.Contains(t, text, "["+code+"]")
	assert.NotContains(t, text, "hunter2", "a password")
	assert.NotContains(t, text, "goroutine ", "a stack")
	return text
}

// nothingRuns asserts that no process has the folder on its command line: no Postgres was left behind.
func nothingRuns(t *testing.T, folder string) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range commands {
		text, err := os.ReadFile(file)
		if err == nil {
			assert.NotContains(t, strings.ReplaceAll(string(text), "\x00", " "), folder)
		}
	}
}

// dataDir is a folder that the unprivileged user of Postgres may enter too.
func dataDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "handoff-test-") //nolint:usetesting // t.TempDir is closed to other users
	require.NoError(t, err)
	require.NoError(t, os.Chmod(parent, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	return filepath.Join(parent, "data")
}

// lines collects output and tells when more has come.
type lines struct {
	mu      sync.Mutex
	buffer  bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.buffer.Write(text)
}

func (l *lines) has(text string) (found bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.buffer.String(), text), l.changed
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
