package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Pause waits; it returns early, with the reason, when ctx ends.
func Pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Poll asks until the answer is true. Errors of done are tried again; the last one is part of the error when ctx ends.
func Poll(ctx context.Context, interval time.Duration, done func() (bool, error)) error {
	for {
		reached, err := done()
		if reached {
			return nil
		}
		if ended := Pause(ctx, interval); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// freePorts returns two ports that nothing listens on. Another process could take them before they are used, which the
// program that was to use them reports.
func freePorts(ctx context.Context) (first, second int, err error) {
	one, first, err := listenAnywhere(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer one.Close() //nolint:errcheck // held until both are known, so that they differ
	two, second, err := listenAnywhere(ctx)
	if err != nil {
		return 0, 0, err
	}
	return first, second, two.Close()
}

func listenAnywhere(ctx context.Context) (net.Listener, int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, fmt.Errorf("find a free port: %w", err)
	}
	_, text, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("find a free port: %w", err), listener.Close())
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("find a free port: %w", err), listener.Close())
	}
	return listener, port, nil
}
