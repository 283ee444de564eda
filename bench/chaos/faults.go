package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/rig"
)

// fault is one thing that goes wrong. It is over, and repaired, when do returns.
type fault struct {
	name string
	// kind is what it is counted as.
	kind faultKind
	// without is why this run cannot have it; empty when it can.
	without func(*run) string
	do      func(context.Context, *run) error
}

type faultKind int

const (
	ofRealtime faultKind = iota
	ofSlot
	ofPostgres
	ofWorkers
	ofWriters
)

const (
	slotName = "handoff"
	// slotTimeout is how long a slot is waited for: the worker makes it.
	slotTimeout  = 30 * time.Second
	slotPoll     = 20 * time.Millisecond
	hugeMessages = 5_000
	// walNoise is written before each switch of the log, so that every switch finishes a segment.
	walNoise     = 1 << 16
	walSwitches  = 20
	smallKeep    = "1MB"
	defaultPause = 2 * time.Second
)

var errSlotAlive = errors.New("the slot was not invalidated")

func never(*run) string { return "" }

func needsRecovery(r *run) string {
	if !r.recovers {
		return "this binary does not recover lost slots yet"
	}
	return ""
}

func needsSupervisor(r *run) string {
	if !r.standIn.Supervised() {
		return "the Postgres of this machine cannot be restarted under the stand-in"
	}
	return ""
}

// faults is everything there is, each at least once a run.
func faults() []fault {
	return []fault{
		realtimeFault("realtime_down", down, 5*time.Second, time.Minute),
		realtimeFault("realtime_answers_429", tooMany, defaultPause, 8*time.Second),
		realtimeFault("realtime_answers_500", broken, defaultPause, 8*time.Second),
		realtimeFault("realtime_answers_garbage", garbage, defaultPause, 8*time.Second),
		realtimeFault("realtime_is_slow", slow, 3*time.Second, 15*time.Second),
		realtimeFault("realtime_cuts_mid_frame", cutting, 3*time.Second, 15*time.Second),
		realtimeFault("realtime_swallows", swallowed, 3*time.Second, 20*time.Second),
		{"slot_dropped", ofSlot, needsRecovery, dropSlot},
		{"slot_invalidated", ofSlot, needsRecovery, invalidateSlot},
		{"postgres_restarted_fast", ofPostgres, needsSupervisor, func(ctx context.Context, r *run) error {
			return r.standIn.RestartPostgres(ctx, rig.Fast)
		}},
		{"postgres_restarted_immediate", ofPostgres, needsSupervisor, func(ctx context.Context, r *run) error {
			return r.standIn.RestartPostgres(ctx, rig.Immediate)
		}},
		{"two_workers", ofWorkers, never, twoWorkers},
		{"huge_transaction", ofWriters, never, hugeTransaction},
		{"long_transaction", ofWriters, never, longTransaction},
	}
}

func realtimeFault(name string, treatment mode, short, long time.Duration) fault {
	return fault{name, ofRealtime, never, func(ctx context.Context, r *run) error {
		r.proxy.set(treatment)
		defer func() {
			r.proxy.set(passing)
			if treatment == swallowed || treatment == slow {
				return // what hangs must be noticed by the worker itself
			}
			r.proxy.endAll()
		}()
		return rig.Pause(ctx, r.span(short, long))
	}}
}

func twoWorkers(ctx context.Context, r *run) error {
	r.crew.Want(2)
	defer r.crew.Want(1)
	if err := rig.Pause(ctx, r.span(defaultPause, 10*time.Second)); err != nil {
		return err
	}
	r.crew.KillOne() // the leader or the one that stands by
	return rig.Pause(ctx, r.span(time.Second, 5*time.Second))
}

// dropSlot does what a platform upgrade does. The worker holds the slot, so it is taken from it first.
func dropSlot(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
	return rig.Poll(ctx, slotPoll, func() (bool, error) {
		var dropped int
		_, err := r.admin.Exec(ctx, `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active`, slotName)
		if err != nil {
			return false, fmt.Errorf("take the slot from its worker: %w", err)
		}
		err = r.admin.QueryRow(ctx, `
			select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots where slot_name = $1 and not active`, slotName).Scan(&dropped)
		if err != nil {
			return false, fmt.Errorf("drop the slot: %w", err) // the worker was faster: once more
		}
		return dropped == 1, nil
	})
}

// invalidateSlot lets the log grow past what a slot may hold back, while no worker reads.
func invalidateSlot(ctx context.Context, r *run) error {
	if err := awaitSlot(ctx, r); err != nil {
		return err
	}
	r.crew.Want(0)
	defer r.crew.Want(1)
	if err := setKeepSize(ctx, r, fmt.Sprintf("set max_slot_wal_keep_size = '%s'", smallKeep)); err != nil {
		return err
	}
	invalidated := fillLog(ctx, r)
	return errors.Join(invalidated, setKeepSize(context.WithoutCancel(ctx), r, "reset max_slot_wal_keep_size"))
}

func setKeepSize(ctx context.Context, r *run, change string) error {
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
	if _, err := r.admin.Exec(ctx, "alter system "+change); err != nil {
		return fmt.Errorf("alter system %s: %w", change, err)
	}
	if _, err := r.admin.Exec(ctx, "select pg_reload_conf()"); err != nil {
		return fmt.Errorf("reload the configuration: %w", err)
	}
	return nil
}

func fillLog(ctx context.Context, r *run) error {
	for range walSwitches {
		for _, statement := range []string{
			fmt.Sprintf("select pg_logical_emit_message(false, 'chaos', repeat('x', %d))", walNoise),
			"select pg_switch_wal()", "checkpoint",
		} {
			if _, err := r.admin.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		status, err := slotStatus(ctx, r)
		if err != nil {
			return err
		}
		if status == "lost" {
			return nil
		}
	}
	return errSlotAlive
}

// slotStatus is the slot's wal_status, empty when there is no slot, or one that is only being made: it goes with its maker.
func slotStatus(ctx context.Context, r *run) (string, error) {
	var status string
	err := r.admin.QueryRow(ctx, `
		select coalesce(wal_status, '')
		  from pg_replication_slots
		 where slot_name = $1 and (confirmed_flush_lsn is not null or wal_status = 'lost')`, slotName).Scan(&status)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at the slot: %w", err)
	}
	return status, nil
}

// awaitSlot returns when there is a slot in good health.
func awaitSlot(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
	return rig.Poll(ctx, slotPoll, func() (bool, error) {
		status, err := slotStatus(ctx, r)
		return err == nil && status != "" && status != "lost", err
	})
}

// hugeTransaction writes thousands of messages at once.
func hugeTransaction(ctx context.Context, r *run) error {
	_, err := r.cast.owner.Exec(ctx, `
		insert into public.messages (conversation_id, sender_type, content)
		select id, 'system', 'One of many, ' || n
		  from unnest($1::uuid[]) as id, generate_series(1, $2::integer) as n
		 order by id`, r.conversations()[:10], hugeMessages/10)
	if err != nil {
		return fmt.Errorf("write %d messages at once: %w", hugeMessages, err)
	}
	return nil
}

// longTransaction writes a message and stays open while others write and commit.
func longTransaction(ctx context.Context, r *run) error {
	return pgx.BeginFunc(ctx, r.cast.owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertSystem, r.conversations()[0], words()); err != nil {
			return fmt.Errorf("write in a long transaction: %w", err)
		}
		return rig.Pause(ctx, r.span(4*time.Second, 20*time.Second))
	})
}
