package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// The demo project. Examples, tests and web/demo use the same values.
const (
	demoProjectID = "00000000-0000-4000-8000-000000000001"
	demoPassword  = "handoff-demo"
)

type demoUser struct{ email, name, role string }

var demoUsers = []demoUser{
	{"owner@example.com", "Olivia Owner", "owner"},
	{"sarah@example.com", "Sarah Miller", "agent"},
	{"mike@example.com", "Mike Chen", "agent"},
}

// demoProject is what a person needs to know to use it.
type demoProject struct {
	id    string
	users []demoUser
}

// seedDemo makes the demo project with an owner and two agents, unless it is there.
func seedDemo(ctx context.Context, conn *pgx.Conn, url string) (demoProject, error) {
	admin, err := supabase.NewAuthAdmin(url, keys.Secret)
	if err != nil {
		return demoProject{}, err
	}
	for _, user := range demoUsers {
		_, err := admin.CreateUser(ctx, supabase.NewUser{Email: user.email, Password: demoPassword, Name: user.name})
		if err != nil && !errors.Is(err, supabase.ErrEmailTaken) {
			return demoProject{}, fmt.Errorf("seed the demo project: %w", err)
		}
	}
	if err := seedRows(ctx, conn); err != nil {
		return demoProject{}, fmt.Errorf("seed the demo project: %w", err)
	}
	return demoProject{id: demoProjectID, users: demoUsers}, nil
}

func seedRows(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into public.projects (id, user_id, name)
			select $1, id, 'Demo' from auth.users where email = $2
			on conflict (id) do nothing`, demoProjectID, demoUsers[0].email)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into public.handoff_settings (project_id, enabled, show_human_button) values ($1, true, true)
			on conflict (project_id) do nothing`, demoProjectID)
		if err != nil {
			return err
		}
		for _, user := range demoUsers[1:] {
			_, err = tx.Exec(ctx, `
				insert into public.project_members (project_id, user_id, email, name, role, status, invited_by, accepted_at)
				select project.id, account.id, account.email, $3, $4, 'active', project.user_id, now()
				  from public.projects as project, auth.users as account
				 where project.id = $1 and account.email = $2
				on conflict (project_id, email) do nothing`, demoProjectID, user.email, user.name, user.role)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// announce prints everything that is needed to use the running stand-in, and RESULT run=ok as its last line.
func announce(out io.Writer, stack *local.Stack, pages *pageServer, demo demoProject, dev config.Dev, took time.Duration) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nSupportBase Handoff is running. For development only: these keys are the same everywhere.\n\n")
	fmt.Fprintf(&text, "  Demo shop        %s\n", pages.url("/shop/"))
	fmt.Fprintf(&text, "  Dashboard        %s\n\n", pages.url("/dashboard/"))
	fmt.Fprintf(&text, "  API URL          %s\n", stack.URL())
	fmt.Fprintf(&text, "  Database         %s\n", stack.DatabaseURL("postgres"))
	fmt.Fprintf(&text, "  Publishable key  %s\n", keys.Publishable)
	fmt.Fprintf(&text, "  Secret key       %s\n", keys.Secret)
	fmt.Fprintf(&text, "\n  Demo project     %s\n", demo.id)
	for _, user := range demo.users {
		fmt.Fprintf(&text, "  Sign in          %-18s %s  (%s)\n", user.email, demoPassword, user.role)
	}
	if !dev.Worker {
		fmt.Fprintf(&text, "\n  The worker is off: start it with `handoff run`.\n")
	}
	fmt.Fprintf(&text, "\n  Try `make demo` in another terminal. Ctrl-C stops everything.\n\n")
	fmt.Fprintf(&text, "RESULT run=ok url=%s pages=%s ready_ms=%d\n", stack.URL(), pages.url(""), took.Milliseconds())
	_, err := io.WriteString(out, text.String())
	return err
}
