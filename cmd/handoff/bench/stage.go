package bench

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/supabase"
)

const (
	addressPrefix = "handoff-bench-"
	addressDomain = "@bench.invalid"
	// ProjectName is what people see who look at the table of projects meanwhile.
	ProjectName = "handoff bench (temporary)"
	// rooms is how many conversations the events are written to.
	rooms = 5
)

// stage is the project that is measured in: an owner who is its only agent, and conversations.
type stage struct {
	pool *pgxpool.Pool
	// address is the account's, and the name of everything: Remove goes by it.
	address string
	// firstXID is a transaction that is not later than any of it.
	firstXID string

	account string
	project string
	// rooms get the events; queue are handed to the agent. All are with the AI first.
	rooms []string
	queue []string
}

// mark notes where in the order of transactions the stage begins.
func (s *stage) mark(ctx context.Context) error {
	if err := s.pool.QueryRow(ctx, `select pg_snapshot_xmin(pg_current_snapshot())::text`).Scan(&s.firstXID); err != nil {
		return fmt.Errorf("ask for the oldest transaction: %w", err)
	}
	return nil
}

// build makes everything. What it has made when it fails goes with Remove.
func (s *stage) build(ctx context.Context, admin *supabase.AuthAdmin, queued int) (err error) {
	if s.account, err = admin.CreateUser(ctx, supabase.NewUser{Email: s.address, Password: rand.Text(), Name: ProjectName}); err != nil {
		return fmt.Errorf("%w: %w", ErrProject, err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.found(ctx, tx); err != nil {
			return err
		}
		if s.rooms, err = s.conversations(ctx, tx, "room ", rooms); err != nil {
			return err
		}
		s.queue, err = s.conversations(ctx, tx, gauge.Marker, queued)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProject, err)
	}
	return nil
}

// A team may have a table of projects from before, without a name.
const (
	hasName = `
		select exists (select 1 from pg_catalog.pg_attribute
		                where attrelid = 'public.projects'::regclass and attname = 'name' and not attisdropped)`
	makeNamed    = `insert into public.projects (user_id, name) values ($1, $2) returning id::text`
	makeNameless = `insert into public.projects (user_id) values ($1) returning id::text`
	makeSettings = `
		insert into public.handoff_settings (project_id, enabled, show_human_button) values ($1, true, true)
		on conflict (project_id) do update set enabled = true`
	makeAgent = `
		insert into public.agent_availability (project_id, user_id, status, auto_offline_enabled, max_concurrent_chats)
		values ($1, $2, 'online', false, $3)`
	// The names carry the numbers by which arrivals are known.
	makeConversations = `
		with made as (
		  insert into public.conversations (project_id, visitor_id, customer_name)
		  select $1, 'bench-' || n, $2 || n || '-' from generate_series(0, $3::integer - 1) as n
		  returning id, visitor_id
		)
		select made.id::text from made order by substr(made.visitor_id, 7)::integer`
)

func (s *stage) found(ctx context.Context, tx pgx.Tx) error {
	var named bool
	if err := tx.QueryRow(ctx, hasName).Scan(&named); err != nil {
		return fmt.Errorf("look at public.projects: %w", err)
	}
	statement, values := makeNameless, []any{s.account}
	if named {
		statement, values = makeNamed, []any{s.account, ProjectName}
	}
	if err := tx.QueryRow(ctx, statement, values...).Scan(&s.project); err != nil {
		return fmt.Errorf("insert into public.projects: %w", err)
	}
	if _, err := tx.Exec(ctx, makeSettings, s.project); err != nil {
		return fmt.Errorf("insert its settings: %w", err)
	}
	if _, err := tx.Exec(ctx, makeAgent, s.project, s.account, mostChats); err != nil {
		return fmt.Errorf("insert its agent: %w", err)
	}
	return nil
}

func (s *stage) conversations(ctx context.Context, tx pgx.Tx, name string, count int) ([]string, error) {
	rows, err := tx.Query(ctx, makeConversations, s.project, name, count)
	if err != nil {
		return nil, fmt.Errorf("insert conversations: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("insert conversations: %w", err)
	}
	return ids, nil
}
