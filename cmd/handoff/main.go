// Command handoff hands conversations from an AI to people, for teams on Supabase.
//
//	handoff dev         everything on this machine: Postgres, a stand-in for Supabase, the worker, a demo project
//	handoff run         the worker, against a Supabase project
//	handoff migrate     put the tables, rules and functions into a database
//	handoff doctor      look a Supabase project over and say what to mend
//	handoff bench       measure a Supabase project: commit to subscriber, waiting to assigned
//	handoff import      bring in chats from before
//	handoff deadletters list, send again or drop what Realtime would not take
//	handoff calibration how well promised waits were kept
//	handoff simulate    how long customers would wait with fewer or more agents
//	handoff version     which version this is
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to finish; from then on the default applies, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	err := newRoot(version).ExecuteContext(ctx)
	os.Exit(report(os.Stderr, err))
}
