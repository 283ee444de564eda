package realtime

import "encoding/json"

// WireVersion is the "v" of every payload. It changes only when a client that knows the old shapes could not read
// the new ones; a new optional field does not change it.
const WireVersion = 1

// Envelope opens every payload that leaves for Realtime. The event fields follow it on the same level.
type Envelope struct {
	// Version is WireVersion.
	Version int `json:"v"`
	// ID is Event.ID as text, because a JavaScript number cannot hold every bigint. Messages that one event became
	// on several topics share it, so clients look for duplicates per topic.
	ID string `json:"id"`
	// Seq is Event.Seq, on conversation topics only. Clients that see a gap call conversation_sync.
	Seq int64 `json:"seq,omitempty"`
}

// The payload structs below are what the database writes into Event.Payload, one per Kind, and, behind an Envelope,
// what subscribers get (KindAgentAssigned is split over three topics, see AgentAssigned). A pointer marks a value
// that may be null. Timestamps stay text, exactly as Postgres wrote them, so that they equal what PostgREST returns
// for the same row, to the microsecond.

// MessageWritten is the payload of KindMessage.
type MessageWritten struct {
	Message ChatMessage `json:"message"`
}

// ChatMessage is a row of public.messages as both sides of the conversation may see it.
type ChatMessage struct {
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"`
	// Seq is the Event.Seq under which the message was announced; it orders the transcript.
	Seq int64 `json:"seq"`
	// SenderType is customer, agent, ai or system.
	SenderType string `json:"sender_type"`
	// SenderID is the user who wrote it; null for ai and system.
	SenderID *string         `json:"sender_id"`
	Content  string          `json:"content"`
	Metadata json.RawMessage `json:"metadata"`
	// ClientMessageID is the sender's own name for the message, by which a widget finds the copy it already shows.
	ClientMessageID *string `json:"client_message_id"`
	CreatedAt       string  `json:"created_at"`
	// Attachments are the files of the message; most have none.
	Attachments []Attachment `json:"attachments"`
}

// Attachment is a file of a message. Whoever may read the message may fetch it from Storage.
type Attachment struct {
	// Path is the name of the object in the bucket handoff-attachments.
	Path string `json:"path"`
	// Name is what people call it; it comes from the sender.
	Name string `json:"name"`
	// MimeType is what the sender declared, one of those that the bucket allows.
	MimeType string `json:"mime_type"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// StatusChanged is the payload of KindStatusChanged.
type StatusChanged struct {
	ConversationID string `json:"conversation_id"`
	OldStatus      string `json:"old_status"`
	NewStatus      string `json:"new_status"`
	// HandoffReason is there when the change was a request for a person.
	HandoffReason *string `json:"handoff_reason,omitempty"`
}

// AgentAssigned is what the database writes for KindAgentAssigned. It is never sent as it is: the visitor gets
// AgentIntroduced, the agent ConversationAssigned, the team ConversationClaimed.
type AgentAssigned struct {
	Agent Agent `json:"agent"`
	// CustomerName is null for a visitor who gave no name.
	CustomerName *string `json:"customer_name"`
	// Preview is the beginning of the last message; null when there is none.
	Preview *string `json:"preview"`
	// WaitingTimeSeconds is how long the chat waited, in whole seconds.
	WaitingTimeSeconds int64 `json:"waiting_time_seconds"`
	// QueueEnteredAt is null for a chat that never waited.
	QueueEnteredAt *string `json:"queue_entered_at"`
}

// Agent is what a visitor may know of an agent.
type Agent struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	AvatarURL *string `json:"avatar_url"`
}

// AgentIntroduced is "agent_assigned" on the conversation's topic.
type AgentIntroduced struct {
	ConversationID string `json:"conversation_id"`
	Agent          Agent  `json:"agent"`
}

// ConversationAssigned is "conversation_assigned" on the agent's own topic.
type ConversationAssigned struct {
	ConversationID     string  `json:"conversation_id"`
	EventSeq           int64   `json:"event_seq"`
	CustomerName       *string `json:"customer_name"`
	Preview            *string `json:"preview"`
	WaitingTimeSeconds int64   `json:"waiting_time_seconds"`
}

// ConversationClaimed is "conversation_claimed" on the project's agents topic: take the chat off the queue's list.
type ConversationClaimed struct {
	ConversationID string `json:"conversation_id"`
	AgentID        string `json:"agent_id"`
}

// Resolved is the payload of KindResolved.
type Resolved struct {
	ConversationID string `json:"conversation_id"`
	// ResolvedBy is the agent who closed the chat; null when no person did.
	ResolvedBy *string `json:"resolved_by"`
	// ShowRating asks the widget for its rating form.
	ShowRating bool `json:"show_rating"`
}

// NewConversation is the payload of KindNewConversation.
type NewConversation struct {
	Conversation ConversationPreview `json:"conversation"`
}

// ConversationPreview is one line of the waiting list.
type ConversationPreview struct {
	ID             string  `json:"id"`
	CustomerName   *string `json:"customer_name"`
	Preview        *string `json:"preview"`
	HandoffReason  *string `json:"handoff_reason"`
	Priority       int     `json:"priority"`
	QueueEnteredAt string  `json:"queue_entered_at"`
}

// QueueUpdated is the payload of KindQueueUpdated. It is state: only the latest matters.
type QueueUpdated struct {
	WaitingCount int `json:"waiting_count"`
}

// QueuePosition is the payload of KindQueuePosition. It is state: only the latest matters, and it has no number on its
// topic. One that arrives after the conversation has left the queue means nothing any more.
type QueuePosition struct {
	ConversationID string `json:"conversation_id"`
	// Position is 1 for who is served next. Beyond the 200th place it may be up to nine places behind the truth.
	Position int `json:"position"`
	// EstimatedWaitMinutes is F001 5.4.6; -1 while no agent is online.
	EstimatedWaitMinutes int `json:"estimated_wait_minutes"`
	// WaitP50Seconds and WaitP90Seconds are a forecast from the moment of the event: with even odds an agent is there within
	// the first, nine times in ten within the second. Both are null when it is not known.
	WaitP50Seconds *int `json:"wait_p50_seconds"`
	WaitP90Seconds *int `json:"wait_p90_seconds"`
}

// PresenceChange is the payload of KindPresenceChange and KindVisitorPresence.
type PresenceChange struct {
	// ClientID is the user's id, or the name of a bot.
	ClientID string `json:"client_id"`
	// UserID is null for bots.
	UserID *string `json:"user_id"`
	Name   *string `json:"name"`
	Email  *string `json:"email"`
	// Role is agent, customer or bot.
	Role string `json:"role"`
	// Status is what the agent wants; EffectiveStatus is what the queue goes by. Customers and bots are online or offline.
	Status          string `json:"status"`
	EffectiveStatus string `json:"effective_status"`
	Timestamp       string `json:"timestamp"`
	// AvailableSlots is how many more chats the agent can be given; 0 for customers and bots.
	AvailableSlots int `json:"available_slots"`
	// EffectiveReason is wanted, connection_suspect, connection_gone or inactive.
	EffectiveReason string `json:"effective_reason"`
	// Connection is live, suspect, gone, or unknown for an agent whom presence does not watch.
	Connection string `json:"connection"`
}

// PresenceConnection is the payload of KindPresenceEnter and KindPresenceUpdate.
type PresenceConnection struct {
	ConnectionID string  `json:"connection_id"`
	ClientID     string  `json:"client_id"`
	UserID       *string `json:"user_id"`
	// Role is agent, customer or bot.
	Role  string  `json:"role"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
	// Data is the client's own object.
	Data json.RawMessage `json:"data"`
	// Page is the address of the page; null when there is none.
	Page           *string `json:"page"`
	ConversationID *string `json:"conversation_id"`
	Timestamp      string  `json:"timestamp"`
}

// PresenceLeft is the payload of KindPresenceLeave.
type PresenceLeft struct {
	PresenceConnection

	// Reason is left, signed_out, pagehide, switched_pages, chat_cleared, lost, removed, or a word of the client's own.
	Reason string `json:"reason"`
	// LeaveData is what the client said at leaving; null when nothing.
	LeaveData json.RawMessage `json:"leave_data"`
}

// PresenceOffline is the payload of KindPresenceOffline: the last connection of somebody is gone.
type PresenceOffline struct {
	ClientID string  `json:"client_id"`
	UserID   *string `json:"user_id"`
	Role     string  `json:"role"`
	Name     *string `json:"name"`
	Email    *string `json:"email"`
	// Reason is that of the last connection.
	Reason string `json:"reason"`
	// LastSeenAt is the last beat, or when they left.
	LastSeenAt string `json:"last_seen_at"`
	Timestamp  string `json:"timestamp"`
}

// PresenceDemand is the payload of KindPresenceDemand. It is state: only the latest matters, and it has no number on its
// topic.
type PresenceDemand struct {
	ConversationID  string `json:"conversation_id"`
	NextBeatSeconds int    `json:"next_beat_seconds"`
}

// AvailabilityChanged is the payload of KindAvailabilityChanged. It is state: only the latest matters.
type AvailabilityChanged struct {
	Available bool `json:"available"`
	// Reason says why not; absent when available.
	Reason          *string `json:"reason,omitempty"`
	ShowButton      bool    `json:"show_button"`
	ShowOfflineForm bool    `json:"show_offline_form"`
	// OpensAt is when business hours begin again; only with the reason outside_hours.
	OpensAt *string `json:"opens_at,omitempty"`
}

// ConversationUpdated is the payload of KindConversationUpdated.
type ConversationUpdated struct {
	Conversation ConversationDetails `json:"conversation"`
}

// ConversationDetails is what the team can change of a conversation without moving it, and its customer's part.
type ConversationDetails struct {
	ID             string   `json:"id"`
	Tags           []string `json:"tags"`
	Priority       int      `json:"priority"`
	RequiredSkills []string `json:"required_skills"`
	IsSpam         bool     `json:"is_spam"`
	// SatisfactionRating is 1 to 5; null until the customer has rated.
	SatisfactionRating *int    `json:"satisfaction_rating"`
	CustomerID         *string `json:"customer_id"`
	CustomerName       *string `json:"customer_name"`
	CustomerEmail      *string `json:"customer_email"`
}

// ConversationAutoClosed is the payload of KindConversationAutoClosed. AgentID says whose topic it goes to.
type ConversationAutoClosed struct {
	ConversationID string `json:"conversation_id"`
	AgentID        string `json:"agent_id"`
	// Reason is customer_inactive or timeout.
	Reason string `json:"reason"`
}

// ConversationOffered is the payload of KindConversationOffered. AgentID says whose topic it goes to.
type ConversationOffered struct {
	ConversationID string `json:"conversation_id"`
	AgentID        string `json:"agent_id"`
	// CustomerName, Preview and HandoffReason are null as in ConversationPreview.
	CustomerName       *string `json:"customer_name"`
	Preview            *string `json:"preview"`
	HandoffReason      *string `json:"handoff_reason"`
	Priority           int     `json:"priority"`
	WaitingTimeSeconds int64   `json:"waiting_time_seconds"`
	ExpiresAt          string  `json:"expires_at"`
	// ExpiresInSeconds is how long the offer is open altogether, for clients whose clocks are wrong.
	ExpiresInSeconds int `json:"expires_in_seconds"`
}

// OfferEnded is the payload of KindOfferEnded. AgentID says whose topic it goes to.
type OfferEnded struct {
	ConversationID string `json:"conversation_id"`
	AgentID        string `json:"agent_id"`
	// Outcome is accepted, declined, missed or withdrawn.
	Outcome string `json:"outcome"`
	// Reason is what the agent said when declining, or why it was withdrawn; null without one.
	Reason *string `json:"reason"`
}

// CustomerPresence is the payload of KindCustomerPresence. AgentID says whose topic it goes to.
type CustomerPresence struct {
	ConversationID string `json:"conversation_id"`
	AgentID        string `json:"agent_id"`
	Status         string `json:"status"`
	// Reason says why the customer is offline; only then.
	Reason    *string `json:"reason,omitempty"`
	Timestamp string  `json:"timestamp"`
}

// NoteAdded is the payload of KindNoteAdded.
type NoteAdded struct {
	Note Note `json:"note"`
}

// Note is an internal note of the team.
type Note struct {
	ID             string  `json:"id"`
	ConversationID string  `json:"conversation_id"`
	AuthorID       *string `json:"author_id"`
	Content        string  `json:"content"`
	CreatedAt      string  `json:"created_at"`
}

// SettingsChanged is the payload of KindSettingsChanged: read get_handoff_settings again.
type SettingsChanged struct {
	ProjectID string `json:"project_id"`
}

// MemberChanged is the payload of KindMemberChanged.
type MemberChanged struct {
	Member Member `json:"member"`
}

// Member is somebody who works for a project, or is invited to.
type Member struct {
	ID string `json:"id"`
	// UserID is null while the invitation is pending.
	UserID    *string `json:"user_id"`
	Email     string  `json:"email"`
	Name      *string `json:"name"`
	AvatarURL *string `json:"avatar_url"`
	Role      string  `json:"role"`
	// Status is pending, active or removed.
	Status             string `json:"status"`
	MaxConcurrentChats int    `json:"max_concurrent_chats"`
}
