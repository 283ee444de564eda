package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// loadForm is one size of the load.
type loadForm struct {
	name          string
	conversations int
	perSecond     int
	sockets       int
	p99Most       float64 // ms
	// warmSeconds of writing at warmShare of the rate go before what is measured: a topic that nobody wrote to for a while has no
	// channel, and a company at work has few of those. Every conversation has had two or three messages then.
	warmSeconds int
	warmShare   float64
}

var loadForms = []loadForm{
	{"seed", 1000, 100, 5000, 50, 20, 1},
	{"tenfold", 10_000, 1000, 20_000, 250, 120, 0.25},
}

const (
	loadAgents = 205 // with room for 10,000 conversations
	// loadConnections is PostgREST's own default (db-pool). A call that finds all of them busy waits, and that counts.
	loadConnections  = 10
	loadCallers      = 1000
	loadBacklog      = 3 * time.Minute
	loadGrace        = 20 * time.Second // how long what was written may still arrive
	spareDescriptors = 500
	tokenLife        = time.Hour
)

// company is a project at work: visitors in conversations with agents, and pages that only look.
type company struct {
	projectID     string
	conversations []string
	visitors      []rig.Person // of each conversation
}

// People and conversations at once; what the triggers tell of them is history before the worker comes.
const (
	makeVisitors = `
		insert into auth.users (id, aud, role, is_anonymous)
		select gen_random_uuid(), 'authenticated', 'authenticated', true from generate_series(1, $1::integer) as n returning id::text`
	makeTheirConversations = `
		insert into public.conversations (project_id, visitor_id, visitor_user_id, customer_name)
		select $1, 'load-' || id, id, 'A visitor' from unnest($2::uuid[]) as id returning id::text, visitor_user_id::text`
	giveThem = `
		with agent as (
		  select user_id, row_number() over (order by user_id) - 1 as place, count(*) over () as agents
		    from public.agent_availability where project_id = $1
		), chat as (
		  select id, row_number() over (order by id) as place from public.conversations where project_id = $1
		)
		update public.conversations as conversation set status = 'agent_active', assigned_agent_id = agent.user_id
		  from chat join agent on agent.place = chat.place % agent.agents
		 where conversation.id = chat.id`
)

// found makes a project with conversations that agents have.
func (w *world) found(ctx context.Context, count int) (*company, error) {
	projects, err := w.offices(ctx, 1, 0)
	if err != nil {
		return nil, err
	}
	c := &company{projectID: projects[0]}
	if _, err := rig.Hire(ctx, w.owner, c.projectID, loadAgents); err != nil {
		return nil, err
	}
	users, err := w.texts(ctx, makeVisitors, count)
	if err != nil {
		return nil, err
	}
	rows, err := w.owner.Query(ctx, makeTheirConversations, c.projectID, users)
	if err != nil {
		return nil, fmt.Errorf("make conversations: %w", err)
	}
	var id, visitor string
	_, err = pgx.ForEachRow(rows, []any{&id, &visitor}, func() error {
		c.conversations = append(c.conversations, id)
		c.visitors = append(c.visitors, rig.Person{ID: visitor, Role: "authenticated"})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make conversations: %w", err)
	}
	if err := w.exec(ctx, giveThem, c.projectID); err != nil {
		return nil, err
	}
	return c, w.exec(ctx, `analyze public.conversations, public.agent_availability, auth.users`)
}

// seats gives every visitor a page, the rest to agents' dashboards and to pages on which nobody has opened the chat.
func (c *company) seats(agents []string, sockets int) ([]seat, error) {
	ring := keys.New()
	token := func(user string) (string, error) {
		return ring.SignUser(map[string]any{
			"sub": user, "role": "authenticated", "aud": "authenticated", "exp": time.Now().Add(tokenLife).Unix(),
		})
	}
	var all []seat
	for i, id := range c.conversations {
		signed, err := token(c.visitors[i].ID)
		if err != nil {
			return nil, err
		}
		all = append(all, seat{topic: "conversation:" + id, token: signed, private: true})
	}
	for _, id := range agents {
		signed, err := token(id)
		if err != nil {
			return nil, err
		}
		all = append(all, seat{topic: "agent:" + id, token: signed, private: true})
	}
	for len(all) < sockets {
		all = append(all, seat{topic: "project:" + c.projectID + ":widget"})
	}
	return all, nil
}

// writeAll lets visitors write at the rate, each in turn, and notes when each call began: before it had a connection.
func (c *company) writeAll(ctx context.Context, api *pgxpool.Pool, perSecond, from, count int, a *gauge.Arrivals) (reached float64, err error) {
	return gauge.PaceBy(ctx, loadCallers, perSecond, count, func(ctx context.Context, n int) error {
		n += from
		place := n % len(c.conversations)
		a.Commits(n)
		batch := &pgx.Batch{}
		batch.Queue(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, c.visitors[place].Role, c.visitors[place].Claims())
		batch.Queue(`select public.send_message($1, $2)`, c.conversations[place], gauge.Mark(n)+strings.Repeat("x", 150))
		if err := api.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("send message %d: %w", n, err)
		}
		return nil
	})
}

// footprint is what a part of the system uses: processor time and memory.
type footprint struct {
	cpu time.Duration
	mb  float64
}

// footprints of the worker, the gateway and Postgres with all of its sessions.
func (w *world) footprints() (map[string]footprint, error) {
	postmaster, err := w.standIn.PostgresPID()
	if err != nil {
		return nil, err
	}
	found := map[string]footprint{}
	for name, pids := range map[string][]int{"worker": {w.worker.PID()}, "gateway": {w.standIn.PID()}, "postgres": family(postmaster)} {
		var sum footprint
		for _, pid := range pids {
			used, err := usageOf(pid)
			if err != nil {
				continue // a session that ended while we looked
			}
			sum.cpu += used.cpu
			sum.mb += proportionalMemory(pid)
		}
		found[name] = sum
	}
	return found, nil
}

// family is the process and its children.
func family(pid int) []int {
	pids := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		text, err := os.ReadFile(path) //nolint:gosec // of processes on this machine
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// proportionalMemory counts what several processes share once, in MB; 0 when the system does not tell.
func proportionalMemory(pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "Pss:"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			if err == nil {
				return float64(kilobytes) / 1024
			}
		}
	}
	return 0
}
