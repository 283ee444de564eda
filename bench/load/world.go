package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/bench/rig"
)

const (
	poolConnections   = gauge.Writers + 4
	workerStopTimeout = 20 * time.Second
	slotTimeout       = 60 * time.Second
	slotPoll          = 20 * time.Millisecond
	// clockTicks is USER_HZ, which is 100 on every Linux that Go runs on.
	clockTicks = 100
)

var errNoStat = errors.New("unexpected form")

// world is a stand-in and what a benchmark does with it.
type world struct {
	binary  string
	part    string // the only part that is measured; empty for all
	seconds int    // how long one measurement goes on
	log     io.Writer

	standIn *rig.StandIn
	owner   *pgxpool.Pool // owner of the tables
	worker  *rig.Process
}

// enter starts a stand-in without a worker. Call leave, also after an error.
func (w *world) enter(ctx context.Context) error {
	var err error
	if w.standIn, err = rig.StartStandIn(ctx, w.binary, w.log); err != nil {
		return err
	}
	w.owner, err = w.standIn.Pool(ctx, "postgres", poolConnections)
	return err
}

func (w *world) leave() error {
	w.stopWorker()
	if w.owner != nil {
		w.owner.Close()
	}
	if w.standIn == nil {
		return nil
	}
	return w.standIn.Stop()
}

// startWorker returns when the worker streams; Realtime is the stand-in's.
func (w *world) startWorker(ctx context.Context) error { return w.startWorkerAt(ctx, w.standIn.URL) }

// startWorkerAt is startWorker with another address for Realtime.
func (w *world) startWorkerAt(ctx context.Context, supabaseURL string) error {
	worker, err := rig.Start(ctx, rig.Command{
		Name: "handoff run", Path: w.binary, Args: []string{"run"}, Env: w.standIn.WorkerEnv(supabaseURL), Log: w.log,
	})
	if err != nil {
		return err
	}
	w.worker = worker
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
	return rig.Poll(ctx, slotPoll, func() (bool, error) {
		var active bool
		err := w.owner.QueryRow(ctx, `select exists (select from pg_replication_slots where slot_name = 'handoff' and active)`).Scan(&active)
		return active, err
	})
}

func (w *world) stopWorker() {
	if w.worker != nil {
		_ = w.worker.Stop(workerStopTimeout) // the measurements are done
		w.worker = nil
	}
}

// freshWorker starts a worker that has nothing to catch up with: what the measurement before left undelivered is skipped.
func (w *world) freshWorker(ctx context.Context, supabaseURL string) error {
	if _, err := w.owner.Exec(ctx, skipBacklog); err != nil {
		return fmt.Errorf("skip what was not delivered: %w", err)
	}
	return w.startWorkerAt(ctx, supabaseURL)
}

const skipBacklog = `
	select pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) from pg_replication_slots where slot_name = 'handoff' and not active`

// killWorker ends the worker at once: what it has not delivered yet is nobody's concern any more.
func (w *world) killWorker() {
	if w.worker != nil {
		w.worker.Kill()
		w.worker = nil
	}
}

// drained returns when the worker has confirmed everything that is in the log now.
func (w *world) drained(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var end string
	if err := w.owner.QueryRow(ctx, `select pg_current_wal_insert_lsn()::text`).Scan(&end); err != nil {
		return fmt.Errorf("look at the log's end: %w", err)
	}
	// What others wrote since the last event the worker confirms with its next one, or seconds later when there is none.
	if err := w.exec(ctx, oneMore); err != nil {
		return err
	}
	return rig.Poll(ctx, slotPoll, func() (bool, error) {
		var done bool
		err := w.owner.QueryRow(ctx, `select coalesce((select confirmed_flush_lsn >= $1::pg_lsn from pg_replication_slots where slot_name = 'handoff'), false)`, end).Scan(&done)
		return done, err
	})
}

const oneMore = `
	insert into handoff.outbox (project_id, kind, payload)
	values ('00000000-0000-4000-8000-000000000001', 'queue_updated', '{"waiting_count": 0}')`

func (w *world) exec(ctx context.Context, sql string, values ...any) error {
	if _, err := w.owner.Exec(ctx, sql, values...); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(strings.Fields(sql), " "), err)
	}
	return nil
}

func (w *world) version(ctx context.Context) (version string, err error) {
	err = w.owner.QueryRow(ctx, `show server_version`).Scan(&version)
	return version, err
}

// usage is what a process has used up to now.
type usage struct {
	cpu    time.Duration
	peakMB float64
}

// usageOf reads /proc; elsewhere than on Linux it fails.
func usageOf(pid int) (usage, error) {
	folder := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(folder + "/stat") //nolint:gosec // of a process of ours
	if err != nil {
		return usage{}, fmt.Errorf("read process times: %w", err)
	}
	// The name in parentheses may hold spaces; what follows it does not. User and system time are fields 14 and 15.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return usage{}, fmt.Errorf("read process times: %w", errNoStat)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return usage{}, fmt.Errorf("read process times: %w", err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return usage{}, fmt.Errorf("read process times: %w", err)
	}
	peak, err := peakMemory(folder)
	return usage{cpu: time.Duration(user+system) * time.Second / clockTicks, peakMB: peak}, err
}

// stolen is the processor time that the machine's host has kept from it since it started; zero where that is not known.
func stolen() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[:max(0, strings.IndexByte(string(stat), '\n'))]))
	if len(fields) < 9 { // "cpu", then user, nice, system, idle, iowait, irq, softirq and steal
		return 0
	}
	ticks, _ := strconv.Atoi(fields[8])
	return time.Duration(ticks) * time.Second / clockTicks
}

// peakMemory is the highest resident set, in MB.
func peakMemory(folder string) (float64, error) {
	status, err := os.ReadFile(folder + "/status") //nolint:gosec // of a process of ours
	if err != nil {
		return 0, fmt.Errorf("read process memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return float64(kilobytes) / 1024, err
		}
	}
	return 0, fmt.Errorf("read process memory: %w", errNoStat)
}
