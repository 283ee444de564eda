package main

import (
	"context"
	_ "embed" // the record's tables and triggers
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed record.sql
var recordSQL string

// move is one change of a conversation, as its row had it.
type move struct {
	Place          int64
	XID            uint64
	At             time.Time // of the commit
	ConversationID string
	OldStatus      string // empty when the conversation is new
	OldOwner       string
	NewStatus      string
	NewOwner       string
	Skills         []string
	Preferred      string
	Avoided        string
	AvoidedUntil   time.Time
	WaitingSince   time.Time
}

// shift is one change of an agent, as the row had it.
type shift struct {
	Place   int64
	XID     uint64
	At      time.Time // of the commit
	AgentID string
	There   bool // false: the agent left the team
	Online  bool
	Most    int
	Counter int // current_chat_count, which is under test
	Skills  []string
}

// gift is one entry of a list of who was given a conversation.
type gift struct{ ConversationID, AgentID string }

// record is what happened, in the order of the commits, and what the tables that are under test say about it.
type record struct {
	moves  []move
	shifts []shift
	// decided and told are the decision log and the events agent_assigned, in the order of each conversation.
	decided, told []gift
	// commits are the times of transactions in which agents were told that a conversation is theirs.
	commits map[uint64]time.Time
	// hold is how long a waiting conversation keeps itself for its preferred agent.
	hold time.Duration
	// until is when the record ends.
	until time.Time
}

// Rows of transactions that were rolled back are not there; those of one transaction stay together. Row locks are held until
// the commit, so the times of the commits tell the order of all changes of a row.
const (
	readMoves = `
		select place, xid::text::bigint, pg_xact_commit_timestamp(xid::xid), conversation_id::text, coalesce(old_status, ''),
		       coalesce(old_owner::text, ''), new_status, coalesce(new_owner::text, ''), skills, coalesce(preferred::text, ''),
		       coalesce(avoided::text, ''), coalesce(avoided_until, 'epoch'), coalesce(waiting_since, 'epoch')
		  from torture.moves order by 3, 2, 1`
	readShifts = `
		select place, xid::text::bigint, pg_xact_commit_timestamp(xid::xid), agent_id::text, there, online, chats_most, counter, skills
		  from torture.shifts order by 3, 2, 1`
	readDecided = `select conversation_id::text, agent_id::text from handoff.assignment_decisions where project_id = $1 order by conversation_id, id`
	readTold    = `
		select conversation_id::text, payload #>> '{agent,id}' from handoff.outbox
		 where project_id = $1 and kind = 'agent_assigned' order by conversation_id, seq`
	readCommits = `select xid, pg_xact_commit_timestamp(xid::text::xid) from unnest($1::bigint[]) as xid`
	readHold    = `select preferred_wait_seconds from public.handoff_settings where project_id = $1`
)

// keepRecord begins the record.
func keepRecord(ctx context.Context, owner *pgxpool.Pool) error {
	if _, err := owner.Exec(ctx, recordSQL); err != nil {
		return fmt.Errorf("begin the record: %w", err)
	}
	return nil
}

// readRecord returns everything since keepRecord. Nobody may write meanwhile.
func readRecord(ctx context.Context, owner *pgxpool.Pool, projectID string, answered []answer) (*record, error) {
	r := &record{commits: map[uint64]time.Time{}}
	var err error
	if r.moves, err = list[move](ctx, owner, readMoves); err != nil {
		return nil, err
	}
	if r.shifts, err = list[shift](ctx, owner, readShifts); err != nil {
		return nil, err
	}
	if r.decided, err = list[gift](ctx, owner, readDecided, projectID); err != nil {
		return nil, err
	}
	if r.told, err = list[gift](ctx, owner, readTold, projectID); err != nil {
		return nil, err
	}
	if err := r.readCommits(ctx, owner, answered); err != nil {
		return nil, err
	}
	var seconds int
	if err := owner.QueryRow(ctx, readHold, projectID).Scan(&seconds); err != nil {
		return nil, fmt.Errorf("read the project's settings: %w", err)
	}
	r.hold = time.Duration(seconds) * time.Second
	if err := owner.QueryRow(ctx, `select clock_timestamp()`).Scan(&r.until); err != nil {
		return nil, fmt.Errorf("read the database's clock: %w", err)
	}
	return r, nil
}

func (r *record) readCommits(ctx context.Context, owner *pgxpool.Pool, answered []answer) error {
	xids := make([]int64, len(answered))
	for i, one := range answered {
		xids[i] = int64(one.xid) //nolint:gosec // the run's own database never comes that far
	}
	type commit struct {
		XID uint64
		At  time.Time
	}
	commits, err := list[commit](ctx, owner, readCommits, xids)
	for _, one := range commits {
		r.commits[one.XID] = one.At
	}
	return err
}

func list[T any](ctx context.Context, owner *pgxpool.Pool, query string, values ...any) ([]T, error) {
	rows, err := owner.Query(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return all, nil
}
