package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	peerReadyTimeout = time.Minute
	peerStopTimeout  = 15 * time.Second
	// nothingFree is how long a loop pauses when all agents are taken by other loops for a moment.
	nothingFree = time.Millisecond
)

// contender is one way to give waiting conversations to agents.
type contender struct {
	name string
	// start returns when it works; nil for one that works in the caller.
	start func(ctx context.Context) (stop func(), err error)
	// enqueue makes one conversation wait, in the transaction.
	enqueue func(ctx context.Context, tx pgx.Tx, conversationID string) error
	// enqueueAll makes all conversations of the project wait, in the transaction.
	enqueueAll func(ctx context.Context, tx pgx.Tx, projectID string) error
	// after runs when the transaction has committed; what has no other process assigns here.
	after func(ctx context.Context, projectID string) error
}

const (
	// Peers broadcast nothing, so ours is compared with them while its Realtime is elsewhere; sharing is ours while the
	// stand-in's Realtime, which asks the database about each topic, has the same processors.
	ourselves = "ours"
	sharing   = "ours, Realtime on the same cores"
	loopName  = "F001 loop"
	riverName = "River"
	graphile  = "graphile-worker"
)

const (
	waitOne = `select handoff.enqueue($1, 'button_click')`
	waitAll = `update public.conversations set status = 'waiting', handoff_reason = 'button_click' where project_id = $1`
	// What River's client does: the row, and the notification of its queue.
	riverJobs = `
		insert into bench_river.river_job (args, kind, max_attempts)
		select jsonb_build_object('conversation_id', id), 'assign', 25 from unnest($1::uuid[]) as id`
	riverNotify = `select pg_notify('bench_river.river_insert', '{"queue": "default"}')`
	graphileJob = `select bench_graphile.add_job('assign', json_build_object('conversation_id', $1::text))`
	// One statement for many jobs, as its documentation recommends.
	graphileJobs = `
		select count(*) from bench_graphile.add_jobs(array(
		  select ('assign', json_build_object('conversation_id', id), null, null, null, null, null, null)::bench_graphile.job_spec
		    from public.conversations where project_id = $1))`
)

func (w *world) contenders(tuned bool) []contender {
	return []contender{w.ours(), w.sharing(), w.loop(), w.river(), w.graphileWorker(tuned)}
}

func run(ctx context.Context, tx pgx.Tx, statement string, values ...any) error {
	_, err := tx.Exec(ctx, statement, values...)
	return err
}

func enqueueOne(ctx context.Context, tx pgx.Tx, id string) error { return run(ctx, tx, waitOne, id) }

func enqueueProject(ctx context.Context, tx pgx.Tx, projectID string) error {
	return run(ctx, tx, waitAll, projectID)
}

func noAfter(context.Context, string) error { return nil }

// ours is the product.
func (w *world) ours() contender {
	return contender{name: ourselves, start: func(ctx context.Context) (func(), error) {
		elsewhere, err := rig.StartElsewhere(ctx)
		if err != nil {
			return nil, err
		}
		stop := func() {
			w.killWorker()
			elsewhere.Stop()
		}
		return stop, w.freshWorker(ctx, elsewhere.URL)
	}, enqueue: enqueueOne, enqueueAll: enqueueProject, after: noAfter}
}

func (w *world) sharing() contender {
	return contender{name: sharing, start: func(ctx context.Context) (func(), error) {
		return w.killWorker, w.freshWorker(ctx, w.standIn.URL)
	}, enqueue: enqueueOne, enqueueAll: enqueueProject, after: noAfter}
}

// isOurs says whether it gives out many at a time.
func (c contender) isOurs() bool { return c.name == ourselves || c.name == sharing }

// loop is F001 5.5 as it is written: whoever makes a conversation wait gives out what waits, one transaction each.
func (w *world) loop() contender {
	return contender{name: loopName, enqueue: enqueueOne, enqueueAll: enqueueProject, after: w.giveOneByOne}
}

func (w *world) river() contender {
	return contender{
		name: riverName,
		start: func(ctx context.Context) (func(), error) {
			return w.startPeer(ctx, "River", ".cache/bin/river-peer", nil)
		},
		enqueue: func(ctx context.Context, tx pgx.Tx, id string) error {
			return errors.Join(enqueueOne(ctx, tx, id), run(ctx, tx, riverJobs, []string{id}), run(ctx, tx, riverNotify))
		},
		enqueueAll: func(ctx context.Context, tx pgx.Tx, projectID string) error {
			if err := enqueueProject(ctx, tx, projectID); err != nil {
				return err
			}
			ids, err := conversationsOf(ctx, tx, projectID)
			if err != nil {
				return err
			}
			return errors.Join(run(ctx, tx, riverJobs, ids), run(ctx, tx, riverNotify))
		},
		after: noAfter,
	}
}

// graphileWorker has one setting for latency and one for throughput; it is measured with the better one each time.
func (w *world) graphileWorker(tuned bool) contender {
	var env []string
	if tuned {
		env = append(env, "GRAPHILE_TUNED=1")
	}
	return contender{
		name: graphile,
		start: func(ctx context.Context) (func(), error) {
			return w.startPeer(ctx, graphile, "node", env, "bench/peers/graphile/worker.mjs")
		},
		enqueue: func(ctx context.Context, tx pgx.Tx, id string) error {
			return errors.Join(enqueueOne(ctx, tx, id), run(ctx, tx, graphileJob, id))
		},
		enqueueAll: func(ctx context.Context, tx pgx.Tx, projectID string) error {
			return errors.Join(enqueueProject(ctx, tx, projectID), run(ctx, tx, graphileJobs, projectID))
		},
		after: noAfter,
	}
}

func conversationsOf(ctx context.Context, tx pgx.Tx, projectID string) ([]string, error) {
	rows, err := tx.Query(ctx, `select id::text from public.conversations where project_id = $1`, projectID)
	if err != nil {
		return nil, fmt.Errorf("list conversations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// startPeer runs another system against the same database. It is ready when it says so.
func (w *world) startPeer(ctx context.Context, name, path string, env []string, args ...string) (func(), error) {
	if filepath.Base(path) != path {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%s is not built, run scripts/bench.sh: %w", name, err)
		}
	}
	ready := make(chan struct{})
	var once sync.Once
	peer, err := rig.Start(ctx, rig.Command{
		Name: name, Path: path, Args: args, Env: append(env, "DATABASE_URL="+w.standIn.DatabaseURL("postgres")), Log: w.log,
		OnLine: func(line string) {
			if line == "ready" {
				once.Do(func() { close(ready) })
			}
		},
	})
	if err != nil {
		return nil, err
	}
	stop := func() { _ = peer.Stop(peerStopTimeout) } // the measurements are done
	readyCtx, cancel := context.WithTimeout(ctx, peerReadyTimeout)
	defer cancel()
	if err := peer.Await(readyCtx, ready); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// The loop's statements, each a round trip, as a backend with a database driver runs them.
const (
	loopNext = `
		select id::text from public.conversations where project_id = $1 and status = 'waiting'
		 order by priority desc, queue_entered_at, id limit 1 for no key update skip locked`
	loopAgent = `
		select user_id::text from public.agent_availability
		 where project_id = $1 and effective_status = 'online' and current_chat_count < max_concurrent_chats
		 order by max_concurrent_chats - current_chat_count desc, last_assigned_at nulls first limit 1 for no key update skip locked`
	loopGive = `update public.conversations set status = 'agent_active', assigned_agent_id = $2 where id = $1`
)

// giveOneByOne gives out what waits until nothing does, or for as long as anchorLimit.
func (w *world) giveOneByOne(ctx context.Context, projectID string) error {
	for until := time.Now().Add(anchorLimit); time.Now().Before(until); {
		given, err := w.giveNext(ctx, projectID)
		if err != nil {
			return fmt.Errorf("give the next conversation: %w", err)
		}
		if !given {
			return nil
		}
	}
	return nil
}

func (w *world) giveNext(ctx context.Context, projectID string) (given bool, err error) {
	err = pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
		var conversationID, agentID string
		err := tx.QueryRow(ctx, loopNext, projectID).Scan(&conversationID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		given = true
		err = tx.QueryRow(ctx, loopAgent, projectID).Scan(&agentID)
		if errors.Is(err, pgx.ErrNoRows) {
			return rig.Pause(ctx, nothingFree) // other loops hold all of them
		}
		if err != nil {
			return err
		}
		return run(ctx, tx, loopGive, conversationID, agentID)
	})
	return given, err
}
