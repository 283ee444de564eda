package inactivity

import (
	"context"
	"encoding/json"
	"time"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker/schedule"
)

// Store handles what is due now in the database. Each call is one transaction, handles at most so many, the oldest first,
// and says how many; fewer than it may: nothing more is due.
type Store interface {
	// WarnInactive asks silent customers whether they are still there (F001 5.12.5).
	WarnInactive(ctx context.Context, most int) (int, error)
	// CloseInactive closes the chats of those who did not answer.
	CloseInactive(ctx context.Context, most int) (int, error)
	// TimeOut closes what nobody has touched for a day, and the waiting chats of customers who left (F001 5.2.4, 9.2).
	TimeOut(ctx context.Context, most int) (int, error)
	// TellAgentsGone tells customers that their agent is gone, and requeues what the agent never answered (F001 9.1).
	TellAgentsGone(ctx context.Context, most int) (int, error)
	// OfferRequeue offers the queue to customers whose agent has been gone for ten minutes.
	OfferRequeue(ctx context.Context, most int) (int, error)
	// ExpireOffers ends the offers that were not answered in time. The worker's queue ends those of its projects at the very
	// moment; this finds what it missed.
	ExpireOffers(ctx context.Context, most int) (int, error)
	// PassEdges notes which projects have opened or closed and pushes what that changed.
	PassEdges(ctx context.Context, most int) (int, error)
	// TellClosed tells who waits that the team has closed (F001 9.5). It relies on PassEdges having run.
	TellClosed(ctx context.Context, most int) (int, error)
	// Prune forgets what is delivered, sent or spent long ago.
	Prune(ctx context.Context, most int) (int, error)
}

// AgentsGone is the tick that a presence_change wakes.
const AgentsGone = "agents_gone"

const (
	// pruneMost is larger than what a customer waits for may be: nobody waits for retention.
	pruneMost    = 5000
	pruneTimeout = 5 * time.Minute
)

// Ticks lists what is done and how often.
func Ticks(store Store) []schedule.Tick {
	return []schedule.Tick{
		{Name: "warn_inactive", Every: 15 * time.Second, Work: store.WarnInactive},
		{Name: "close_inactive", Every: 15 * time.Second, Work: store.CloseInactive},
		{Name: AgentsGone, Every: 15 * time.Second, Work: store.TellAgentsGone},
		{Name: "offer_requeue", Every: 15 * time.Second, Work: store.OfferRequeue},
		{Name: "expire_offers", Every: 10 * time.Second, Work: store.ExpireOffers},
		{Name: "time_out", Every: time.Minute, Work: store.TimeOut},
		{Name: "edges", Every: time.Minute, Work: inOrder(store.PassEdges, store.TellClosed)},
		{
			Name: "retention", Every: 24 * time.Hour, Jitter: time.Hour,
			Most: pruneMost, Timeout: pruneTimeout, Work: store.Prune,
		},
	}
}

// inOrder does the second once the first finds nothing more.
func inOrder(first, second schedule.Work) schedule.Work {
	return func(ctx context.Context, most int) (int, error) {
		if count, err := first(ctx, most); err != nil || count >= most {
			return count, err
		}
		return second(ctx, most)
	}
}

// AgentLeft says whether an event of the transaction tells that an agent is gone, so that customers should be told now and
// not at the next tick. An event that cannot be read says nothing: the tick comes anyway.
func AgentLeft(transaction realtime.Transaction) bool {
	for _, event := range transaction.Events {
		if event.Kind == realtime.KindPresenceChange && isOffline(event.Payload) {
			return true
		}
	}
	return false
}

func isOffline(payload json.RawMessage) bool {
	var change struct {
		EffectiveStatus string `json:"effective_status"`
	}
	return json.Unmarshal(payload, &change) == nil && change.EffectiveStatus == "offline"
}
