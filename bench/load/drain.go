package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
)

const (
	backlog      = 100_000 // transactions of one event
	drainRounds  = 3
	drainTimeout = 2 * time.Minute
	drainSlot    = "bench"
)

var errNotDrained = errors.New("the stream ended before the backlog was read")

// drain measures how fast the outbox is read from a slot that was left alone for a while, beside pg_recvlogical, which
// decodes nothing and throws everything away, on copies of the same slot. Rounds alternate; the best of each counts.
func (w *world) drain(ctx context.Context, report *Report) error {
	w.stopWorker()
	end, err := w.leaveBacklog(ctx)
	if err != nil {
		return err
	}
	receive := rig.Program("pg_recvlogical")
	var ours, theirs time.Duration
	for round := range drainRounds {
		took, err := w.drainByStream(ctx, fmt.Sprintf("%s_%d", drainSlot, 2*round))
		if err != nil {
			return err
		}
		ours = best(ours, took)
		if receive == "" {
			continue
		}
		if took, err = w.drainByProgram(ctx, receive, fmt.Sprintf("%s_%d", drainSlot, 2*round+1), end); err != nil {
			return err
		}
		theirs = best(theirs, took)
	}
	report.add("drain by the stream", "changes", backlog/ours.Seconds(), "/s")
	if receive == "" {
		report.leave("drain by pg_recvlogical", "the program is not installed")
		return nil
	}
	report.add("drain by pg_recvlogical", "changes", backlog/theirs.Seconds(), "/s")
	report.relate("drain by the stream", "drain by pg_recvlogical")
	return nil
}

func best(known, took time.Duration) time.Duration {
	if known == 0 {
		return took
	}
	return min(known, took)
}

// leaveBacklog makes a slot, a backlog behind it and a copy of the slot for each drain; it returns the end of the backlog.
func (w *world) leaveBacklog(ctx context.Context) (end string, err error) {
	conn, err := w.owner.Acquire(ctx)
	if err != nil {
		return "", fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	statements := []string{
		fmt.Sprintf(`select pg_create_logical_replication_slot('%s', 'pgoutput')`, drainSlot),
		`set synchronous_commit = off`,
		fmt.Sprintf(`do $$ begin for n in 1..%d loop
			insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
			values ('00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'message', 1,
			        jsonb_build_object('message', jsonb_build_object('id', gen_random_uuid(), 'content', repeat('x', 200))));
			commit; end loop; end $$`, backlog),
		`reset synchronous_commit`,
		fmt.Sprintf(`select pg_copy_logical_replication_slot('%[1]s', '%[1]s_' || n) from generate_series(0, %[2]d) as n`, drainSlot, 2*drainRounds-1),
		fmt.Sprintf(`select pg_drop_replication_slot('%s')`, drainSlot),
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("leave a backlog: %w", err)
		}
	}
	err = conn.QueryRow(ctx, `select pg_current_wal_insert_lsn()::text`).Scan(&end)
	return end, err
}

func (w *world) drainByStream(ctx context.Context, slot string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	stream := replication.New(replication.Options{URL: w.standIn.DatabaseURL("postgres"), Slot: slot})
	began, took, seen := time.Now(), time.Duration(0), 0
	var reached realtime.Position
	err := stream.Run(ctx, func(_ context.Context, transaction realtime.Transaction) error {
		seen += len(transaction.Events)
		if seen >= backlog && took == 0 {
			took = time.Since(began)
			cancel()
		}
		return nil
	}, func() (realtime.Position, bool) { return reached, false })
	if err != nil {
		return 0, fmt.Errorf("drain by the stream: %w", err)
	}
	if took == 0 {
		return 0, fmt.Errorf("drain by the stream: %w: %d of %d events", errNotDrained, seen, backlog)
	}
	return took, nil
}

func (w *world) drainByProgram(ctx context.Context, program, slot, end string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, program, //nolint:gosec // the program of the server's own package
		"--dbname", w.standIn.DatabaseURL("postgres"), "--slot", slot, "--start", "--no-loop", "--file", "/dev/null", "--endpos", end,
		"--option", "proto_version=1", "--option", "publication_names=handoff_outbox")
	began := time.Now()
	if output, err := command.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("drain by pg_recvlogical: %w: %s", err, output)
	}
	return time.Since(began), nil
}
