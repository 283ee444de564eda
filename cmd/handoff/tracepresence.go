package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
)

const (
	forFlag = "for"

	// tracePoll is how often new steps are looked for.
	tracePoll = 500 * time.Millisecond
	// traceMost is the database's own bound.
	traceMost = time.Hour
)

func newTracePresence() *cobra.Command {
	trace := &cobra.Command{
		Use: "trace-presence CONNECTION", Short: "Follow one connection's beats from the page to its lease",
		Long: "Prints the connection's session and lease, then each step as it happens: enter, beat, pagehide, suspect, end. " +
			"A beat shows the client's own count of beats, so a step from 4 to 6 is one that never arrived, and a long gap without a step in " +
			"the count is a timer that did not fire. Presence's own log in the browser has the other half (docs/presence.md).",
		Args: cobra.ExactArgs(1), RunE: runTracePresence,
	}
	trace.Flags().Duration(forFlag, 5*time.Minute, "how long to follow it, an hour at most; 0: only what is there now")
	trace.Flags().Bool(jsonFlag, false, "one JSON object a line")
	config.AddFlags(trace.Flags(), "database")
	return trace
}

func runTracePresence(cmd *cobra.Command, args []string) error {
	connection, err := uuid.Parse(args[0])
	lasting, flagErr := cmd.Flags().GetDuration(forFlag)
	if err != nil || flagErr != nil || lasting < 0 || lasting > traceMost {
		return &problem{
			code: "usage", text: "trace-presence takes the id of a connection, a uuid, and --for from 0 to 1h",
			remedy: "presence_members lists the connections; see `" + cmd.CommandPath() + " --help`.", exit: exitUsage,
		}
	}
	settings, err := load(cmd, config.UseDatabase)
	if err != nil {
		return err
	}
	pool, err := supabase.OpenPool(cmd.Context(), settings.Database.URL.Reveal(), letterConnections)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := supabase.CheckMigrated(cmd.Context(), pool); err != nil {
		return err
	}
	return tracer{Command: cmd, store: supabase.NewPresence(pool), connection: connection.String()}.follow(cmd.Context(), lasting)
}

// tracer follows one connection.
type tracer struct {
	*cobra.Command

	store      *supabase.Presence
	connection string
}

func (t tracer) follow(ctx context.Context, lasting time.Duration) error {
	picture, err := t.store.PresencePicture(ctx, t.connection)
	if err != nil {
		return err
	}
	if err := t.print(time.Now(), "now", picture); err != nil {
		return err
	}
	steps := 0
	if lasting > 0 {
		if steps, err = t.steps(ctx, lasting); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(t.OutOrStdout(), "RESULT trace_presence=ok steps=%d\n", steps)
	return err
}

// steps prints what happens until the time is over or the command is interrupted, and ends the trace.
func (t tracer) steps(ctx context.Context, lasting time.Duration) (count int, err error) {
	if err := t.store.TracePresence(ctx, t.connection, lasting); err != nil {
		return 0, err
	}
	defer func() {
		endCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, t.store.TracePresence(endCtx, t.connection, 0))
	}()
	over, tick := time.NewTimer(lasting), time.NewTicker(tracePoll)
	defer over.Stop()
	defer tick.Stop()
	for last := int64(0); ; {
		found, err := t.store.PresenceSteps(ctx, t.connection, last)
		if err != nil && ctx.Err() == nil {
			return count, err
		}
		for _, step := range found {
			if err := t.print(step.At, step.Step, step.Detail); err != nil {
				return count, err
			}
			last, count = step.ID, count+1
		}
		select {
		case <-tick.C:
		case <-over.C:
			return count, nil
		case <-ctx.Done():
			return count, nil
		}
	}
}

func (t tracer) print(at time.Time, step string, detail json.RawMessage) error {
	asJSON, err := t.Flags().GetBool(jsonFlag)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(t.OutOrStdout()).Encode(map[string]any{"at": at.UTC(), "step": step, "detail": detail})
	}
	_, err = fmt.Fprintf(t.OutOrStdout(), "%s %-8s %s\n", at.UTC().Format("15:04:05.000"), step, detail)
	return err
}
