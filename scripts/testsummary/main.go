package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if !ok {
		os.Exit(1)
	}
}

// run says whether at least one test ran and all of them passed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) bool {
	flags := flag.NewFlagSet("testsummary", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "test", "name of the run in the RESULT line")
	if err := flags.Parse(args); err != nil {
		return false
	}
	started := time.Now()
	account := newSummary(stdout)
	err := goTest(ctx, flags.Args(), account, stderr)
	account.close()
	if err == nil && account.counts.Tests == 0 {
		err = errors.New("no test ran")
	}
	if err != nil {
		account.print(fmt.Sprintf("testsummary: %v\n", err))
	}
	account.print(account.result(*name, err == nil, time.Since(started)) + "\n")
	return err == nil
}

// goTest runs go test and feeds its events to the account. Its error is nil only when everything passed.
func goTest(ctx context.Context, args []string, account *summary, stderr io.Writer) error {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // the arguments are the Makefile's
	command.Stderr = stderr
	// An interrupt lets go test end its children; only one that does not end in time is killed.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	stream, err := command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	readErr := account.read(stream)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	if readErr == nil && (account.broken || account.counts.Failed > 0) {
		return errors.New("go test: a test failed")
	}
	return readErr
}
