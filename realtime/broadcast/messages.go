package broadcast

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/supportbase/handoff/realtime"
)

// Names of the broadcasts whose name is not their event's kind (F001 sections 5.5.5 and 5.9.3).
const (
	nameConversationAssigned = "conversation_assigned"
	nameConversationClaimed  = "conversation_claimed"
)

var (
	errNoConversation = errors.New("event names no conversation")
	errNoProject      = errors.New("event names no project")
	errNoID           = errors.New("payload lacks an id")
)

// Messages says what Realtime is told about an event, in the order in which it should leave. It is pure.
//
// An unknown kind, a payload that is not what the kind promises, or a missing id give an error and no message: such
// an event is parked, never skipped. Fields that realtime/payload.go does not list are left out of the messages, so
// that a column added to the database does not reach browsers unseen.
func Messages(event realtime.Event) ([]realtime.Message, error) {
	messages, err := mapEvent(event)
	if err != nil {
		return nil, fmt.Errorf("map %s event %d: %w", event.Kind, event.ID, err)
	}
	return messages, nil
}

func mapEvent(event realtime.Event) ([]realtime.Message, error) {
	switch event.Kind {
	case realtime.KindMessage:
		return mapMessage(event)
	case realtime.KindStatusChanged:
		return onConversation[realtime.StatusChanged](event)
	case realtime.KindAgentAssigned:
		return mapAgentAssigned(event)
	case realtime.KindResolved:
		return onConversation[realtime.Resolved](event)
	case realtime.KindNewConversation:
		return mapNewConversation(event)
	case realtime.KindQueueUpdated:
		return onProject[realtime.QueueUpdated](event, realtime.ProjectAgentsTopic, true)
	case realtime.KindQueuePosition:
		return onConversation[realtime.QueuePosition](event)
	case realtime.KindPresenceChange, realtime.KindVisitorPresence:
		return mapPresenceChange(event)
	case realtime.KindPresenceEnter, realtime.KindPresenceUpdate, realtime.KindPresenceLeave,
		realtime.KindPresenceOffline:
		return mapPresence(event)
	case realtime.KindPresenceDemand:
		return onConversation[realtime.PresenceDemand](event)
	case realtime.KindAvailabilityChanged:
		return onProject[realtime.AvailabilityChanged](event, realtime.ProjectWidgetTopic, false)
	case realtime.KindConversationUpdated:
		return onProject[realtime.ConversationUpdated](event, realtime.ProjectAgentsTopic, true)
	case realtime.KindNoteAdded:
		return onProject[realtime.NoteAdded](event, realtime.ProjectAgentsTopic, true)
	case realtime.KindSettingsChanged:
		return onProject[realtime.SettingsChanged](event, realtime.ProjectAgentsTopic, true)
	case realtime.KindMemberChanged:
		return onProject[realtime.MemberChanged](event, realtime.ProjectAgentsTopic, true)
	case realtime.KindConversationAutoClosed:
		return onAgent(event, func(fields realtime.ConversationAutoClosed) string { return fields.AgentID })
	case realtime.KindConversationOffered:
		return onAgent(event, func(fields realtime.ConversationOffered) string { return fields.AgentID })
	case realtime.KindOfferEnded:
		return onAgent(event, func(fields realtime.OfferEnded) string { return fields.AgentID })
	case realtime.KindCustomerPresence:
		return onAgent(event, func(fields realtime.CustomerPresence) string { return fields.AgentID })
	default:
		return nil, fmt.Errorf("unknown kind %q", event.Kind)
	}
}

func mapMessage(event realtime.Event) ([]realtime.Message, error) {
	fields, err := decode[realtime.MessageWritten](event)
	if err != nil {
		return nil, err
	}
	if fields.Message.ID == "" {
		return nil, errNoID
	}
	return conversationMessage(event, fields)
}

func mapAgentAssigned(event realtime.Event) ([]realtime.Message, error) {
	fields, err := decode[realtime.AgentAssigned](event)
	if err != nil {
		return nil, err
	}
	switch {
	case event.ConversationID == "":
		return nil, errNoConversation
	case event.ProjectID == "":
		return nil, errNoProject
	case fields.Agent.ID == "":
		return nil, errNoID
	}
	return collect(
		build(event, realtime.ConversationTopic(event.ConversationID), string(event.Kind), event.Seq,
			realtime.AgentIntroduced{ConversationID: event.ConversationID, Agent: fields.Agent}),
		build(event, realtime.AgentTopic(fields.Agent.ID), nameConversationAssigned, 0,
			realtime.ConversationAssigned{
				ConversationID: event.ConversationID, EventSeq: event.Seq, CustomerName: fields.CustomerName,
				Preview: fields.Preview, WaitingTimeSeconds: fields.WaitingTimeSeconds,
			}),
		build(event, realtime.ProjectAgentsTopic(event.ProjectID), nameConversationClaimed, 0,
			realtime.ConversationClaimed{ConversationID: event.ConversationID, AgentID: fields.Agent.ID}),
	)
}

func mapNewConversation(event realtime.Event) ([]realtime.Message, error) {
	fields, err := decode[realtime.NewConversation](event)
	if err != nil {
		return nil, err
	}
	if fields.Conversation.ID == "" {
		return nil, errNoID
	}
	return projectMessage(event, realtime.ProjectAgentsTopic, true, fields)
}

func mapPresenceChange(event realtime.Event) ([]realtime.Message, error) {
	fields, err := decode[realtime.PresenceChange](event)
	if err != nil {
		return nil, err
	}
	if fields.ClientID == "" {
		return nil, errNoID
	}
	event.Kind = realtime.KindPresenceChange
	return projectMessage(event, realtime.PresenceTopic, true, fields)
}

// mapPresence is for the members of the project alone: what visitors tell of themselves never reaches other visitors.
func mapPresence(event realtime.Event) ([]realtime.Message, error) {
	switch event.Kind {
	case realtime.KindPresenceLeave:
		return onProject[realtime.PresenceLeft](event, realtime.PresenceTopic, true)
	case realtime.KindPresenceOffline:
		return onProject[realtime.PresenceOffline](event, realtime.PresenceTopic, true)
	default:
		return onProject[realtime.PresenceConnection](event, realtime.PresenceTopic, true)
	}
}

func onConversation[P any](event realtime.Event) ([]realtime.Message, error) {
	fields, err := decode[P](event)
	if err != nil {
		return nil, err
	}
	return conversationMessage(event, fields)
}

func onProject[P any](event realtime.Event, topic func(string) realtime.Topic, private bool) ([]realtime.Message, error) {
	fields, err := decode[P](event)
	if err != nil {
		return nil, err
	}
	return projectMessage(event, topic, private, fields)
}

// onAgent is for the one agent whom the payload names.
func onAgent[P any](event realtime.Event, agent func(P) string) ([]realtime.Message, error) {
	fields, err := decode[P](event)
	if err != nil {
		return nil, err
	}
	agentID := agent(fields)
	if agentID == "" {
		return nil, errNoID
	}
	return collect(build(event, realtime.AgentTopic(agentID), string(event.Kind), 0, fields))
}

func conversationMessage(event realtime.Event, fields any) ([]realtime.Message, error) {
	if event.ConversationID == "" {
		return nil, errNoConversation
	}
	return collect(build(event, realtime.ConversationTopic(event.ConversationID), string(event.Kind), event.Seq, fields))
}

func projectMessage(event realtime.Event, topic func(string) realtime.Topic, private bool, fields any) ([]realtime.Message, error) {
	if event.ProjectID == "" {
		return nil, errNoProject
	}
	built := build(event, topic(event.ProjectID), string(event.Kind), 0, fields)
	built.message.Private = private
	return collect(built)
}

func decode[P any](event realtime.Event) (P, error) {
	var fields P
	// A JSON null decodes into any struct without an error and would be sent as an event full of zeros.
	if string(event.Payload) == "null" {
		return fields, errors.New("payload is null")
	}
	if err := json.Unmarshal(event.Payload, &fields); err != nil {
		return fields, fmt.Errorf("decode payload: %w", err)
	}
	return fields, nil
}

type buildResult struct {
	message realtime.Message
	err     error
}

func build(event realtime.Event, topic realtime.Topic, name string, seq int64, fields any) buildResult {
	envelope := realtime.Envelope{Version: realtime.WireVersion, ID: strconv.FormatInt(event.ID, 10), Seq: seq}
	payload, err := join(envelope, fields)
	return buildResult{
		message: realtime.Message{Topic: topic, Name: name, Private: true, Payload: payload},
		err:     err,
	}
}

// join writes two structs as one JSON object. Embedding the Envelope in each payload struct would do the same, but
// then the structs could not stand for what the database writes.
func join(envelope realtime.Envelope, fields any) (json.RawMessage, error) {
	head, err := json.Marshal(envelope)
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	head[len(head)-1] = ','
	return append(head, body[1:]...), nil
}

func collect(results ...buildResult) ([]realtime.Message, error) {
	messages := make([]realtime.Message, 0, len(results))
	for _, result := range results {
		if result.err != nil {
			return nil, result.err
		}
		messages = append(messages, result.message)
	}
	return messages, nil
}

// coalesces says whether a message is state, of which only the latest matters, rather than a fact.
func coalesces(message realtime.Message) bool {
	switch realtime.Kind(message.Name) {
	case realtime.KindQueueUpdated, realtime.KindQueuePosition, realtime.KindAvailabilityChanged, realtime.KindPresenceDemand:
		return true
	default:
		return false
	}
}
