package realtime

import (
	"encoding/json"
	"time"
)

// Kind names what happened. A kind is also the name of the broadcast event it becomes on its first topic, except
// where docs/events.md says otherwise.
type Kind string

// The kinds of this version. Each has a golden message file under testdata/events.
const (
	// KindMessage: a message was written in a conversation, by anyone.
	KindMessage Kind = "message"
	// KindStatusChanged: a conversation moved from one state to another.
	KindStatusChanged Kind = "status_changed"
	// KindAgentAssigned: a conversation got an agent; follows the KindStatusChanged of the same move.
	KindAgentAssigned Kind = "agent_assigned"
	// KindResolved: an agent marked the conversation resolved.
	KindResolved Kind = "resolved"
	// KindNewConversation: a conversation entered the queue.
	KindNewConversation Kind = "new_conversation"
	// KindQueueUpdated: the number of waiting conversations of a project changed.
	KindQueueUpdated Kind = "queue_updated"
	// KindQueuePosition: the place of a waiting conversation in the queue changed, or its estimate.
	KindQueuePosition Kind = "queue_position"
	// KindPresenceChange: what an agent can be offered changed: status, limit or free slots from zero.
	KindPresenceChange Kind = "presence_change"
	// KindAvailabilityChanged: whether a visitor can be handed to a person changed.
	KindAvailabilityChanged Kind = "availability_changed"
	// KindConversationUpdated: the team's view of a conversation changed: tags, priority, skills, spam, rating, customer.
	KindConversationUpdated Kind = "conversation_updated"
	// KindConversationAutoClosed: a conversation was taken from its agent by a time-out.
	KindConversationAutoClosed Kind = "conversation_auto_closed"
	// KindConversationOffered: a waiting conversation was offered to an agent.
	KindConversationOffered Kind = "conversation_offered"
	// KindOfferEnded: an agent's offer was accepted, declined, missed or withdrawn.
	KindOfferEnded Kind = "offer_ended"
	// KindCustomerPresence: whether the customer of an agent's conversation is there changed.
	KindCustomerPresence Kind = "customer_presence_update"
	// KindNoteAdded: a member wrote an internal note.
	KindNoteAdded Kind = "note_added"
	// KindSettingsChanged: the handoff settings of a project, or its exceptions to business hours, were written.
	KindSettingsChanged Kind = "settings_changed"
	// KindMemberChanged: somebody was invited, joined, changed or was removed.
	KindMemberChanged Kind = "member_changed"
	// KindVisitorPresence: a customer or bot came or is gone; sent as presence_change. A kind of its own, so that visitors who
	// come and go do not look like agents who became available.
	KindVisitorPresence Kind = "visitor_presence"
	// KindPresenceEnter: a connection came.
	KindPresenceEnter Kind = "presence_enter"
	// KindPresenceUpdate: the page, data or conversation of a connection changed.
	KindPresenceUpdate Kind = "presence_update"
	// KindPresenceLeave: a connection left, or its lease ran out.
	KindPresenceLeave Kind = "presence_leave"
	// KindPresenceOffline: somebody is offline on all devices.
	KindPresenceOffline Kind = "presence_offline"
	// KindPresenceDemand: the visitor of a conversation should beat at this interval from now on; state.
	KindPresenceDemand Kind = "presence_demand"
)

// Kinds lists every kind of this version.
func Kinds() []Kind {
	return []Kind{
		KindMessage, KindStatusChanged, KindAgentAssigned, KindResolved, KindNewConversation, KindQueueUpdated,
		KindPresenceChange, KindAvailabilityChanged, KindConversationUpdated, KindConversationAutoClosed,
		KindCustomerPresence, KindNoteAdded, KindSettingsChanged, KindMemberChanged, KindQueuePosition, KindVisitorPresence,
		KindPresenceEnter, KindPresenceUpdate, KindPresenceLeave, KindPresenceOffline, KindPresenceDemand,
		KindConversationOffered, KindOfferEnded,
	}
}

// Event is one row of handoff.outbox: a fact that a committed transaction left for the worker.
type Event struct {
	// ID identifies the event for ever; clients drop a second message with the same id.
	ID int64
	// XID is the transaction that wrote it (xid8, so it does not wrap).
	XID uint64
	// ProjectID is the project it belongs to (a UUID in text form).
	ProjectID string
	// ConversationID is empty for events that belong to no conversation.
	ConversationID string
	Kind           Kind
	// Seq numbers the events of one conversation's topic: 1, 2, 3, ... without a gap. Zero: not numbered.
	Seq int64
	// Payload is the JSON object the database wrote; its shape is given by Kind.
	Payload json.RawMessage
	// CreatedAt is the database's clock when the event was written.
	CreatedAt time.Time
}

// Transaction is what one commit left in the outbox, in the order it was written. Transactions arrive in commit order.
type Transaction struct {
	// Position is the end of the commit: confirming it says that everything up to and including it is done.
	Position Position
	// CommittedAt is the database's clock at commit.
	CommittedAt time.Time
	Events      []Event
}
