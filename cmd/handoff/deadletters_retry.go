package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/supabase"
)

// letterTimeout bounds one message that is sent again: both ways of the transport fit into it.
const letterTimeout = 40 * time.Second

// retryLetters sends through the worker's own transport.
func retryLetters(ctx context.Context, c letterCommand) error {
	way, err := newTransport(c.settings.Supabase, newLogger(c.ErrOrStderr(), c.settings.Log))
	if err != nil {
		return err
	}
	if err := way.Start(ctx); err != nil {
		return err
	}
	defer way.Stop()
	sent, kept := 0, 0
	err = c.each(ctx, 0, func(letter supabase.DeadLetter) error {
		taken, err := resend(ctx, c, way, letter)
		if taken {
			sent++
		} else {
			kept++
		}
		return err
	})
	if _, printed := fmt.Fprintf(c.OutOrStdout(), "RESULT deadletters_retry=%s sent=%d kept=%d\n", outcome(err, kept), sent, kept); printed != nil {
		return errors.Join(err, printed)
	}
	if err == nil && kept > 0 {
		err = &problem{
			code: "dead_letters_kept", text: fmt.Sprintf("%d of %d dead letters were refused again and are kept", kept, sent+kept),
			remedy: "The lines above have the reasons. `handoff deadletters drop` removes what nobody needs.", exit: exitFailed,
		}
	}
	return err
}

func outcome(err error, kept int) string {
	switch {
	case err != nil:
		return "failed"
	case kept > 0:
		return "partial"
	default:
		return "ok"
	}
}

// resend gives an error only when it is no use to go on with the next one.
func resend(ctx context.Context, c letterCommand, way broadcast.Transport, letter supabase.DeadLetter) (taken bool, err error) {
	refused := publishLetter(ctx, way, letter)
	if ctx.Err() != nil && refused != nil {
		return false, context.Cause(ctx)
	}
	if refused == nil {
		if _, err := c.table.Remove(ctx, []int64{letter.ID}); err != nil {
			return true, err
		}
		return true, say(c.OutOrStdout(), "sent", letter, "")
	}
	if err := say(c.OutOrStdout(), "kept", letter, refused.Error()); err != nil {
		return false, err
	}
	if isPermanent(refused) {
		return false, nil
	}
	return false, &problem{
		code: "realtime_unavailable", text: fmt.Sprintf("dead letter %d could not be sent: %v", letter.ID, refused),
		remedy: "Check SUPABASE_URL and SUPABASE_SECRET_KEY and that Realtime is up, then run it again.", exit: exitFailed,
	}
}

func say(out io.Writer, what string, letter supabase.DeadLetter, reason string) error {
	line := strings.TrimRight(fmt.Sprintf("%s  %d  %s  %s  %s", what, letter.ID, orDash(string(letter.Topic)), letter.Name, reason), " ")
	_, err := fmt.Fprintln(out, line)
	return err
}

// unreadable is an event that still makes no message.
type unreadable struct{ error }

// Permanent is true: another version of the program may read it, this one will not.
func (unreadable) Permanent() bool { return true }

func publishLetter(ctx context.Context, way broadcast.Transport, letter supabase.DeadLetter) error {
	messages, err := letterMessages(letter)
	if err != nil {
		return unreadable{err}
	}
	for _, message := range messages {
		if err := publishOne(ctx, way, message); err != nil {
			return err
		}
	}
	return nil
}

// publishOne tries twice: what goes wrong on a new connection once need not go wrong again.
func publishOne(ctx context.Context, way broadcast.Transport, message realtime.Message) error {
	ctx, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	err := way.Publish(ctx, message)
	if err == nil || isPermanent(err) {
		return err
	}
	return way.Publish(ctx, message)
}

// isPermanent asks the error itself: each way has its own.
func isPermanent(err error) bool {
	var verdict interface{ Permanent() bool }
	return errors.As(err, &verdict) && verdict.Permanent()
}

// letterMessages is the message that was refused, or what the event makes now if it made none then.
func letterMessages(letter supabase.DeadLetter) ([]realtime.Message, error) {
	if letter.Topic == "" {
		return broadcast.Messages(letter.Event)
	}
	return []realtime.Message{{
		Topic: letter.Topic, Name: letter.Name, Payload: letter.Payload,
		Private: letter.Topic != realtime.ProjectWidgetTopic(letter.Event.ProjectID),
	}}, nil
}
