package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/worker/mail"
)

// Exit codes. docs/errors.md explains them.
const (
	exitFailed = 1
	exitUsage  = 2
)

// problem is an error as a person at a terminal needs it.
type problem struct {
	// code is stable: scripts and docs/errors.md refer to it.
	code string
	// text is one sentence that says what is wrong.
	text string
	// remedy says what to do next; empty when text says it already.
	remedy string
	exit   int
}

func (p *problem) Error() string { return p.text }

// report writes what is wrong and returns the exit code; 0 for no error or an interrupt that was obeyed.
func report(out io.Writer, err error) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return 0
	}
	found := explain(err)
	_, _ = fmt.Fprintf(out, "handoff: %s [%s]\n", found.text, found.code) // nowhere left to report to
	if found.remedy != "" {
		_, _ = fmt.Fprintf(out, "  %s\n", found.remedy)
	}
	return found.exit
}

// explain finds the code and the remedy of an error.
func explain(err error) *problem {
	if found, ok := errors.AsType[*problem](err); ok {
		return found
	}
	if invalid, ok := errors.AsType[*config.InvalidError](err); ok {
		return &problem{code: "config_invalid", text: invalid.Error(), remedy: "docs/env.md explains every setting.", exit: exitUsage}
	}
	for _, explainer := range []func(error) *problem{explainLocal, explainDatabase, explainReplication, explainMigration, explainMail, explainMetrics} {
		if found := explainer(err); found != nil {
			return found
		}
	}
	return &problem{code: "failed", text: err.Error(), exit: exitFailed}
}

func explainLocal(err error) *problem {
	if taken, ok := errors.AsType[*local.PortInUseError](err); ok {
		return portInUse(taken)
	}
	if running, ok := errors.AsType[*postgres.AlreadyRunningError](err); ok {
		return &problem{
			code: "already_running", text: "handoff dev is already " + running.Error(),
			remedy: "Use the running one, stop it, or choose another folder with --data-dir.", exit: exitFailed,
		}
	}
	if errors.Is(err, postgres.ErrNoPostgres) {
		return &problem{code: "no_postgres", text: postgres.ErrNoPostgres.Error(), exit: exitFailed}
	}
	return nil
}

func portInUse(taken *local.PortInUseError) *problem {
	flag := "--port"
	switch taken.Setting {
	case "PostgresPort":
		flag = "--postgres-port"
	case pagesPortSetting:
		flag = "--pages-port"
	}
	return &problem{
		code:   "port_in_use",
		text:   fmt.Sprintf("port %d is in use by another program", taken.Port),
		remedy: fmt.Sprintf("Stop that program, or choose another port with %s.", flag),
		exit:   exitFailed,
	}
}

func explainDatabase(err error) *problem {
	refused, ok := errors.AsType[*supabase.ConnectError](err)
	if !ok {
		return nil
	}
	code := map[error]string{
		supabase.ErrBadURL:          "database_url_invalid",
		supabase.ErrUnreachable:     "database_unreachable",
		supabase.ErrWrongPassword:   "database_password",
		supabase.ErrUnknownDatabase: "database_unknown",
		supabase.ErrNotMigrated:     "database_not_migrated",
	}[refused.Reason]
	return &problem{code: code, text: refused.Error(), remedy: refused.Remedy(), exit: exitFailed}
}

func explainReplication(err error) *problem {
	for kind, code := range map[error]string{
		replication.ErrBadURL:             "replication_url_invalid",
		replication.ErrUnreachable:        "replication_unreachable",
		replication.ErrWrongPassword:      "replication_password",
		replication.ErrReplicationRefused: "replication_refused",
		replication.ErrWALLevel:           "wal_level_not_logical",
		replication.ErrNoTable:            "database_not_migrated",
		replication.ErrPublication:        "publication_unusable",
		replication.ErrSlot:               "slot_unusable",
		replication.ErrDatabaseReplaced:   "database_replaced",
		replication.ErrUndecodable:        "stream_undecodable",
		replication.ErrDelivery:           "stream_interrupted",
	} {
		if errors.Is(err, kind) {
			return &problem{code: code, text: err.Error(), exit: exitFailed}
		}
	}
	return nil
}

func explainMigration(err error) *problem {
	refused, ok := errors.AsType[*migrations.Error](err)
	if !ok {
		return nil
	}
	return &problem{code: "migration_refused", text: refused.Error(), exit: exitFailed}
}

func explainMail(err error) *problem {
	unusable, ok := errors.AsType[*mail.TemplateError](err)
	if !ok {
		return nil
	}
	return &problem{
		code: "mail_template_unusable", text: unusable.Error(),
		remedy: "Correct the file in the folder of HANDOFF_MAIL_TEMPLATES, or remove it: the built-in one is used then. See docs/mail.md.",
		exit:   exitFailed,
	}
}

func explainMetrics(err error) *problem {
	refused, ok := errors.AsType[*metrics.ListenError](err)
	if !ok {
		return nil
	}
	return &problem{
		code: "metrics_address_unusable", text: refused.Error(),
		remedy: "Choose another address with --metrics-address, or leave it empty.", exit: exitFailed,
	}
}
