// Command river is a peer of the benchmarks: River with one job for each conversation that begins to wait. The job calls
// bench.assign_one, one transaction for one conversation, as somebody would write it who has a job queue. It is a module of its
// own, so that River is no dependency of the product.
//
// It prints "ready" when it works jobs, and ends when it is interrupted.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const (
	schema      = "bench_river"
	maxWorkers  = 100
	connections = 24
	// fetchCooldown is how soon after a fetch the next may follow. The default of 100 ms would cost River its latency.
	fetchCooldown = time.Millisecond
	stopTimeout   = 10 * time.Second
)

// AssignArgs are the arguments of a job.
type AssignArgs struct {
	ConversationID string `json:"conversation_id"`
}

// Kind names the job.
func (AssignArgs) Kind() string { return "assign" }

type assigner struct {
	river.WorkerDefaults[AssignArgs]

	pool *pgxpool.Pool
}

// Work gives the conversation to an agent.
func (a *assigner) Work(ctx context.Context, job *river.Job[AssignArgs]) error {
	_, err := a.pool.Exec(ctx, `select bench.assign_one($1)`, job.Args.ConversationID)
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return fmt.Errorf("configure the pool: %w", err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("open the pool: %w", err)
	}
	defer pool.Close()
	client, err := prepare(ctx, pool)
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start River: %w", err)
	}
	fmt.Println("ready")
	<-ctx.Done()
	stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return client.StopAndCancel(stopCtx)
}

func prepare(ctx context.Context, pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	if _, err := pool.Exec(ctx, `create schema if not exists `+schema); err != nil {
		return nil, fmt.Errorf("make the schema: %w", err)
	}
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: schema})
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &assigner{pool: pool})
	client, err := river.NewClient(driver, &river.Config{
		Schema: schema, Workers: workers, FetchCooldown: fetchCooldown,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}
