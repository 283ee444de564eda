package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// logLimit is the size at which the next start sets the log aside.
	logLimit = 16 << 20
	// logTailLines and logTailBytes bound what a StartError quotes.
	logTailLines = 20
	logTailBytes = 8 << 10
)

// postmaster is a running server process.
type postmaster struct {
	process *os.Process
	exited  chan struct{}
	// logPath and logStart tell where in the log this run begins.
	logPath  string
	logStart int64
}

// startPostmaster launches the server. It does not wait until the server answers.
func startPostmaster(ctx context.Context, bin binaries, run *account, place layout) (*postmaster, error) {
	log, err := openLog(place.log())
	if err != nil {
		return nil, fmt.Errorf("open the server log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open the server log: %w", err)
	}
	// The server lives until Stop, not until the context of Start ends.
	command := run.command(context.WithoutCancel(ctx), bin.path("postgres"), "-D", place.cluster())
	command.Stdout, command.Stderr = log, log
	p := &postmaster{exited: make(chan struct{}), logPath: place.log(), logStart: end}
	started := make(chan error)
	go p.run(command, started)
	return p, <-started
}

// run starts the command and waits for its end, on one thread from beginning to end: the kernel's parent-death signal
// is sent when the thread that started the process ends, and the Go runtime ends threads as it likes.
func (p *postmaster) run(command *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	if err := command.Start(); err != nil {
		started <- fmt.Errorf("launch %s: %w", command.Path, err)
		return
	}
	p.process = command.Process
	started <- nil
	_ = command.Wait() // how it ended is in the server's log
}

// stop ends the server: with the signals given, each with its time, then by force. It returns when the process is
// gone. The end of ctx shortens the waits.
func (p *postmaster) stop(ctx context.Context, ephemeral bool) error {
	if !ephemeral && p.stopBy(ctx, fastShutdown, fastShutdownTimeout) {
		return nil
	}
	if p.stopBy(context.WithoutCancel(ctx), immediateShutdown, immediateShutdownTimeout) {
		return nil
	}
	if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill postgres (pid %d): %w", p.process.Pid, err)
	}
	<-p.exited
	return nil
}

func (p *postmaster) stopBy(ctx context.Context, signal syscall.Signal, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_ = p.process.Signal(signal) // it fails only when the process is gone, which the wait sees
	select {
	case <-p.exited:
		return true
	case <-ctx.Done():
		return false
	}
}

// openLog opens the log for appending, setting a large one aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644) //nolint:gosec // a developer's log
}

// logTail returns the last lines that this run wrote.
func (p *postmaster) logTail() string {
	file, err := os.Open(p.logPath)
	if err != nil {
		return err.Error()
	}
	defer file.Close() //nolint:errcheck // only read from
	start := p.logStart
	if info, err := file.Stat(); err == nil {
		start = max(start, info.Size()-logTailBytes)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, start, logTailBytes))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTailLines):], "\n")
}
