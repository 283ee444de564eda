package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// TraceStep is one thing that happened to a traced connection.
type TraceStep struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	Step   string          `json:"step"`
	Detail json.RawMessage `json:"detail"`
}

// tracePage is how many steps are read at once.
const tracePage = 500

// TracePresence has each step of the connection written down for so long, an hour at most; zero ends it.
func (p *Presence) TracePresence(ctx context.Context, connectionID string, lasting time.Duration) error {
	if _, err := p.pool.Exec(ctx, `select handoff.trace_presence($1, $2)`, connectionID, lasting); err != nil {
		return fmt.Errorf("trace connection %s: %w", connectionID, err)
	}
	return nil
}

// PresencePicture is the connection's latest session, its lease and what follows for the agent, as JSON.
func (p *Presence) PresencePicture(ctx context.Context, connectionID string) (json.RawMessage, error) {
	var picture json.RawMessage
	if err := p.pool.QueryRow(ctx, `select handoff.presence_picture($1)`, connectionID).Scan(&picture); err != nil {
		return nil, fmt.Errorf("read connection %s: %w", connectionID, err)
	}
	return picture, nil
}

// PresenceSteps lists the steps of the connection after one, oldest first.
func (p *Presence) PresenceSteps(ctx context.Context, connectionID string, after int64) ([]TraceStep, error) {
	rows, err := p.pool.Query(ctx, `
		select id, at, step, detail from handoff.presence_traces where connection_id = $1 and id > $2 order by id limit $3`,
		connectionID, after, tracePage)
	if err != nil {
		return nil, fmt.Errorf("read the trace of connection %s: %w", connectionID, err)
	}
	defer rows.Close()
	var steps []TraceStep
	for rows.Next() {
		var step TraceStep
		if err := rows.Scan(&step.ID, &step.At, &step.Step, &step.Detail); err != nil {
			return nil, fmt.Errorf("read the trace of connection %s: %w", connectionID, err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the trace of connection %s: %w", connectionID, err)
	}
	return steps, nil
}
