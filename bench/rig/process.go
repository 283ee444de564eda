package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// keptLines is how much of a program's output is kept to explain a failure.
	keptLines = 30
	// longestLine bounds one line of a program's output.
	longestLine = 1 << 20
)

// Command says what to run.
type Command struct {
	// Name is what errors and logs call the program.
	Name string
	Path string
	Args []string
	// Env is added to this process's own environment.
	Env []string
	// Log gets everything the program writes. May be nil.
	Log io.Writer
	// OnLine is told each line the program writes, one at a time. May be nil.
	OnLine func(line string)
	// Stdin is whether Process.Write may be used; otherwise the program reads nothing.
	Stdin bool
}

// Process is a program that this rig started. Its methods may be called from several goroutines.
type Process struct {
	command Command
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	exited  chan struct{}
	err     error // why it ended; read after exited

	mu    sync.Mutex
	lines []string
}

// Start runs the program. It lives until Stop or Kill, however ctx ends.
func Start(ctx context.Context, command Command) (*Process, error) {
	p := &Process{command: command, exited: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), command.Path, command.Args...) //nolint:gosec // programs of the rig's own choice
	p.cmd.Env = append(os.Environ(), command.Env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := p.pipes()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	go p.run(output)
	return p, nil
}

// pipes gives the program one pipe for both of its outputs, so that its lines stay in order.
func (p *Process) pipes() (io.Reader, error) {
	if p.command.Stdin {
		var err error
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.cmd.Stdout
	return output, nil
}

// run reads until the program has closed its output, then waits for it: the order that os/exec asks for.
func (p *Process) run(output io.Reader) {
	defer close(p.exited)
	scanner := bufio.NewScanner(output)
	scanner.Buffer(nil, longestLine)
	for scanner.Scan() {
		p.keep(scanner.Text())
	}
	// A line that is too long ends the scan; the program must not block on a pipe that nobody reads.
	_, _ = io.Copy(io.Discard, output)
	p.err = p.cmd.Wait()
}

func (p *Process) keep(line string) {
	p.mu.Lock()
	p.lines = append(p.lines, line)
	p.lines = p.lines[max(0, len(p.lines)-keptLines):]
	p.mu.Unlock()
	if p.command.Log != nil {
		_, _ = io.WriteString(p.command.Log, line+"\n") // a log is a courtesy
	}
	if p.command.OnLine != nil {
		p.command.OnLine(line)
	}
}

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Output is the last lines the program wrote.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// Write sends text to the program's standard input. The program must have been started with Command.Stdin.
func (p *Process) Write(text string) error {
	if _, err := io.WriteString(p.stdin, text); err != nil {
		return fmt.Errorf("write to %s: %w", p.command.Name, err)
	}
	return nil
}

// Kill ends the program as a power cut would, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it fails only when the program has ended
	<-p.exited
}

// Stop asks the program to end, kills it when it has not within the grace, and waits until it is gone.
func (p *Process) Stop(grace time.Duration) error {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	_ = p.cmd.Process.Signal(syscall.SIGINT) // as in Kill
	select {
	case <-p.exited:
		return p.err
	case <-timer.C:
		p.Kill()
		return fmt.Errorf("stop %s: it did not end within %s and was killed", p.command.Name, grace)
	}
}

// Await waits until ready is closed. It fails when the program ends first, or ctx does.
func (p *Process) Await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("%s ended while starting (%w):\n%s", p.command.Name, errOr(p.err, errEnded), p.Output())
	case <-ctx.Done():
		return fmt.Errorf("%s was not ready in time (%w):\n%s", p.command.Name, context.Cause(ctx), p.Output())
	}
}

var errEnded = errors.New("without an error")

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// LastLine is for log lines that quote a program.
func LastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }
