package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/web"
)

// pagesPortSetting names the port in a local.PortInUseError.
const pagesPortSetting = "PagesPort"

const (
	// pagesHeaderTimeout bounds how long a browser may take to ask.
	pagesHeaderTimeout = 10 * time.Second
	// pagesStopTimeout bounds the wait for answers in hand.
	pagesStopTimeout = 2 * time.Second
)

// pageServer serves the shop, the widget and the dashboard on the loopback address.
type pageServer struct {
	listener net.Listener
	server   *http.Server
	// failed receives what ended the server, unless stop did.
	failed chan error
}

// listenPages takes the port before anything is started: a port that is taken is told at once. Call serve or stop.
func listenPages(ctx context.Context, dev config.Dev) (*pageServer, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(dev.PagesPort))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &local.PortInUseError{Port: dev.PagesPort, Setting: pagesPortSetting}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &pageServer{listener: listener, failed: make(chan error, 1)}, nil
}

// serve begins to answer: pages for the project of the stand-in.
func (p *pageServer) serve(stack *local.Stack, demo demoProject) error {
	told := web.Config{URL: stack.URL(), Key: keys.Publishable, ProjectID: demo.id}
	for _, user := range demo.users {
		told.SignIns = append(told.SignIns, web.SignIn{Email: user.email, Password: demoPassword, Name: user.name, Role: user.role})
	}
	handler, err := web.NewHandler(web.Dist(), told)
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: handler, ReadHeaderTimeout: pagesHeaderTimeout}
	go func() {
		if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("serve the pages: %w", err)
		}
	}()
	return nil
}

// url is the address of a page.
func (p *pageServer) url(path string) string { return "http://" + p.listener.Addr().String() + path }

// stop ends the server; answers in hand get a moment.
func (p *pageServer) stop(ctx context.Context) {
	if p.server == nil {
		_ = p.listener.Close() // nobody was served: nothing to lose
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pagesStopTimeout)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close() // the grace is over
	}
}
