package rig

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Person is somebody who acts on the database through the API.
type Person struct {
	// ID is auth.users.id; empty for the service role.
	ID   string
	Role string
}

// Robot is a backend with the secret key.
var Robot = Person{Role: "service_role"}

// Visitor and agent alike are "authenticated": membership makes the difference.
func user(id string) Person { return Person{ID: id, Role: "authenticated"} }

// Claims are the person's claims as PostgREST sets them in request.jwt.claims.
func (p Person) Claims() string {
	if p.ID == "" {
		return fmt.Sprintf(`{"role": %q}`, p.Role)
	}
	return fmt.Sprintf(`{"role": %q, "sub": %q}`, p.Role, p.ID)
}

// Act runs fn in one transaction as the person, as PostgREST would. The pool is one of role authenticator.
func (p Person) Act(ctx context.Context, pool *pgxpool.Pool, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, p.Role, p.Claims())
		if err != nil {
			return err
		}
		return fn(tx)
	})
}

// Call runs one function of the API as the person and leaves its answer alone.
func (p Person) Call(ctx context.Context, pool *pgxpool.Pool, call string, values ...any) error {
	return p.Act(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "select public."+call, values...)
		return err
	})
}

const (
	insertUsers = `
		insert into auth.users (id, aud, role, email, is_anonymous)
		select gen_random_uuid(), 'authenticated', 'authenticated', case when $2 <> '' then $2 || n || '-' || gen_random_uuid() || '@example.com' end, $2 = ''
		  from generate_series(1, $1::integer) as n
		returning id::text`
	insertMembers = `
		insert into public.project_members (project_id, user_id, email, status, invited_by, accepted_at, max_concurrent_chats)
		select $1, account.id, account.email, 'active', project.user_id, now(), $3
		  from auth.users as account, public.projects as project
		 where account.id = any ($2::uuid[]) and project.id = $1`
	setOnline = `update public.agent_availability set status = 'online', auto_offline_enabled = false where project_id = $1 and user_id = any ($2::uuid[])`
)

// MaxChats is the highest limit that an agent can have.
const MaxChats = 50

// Hire adds agents to the project, online and with the highest limit of chats. The pool is one of the tables' owner.
func Hire(ctx context.Context, owner *pgxpool.Pool, projectID string, count int) ([]Person, error) {
	ids, err := users(ctx, owner, count, "agent")
	if err != nil {
		return nil, err
	}
	if _, err := owner.Exec(ctx, insertMembers, projectID, ids, MaxChats); err != nil {
		return nil, fmt.Errorf("hire %d agents for project %s: %w", count, projectID, err)
	}
	if _, err := owner.Exec(ctx, setOnline, projectID, ids); err != nil {
		return nil, fmt.Errorf("set the agents of project %s online: %w", projectID, err)
	}
	return persons(ids), nil
}

// Visitors makes anonymous users.
func Visitors(ctx context.Context, owner *pgxpool.Pool, count int) ([]Person, error) {
	ids, err := users(ctx, owner, count, "")
	return persons(ids), err
}

func users(ctx context.Context, owner *pgxpool.Pool, count int, name string) ([]string, error) {
	rows, err := owner.Query(ctx, insertUsers, count, name)
	if err != nil {
		return nil, fmt.Errorf("make %d users: %w", count, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("make %d users: %w", count, err)
	}
	return ids, nil
}

func persons(ids []string) []Person {
	made := make([]Person, len(ids))
	for i, id := range ids {
		made[i] = user(id)
	}
	return made
}
