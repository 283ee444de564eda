package rules_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
)

// modelWorld is the project of one walk: the people by name, and what is known of their conversations.
type modelWorld struct {
	*world
	queue  *supabase.Queue
	people map[string]actor
	names  map[string]string // of the people, by id
	chats  map[string]string // ids of the conversations, by name
	// begun is when each step began, by the database's clock; the first is step 1.
	begun []time.Time
	// last is what was observed last, oneChat the conversation that all operations of a step are about and oneAgent the
	// agent who does them, if so. They steer what is drawn, so that a walk gets somewhere.
	last              modelState
	oneChat, oneAgent string
}

// anotherProject is a new project with people of its own in the same database.
func (w *world) anotherProject(t *testing.T) *world {
	t.Helper()
	other := &world{db: w.db, root: w.root, api: w.api, project: uuid.NewString()}
	other.owner = other.person(t, "owner-"+other.project+"@example.com", "Olivia")
	other.sarah = other.person(t, "sarah-"+other.project+"@example.com", "Sarah")
	other.mike = other.person(t, "mike-"+other.project+"@example.com", "Mike")
	other.ann, other.bob = other.person(t, "", ""), other.person(t, "", "")
	other.robot = actor{w: other, role: "service_role"}
	other.exec(t, `insert into public.projects (id, user_id, name) values ($1, $2, 'Acme')`, other.project, other.owner.id)
	other.exec(t, `insert into public.handoff_settings (project_id, enabled, show_human_button, default_max_concurrent_chats)
		values ($1, true, true, $2)`, other.project, memberLimit(modelAdmin))
	other.hireAgent(t, other.sarah, memberLimit("sarah"))
	other.hireAgent(t, other.mike, memberLimit("mike"))
	return other
}

// openAPI gives the world a pool for so many callers at once. Statements go out as text, so that one that the API's own
// role may not even prepare can follow the change of role without a round trip between.
func (w *world) openAPI(t *testing.T, callers int32) {
	t.Helper()
	config, err := pgxpool.ParseConfig(w.db.URL("authenticator"))
	require.NoError(t, err)
	config.MaxConns = callers
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	// A crowd on a busy machine may wait longer for its turn than a request of the API may.
	config.ConnConfig.RuntimeParams["statement_timeout"] = "60s"
	config.ConnConfig.RuntimeParams["lock_timeout"] = "60s"
	w.api, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(w.api.Close)
}

// hireAgent makes the person an active agent with a limit of chats.
func (w *world) hireAgent(t *testing.T, agent actor, limit int) {
	t.Helper()
	w.exec(t, `insert into public.project_members (project_id, user_id, email, status, invited_by, accepted_at, max_concurrent_chats)
		select $1, id, email, 'active', $3, now(), $4 from auth.users where id = $2`, w.project, agent.id, w.owner.id, limit)
}

func newModelWorld(t *testing.T, shared *world) *modelWorld {
	t.Helper()
	w := shared.anotherProject(t)
	m := &modelWorld{
		world:  w,
		queue:  supabase.NewQueue(w.root),
		names:  map[string]string{},
		chats:  map[string]string{modelNoChat: uuid.NewString()},
		people: map[string]actor{"sarah": w.sarah, "mike": w.mike, modelAdmin: w.owner, "ann": w.ann, "bob": w.bob},
	}
	for _, name := range []string{"cid", "dan", modelStranger} {
		m.people[name] = w.person(t, "", "")
	}
	for name, who := range m.people {
		m.names[who.id] = name
	}
	return m
}

// chatNames lists the conversations known so far.
func (m *modelWorld) chatNames() []string {
	names := make([]string, 0, len(m.chats))
	for name := range m.chats {
		if name != modelNoChat {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// call is one call by name, answered in words: what render makes of the answer, or the code of the refusal.
func (m *modelWorld) call(ctx context.Context, who string, render func(map[string]any) string, call string, args ...any) string {
	return m.callAs(ctx, m.people[who], render, "public."+call, args...)
}

func (m *modelWorld) callAs(ctx context.Context, who actor, render func(map[string]any) string, call string, args ...any) string {
	var answer map[string]any
	err := who.once(ctx, func(result pgx.BatchResults) error { return result.QueryRow().Scan(&answer) }, "select "+call, args...)
	if err != nil {
		return refusalText(err)
	}
	return render(answer)
}

// statement is a direct write by somebody.
func (m *modelWorld) statement(ctx context.Context, who actor, sql string, args ...any) string {
	return refusalText(who.once(ctx, func(result pgx.BatchResults) error {
		_, err := result.Exec()
		return err
	}, sql, args...))
}

// once is actor.do for one statement in one round trip, on a pool of openAPI: a batch is a transaction.
func (a actor) once(ctx context.Context, read func(pgx.BatchResults) error, sql string, args ...any) error {
	claims := fmt.Sprintf(`{"sub": %q, "role": %q}`, a.id, a.role)
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, a.role, claims)
	batch.Queue(sql, args...)
	results := a.w.api.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err == nil {
		err = read(results)
	}
	return errors.Join(err, results.Close())
}

// byHand is a direct write by the owner of the tables.
func (m *modelWorld) byHand(ctx context.Context, sql string, args ...any) string {
	_, err := m.root.Exec(ctx, sql, args...)
	return refusalText(err)
}

// refusalText is "PT409 illegal_transition", or the whole error when it is no refusal of ours; "ok" without one.
func refusalText(err error) string {
	var refusal *pgconn.PgError
	switch {
	case err == nil:
		return modelOK
	case errors.As(err, &refusal) && strings.HasPrefix(refusal.Code, "PT"):
		return refusal.Code + " " + refusal.Detail
	default:
		return err.Error()
	}
}

// changeSettings switches the settings; closed means that no day of the week is open.
func (m *modelWorld) changeSettings(ctx context.Context, settings modelSettings) string {
	return m.byHand(ctx, `
		update public.handoff_settings
		   set enabled = $2, trigger_mode = $3, business_hours_enabled = not $4,
		       assignment_mode = case when $7 then 'offer' else 'direct' end, away_after_missed_offers = $8,
		       business_hours = (select jsonb_object_agg(day, '{"start": "09:00", "end": "17:00", "enabled": false}'::jsonb)
		                           from jsonb_object_keys(business_hours) as day),
		       auto_triggers = auto_triggers || jsonb_build_object('keywords_enabled', $5::boolean, 'low_confidence_enabled', $6::boolean)
		 where project_id = $1`,
		m.project, settings.Enabled, settings.Mode, settings.Open, settings.Keywords, settings.Confidence,
		settings.Offers, settings.Away)
}

// observation is the state that the database is in, and what it derives from it.
type observation struct {
	modelState
	// Counts are the agents' current_chat_count, OfferCounts their offered_chat_count.
	Counts, OfferCounts map[string]int
	// OffersTold are the events about the offers of each conversation.
	OffersTold map[string][]string
	// Queue are the waiting conversations by the positions that their visitors are told.
	Queue []string
}

const (
	// Everybody is called far more often than people may: the limits have tests of their own.
	modelForgetCalls    = `delete from handoff.rate_limits where user_id = any($1::uuid[])`
	modelForgetMessages = `update public.messages set created_at = created_at - interval '1 minute'
		where sender_id = any($1::uuid[]) and created_at > now() - interval '1 minute'`
	modelReadChats = `
		select id::text, visitor_user_id::text, status, coalesce(assigned_agent_id::text, ''), coalesce(preferred_agent_id::text, ''),
		       coalesce(released_by::text, ''), coalesce(resolved_by::text, ''), priority, coalesce(handoff_reason, ''),
		       coalesce(trigger_keyword, ''), coalesce(ai_confidence_at_handoff::text, ''), queue_entered_at,
		       handoff_triggered_at, claimed_at, first_response_at, released_at, resolved_at, closed_at, cleared_at,
		       last_message_at, coalesce(close_reason, ''), is_spam, coalesce(satisfaction_rating, 0),
		       coalesce(handoff.last_ai_confidence(id)::text, ''), event_seq,
		       case when status = 'waiting' then (handoff.queue_place(conversation) ->> 'queue_position')::int else 0 end
		  from public.conversations as conversation
		 where project_id = $1
		 order by created_at`
	modelReadEvents = `
		select conversation_id::text, seq, kind || case kind
		         when 'message' then ' ' || (payload #>> '{message,sender_type}')
		         when 'status_changed' then ' ' || (payload ->> 'old_status') || ' to ' || (payload ->> 'new_status')
		         when 'resolved' then ' by '
		         when 'agent_assigned' then ' '
		         when 'conversation_offered' then ' to '
		         when 'offer_ended' then ' ' || (payload ->> 'outcome') || coalesce(' ' || (payload ->> 'reason'), '') || ' of '
		         else '' end,
		       coalesce(case kind when 'resolved' then payload ->> 'resolved_by'
		                          when 'conversation_offered' then payload ->> 'agent_id'
		                          when 'offer_ended' then payload ->> 'agent_id'
		                          when 'agent_assigned' then payload #>> '{agent,id}' end, '')
		  from handoff.outbox
		 where project_id = $1 and conversation_id is not null
		 order by id`
	modelReadSettings = `
		select enabled, trigger_mode, not business_hours_enabled, (auto_triggers ->> 'keywords_enabled')::boolean,
		       (auto_triggers ->> 'low_confidence_enabled')::boolean, assignment_mode = 'offer', away_after_missed_offers
		  from public.handoff_settings where project_id = $1`
	modelReadAgents = `
		select user_id::text, effective_status, max_concurrent_chats, current_chat_count, offered_chat_count
		  from public.agent_availability where project_id = $1`
	modelReadPresence = `
		select payload ->> 'user_id', (payload ->> 'status') || ', ' || (payload ->> 'available_slots') || ' free'
		  from handoff.outbox
		 where project_id = $1 and kind = 'presence_change'
		 order by id`
	modelReadClock = `select clock_timestamp()`
)

// observe reads what the step has left, and begins the next one.
func (m *modelWorld) observe(ctx context.Context) (observation, error) {
	seen := observation{
		modelState: newModelState(), Counts: map[string]int{}, OfferCounts: map[string]int{}, OffersTold: map[string][]string{},
	}
	seen.Step = len(m.begun)
	batch := &pgx.Batch{}
	batch.Queue(modelForgetCalls, m.ids())
	batch.Queue(modelForgetMessages, m.ids())
	for _, query := range []string{modelReadSettings, modelReadChats, modelReadEvents, modelReadAgents, modelReadPresence} {
		batch.Queue(query, m.project)
	}
	batch.Queue(modelReadOffers, m.project, m.dawn())
	batch.Queue(modelReadClock)
	results := m.root.SendBatch(ctx, batch)
	err := m.readAll(results, &seen)
	m.last = seen.modelState
	return seen, errors.Join(err, results.Close())
}

func (m *modelWorld) ids() []string {
	ids := make([]string, 0, len(m.names))
	for id := range m.names {
		ids = append(ids, id)
	}
	return ids
}

func (m *modelWorld) readAll(results pgx.BatchResults, seen *observation) error {
	for range []string{modelForgetCalls, modelForgetMessages} {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("forget calls: %w", err)
		}
	}
	readers := []func(pgx.Rows, *observation) error{readSettings, m.readChat, m.readEvent, m.readAgent, m.readPresence, m.readOffer}
	for _, read := range readers {
		if err := eachModelRow(results, func(rows pgx.Rows) error { return read(rows, seen) }); err != nil {
			return err
		}
	}
	var now time.Time
	if err := results.QueryRow().Scan(&now); err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	m.begun = append(m.begun, now)
	return nil
}

func eachModelRow(results pgx.BatchResults, read func(pgx.Rows) error) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func readSettings(rows pgx.Rows, seen *observation) error {
	settings := &seen.Settings
	err := rows.Scan(&settings.Enabled, &settings.Mode, &settings.Open, &settings.Keywords, &settings.Confidence,
		&settings.Offers, &settings.Away)
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	return nil
}

func (m *modelWorld) readChat(rows pgx.Rows, seen *observation) error {
	var (
		chat                                                           modelChat
		id                                                             string
		entered, triggered, claimed, first, released, resolved, closed *time.Time
		cleared, lastMessage                                           *time.Time
		eventSeq, position                                             int
	)
	err := rows.Scan(&id, &chat.Visitor, &chat.Status, &chat.Owner, &chat.Preferred, &chat.ReleasedBy, &chat.ResolvedBy,
		&chat.Priority, &chat.Reason, &chat.Keyword, &chat.Confidence, &entered, &triggered, &claimed, &first, &released,
		&resolved, &closed, &cleared, &lastMessage, &chat.CloseReason, &chat.Spam, &chat.Rating, &chat.LastConfidence,
		&eventSeq, &position)
	if err != nil {
		return fmt.Errorf("read conversation: %w", err)
	}
	for _, person := range []*string{&chat.Visitor, &chat.Owner, &chat.Preferred, &chat.ReleasedBy, &chat.ResolvedBy} {
		*person = m.names[*person]
	}
	chat.Entered, chat.Triggered, chat.Claimed = m.stepOf(entered), m.stepOf(triggered), m.stepOf(claimed)
	chat.FirstResponse, chat.Released, chat.Resolved = m.stepOf(first), m.stepOf(released), m.stepOf(resolved)
	chat.Closed, chat.Cleared, chat.LastMessage = m.stepOf(closed), m.stepOf(cleared), m.stepOf(lastMessage)
	chat.Seq = eventSeq
	name := chatName(chat.Visitor, seen.ordinal(chat.Visitor)+1)
	m.chats[name] = id
	seen.Chats[name] = chat
	return seen.place(name, position)
}

// place puts a waiting conversation where its visitor is told that it stands.
func (o *observation) place(name string, position int) error {
	if position == 0 {
		return nil
	}
	for len(o.Queue) < position {
		o.Queue = append(o.Queue, "")
	}
	if o.Queue[position-1] != "" {
		return fmt.Errorf("%s and %s both have position %d", name, o.Queue[position-1], position)
	}
	o.Queue[position-1] = name
	return nil
}

// dawn is when the walk began; nothing that is measured from it has happened before its first step.
func (m *modelWorld) dawn() time.Time {
	if len(m.begun) == 0 {
		return time.Time{}
	}
	return m.begun[0]
}

// stepOf says in which step a moment fell; zero when it never came.
func (m *modelWorld) stepOf(moment *time.Time) int {
	if moment == nil {
		return 0
	}
	return sort.Search(len(m.begun), func(i int) bool { return m.begun[i].After(*moment) })
}

// readEvent adds an event to its conversation. Numbers must come in the order in which the events were written.
func (m *modelWorld) readEvent(rows pgx.Rows, seen *observation) error {
	var id, event, person string
	var seq int
	if err := rows.Scan(&id, &seq, &event, &person); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	for name, chatID := range m.chats {
		if chatID != id {
			continue
		}
		if kind, _, _ := strings.Cut(event, " "); slices.Contains(offerEvents, kind) {
			seen.OffersTold[name] = append(seen.OffersTold[name], event+m.names[person])
			continue
		}
		chat := seen.Chats[name]
		if seq > 0 && seq != countNumbered(chat.Events)+1 {
			return fmt.Errorf("%s: event %q after %q has number %d", name, event, chat.Events, seq)
		}
		chat.Events = append(chat.Events, event+m.names[person])
		seen.Chats[name] = chat
	}
	return nil
}

// unnumberedEvents are the events that do not go to the topic of the conversation.
var unnumberedEvents = []string{"new_conversation", "conversation_updated", "note_added"}

// offerEvents are told to one agent. An offer ends without the conversation's lock when its agent goes, so these have an order
// of their own.
var offerEvents = []string{"conversation_offered", "offer_ended"}

func countNumbered(events []string) int {
	count := 0
	for _, event := range events {
		if !slices.Contains(unnumberedEvents, event) {
			count++
		}
	}
	return count
}

func (m *modelWorld) readAgent(rows pgx.Rows, seen *observation) error {
	var id string
	var agent modelAgent
	var count, offered int
	if err := rows.Scan(&id, &agent.Status, &agent.Limit, &count, &offered); err != nil {
		return fmt.Errorf("read agent: %w", err)
	}
	seen.Agents[m.names[id]] = agent
	seen.Counts[m.names[id]], seen.OfferCounts[m.names[id]] = count, offered
	return nil
}

func (m *modelWorld) readPresence(rows pgx.Rows, seen *observation) error {
	var id, news string
	if err := rows.Scan(&id, &news); err != nil {
		return fmt.Errorf("read presence: %w", err)
	}
	agent := seen.Agents[m.names[id]]
	agent.Announced = append(agent.Announced, news)
	seen.Agents[m.names[id]] = agent
	return nil
}
