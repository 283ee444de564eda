/**
 * Everything Realtime carries, as docs/events.md has it: one tagged union for each topic. A test compares this file with the
 * Go side's golden files (realtime/testdata/events). Names and fields are those of F001, section 5.9.
 */
import type { ConversationStatus, HandoffReason, Message, Note } from './conversation.js';
import type { AgentProfile, AgentStatus, Member, Role } from './team.js';
import type { Availability } from './availability.js';

/** The version of the wire format this file describes. A new optional field does not change it. */
export const PROTOCOL_VERSION = 1;

/** What every payload begins with. */
export interface Envelope {
  v: number;
  /** The same id twice on one topic is the same event: drop the second. */
  id: string;
}

/** On conversation topics facts are numbered 1, 2, 3, ...; a number that is not the next one reveals a gap. */
export interface NumberedEnvelope extends Envelope {
  seq: number;
}

interface Event<Name extends string, Payload> {
  event: Name;
  payload: Payload;
}

export type MessageEvent = Event<'message', NumberedEnvelope & { message: Message }>;
export type StatusChangedEvent = Event<
  'status_changed',
  NumberedEnvelope & {
    conversation_id: string;
    old_status: ConversationStatus;
    new_status: ConversationStatus;
    handoff_reason: HandoffReason | null;
  }
>;
export type AgentAssignedEvent = Event<
  'agent_assigned',
  NumberedEnvelope & { conversation_id: string; agent: AgentProfile }
>;
export type ResolvedEvent = Event<
  'resolved',
  NumberedEnvelope & { conversation_id: string; resolved_by: string | null; show_rating: boolean }
>;
export type QueuePositionEvent = Event<
  'queue_position',
  Envelope & { conversation_id: string; position: number; estimated_wait_minutes: number } & WaitRange
>;

/** A forecast in seconds from the moment of the event or the answer; null when it is not known. Count it down. */
export interface WaitRange {
  /** With even odds an agent is there by then. */
  wait_p50_seconds: number | null;
  /** Nine times in ten an agent is there by then. */
  wait_p90_seconds: number | null;
}

/** Topic `conversation:{conversation_id}`. */
export type ConversationEvent =
  MessageEvent | StatusChangedEvent | AgentAssignedEvent | ResolvedEvent | QueuePositionEvent;

export type ConversationAssignedEvent = Event<
  'conversation_assigned',
  Envelope & {
    conversation_id: string;
    customer_name: string | null;
    preview: string | null;
    waiting_time_seconds: number;
  }
>;
export type ConversationAutoClosedEvent = Event<
  'conversation_auto_closed',
  Envelope & { conversation_id: string; agent_id: string; reason: string }
>;
export type CustomerPresenceUpdateEvent = Event<
  'customer_presence_update',
  Envelope & { conversation_id: string; agent_id: string; status: string; timestamp: string }
>;

/** Topic `agent:{user_id}`. */
export type AgentEvent = ConversationAssignedEvent | ConversationAutoClosedEvent | CustomerPresenceUpdateEvent;

export type NewConversationEvent = Event<
  'new_conversation',
  Envelope & {
    conversation: {
      id: string;
      customer_name: string | null;
      preview: string | null;
      handoff_reason: HandoffReason | null;
      priority: number;
      queue_entered_at: string;
    };
  }
>;
export type ConversationClaimedEvent = Event<
  'conversation_claimed',
  Envelope & { conversation_id: string; agent_id: string }
>;
export type QueueUpdatedEvent = Event<'queue_updated', Envelope & { waiting_count: number }>;
export type ConversationUpdatedEvent = Event<
  'conversation_updated',
  Envelope & {
    conversation: {
      id: string;
      tags: string[];
      priority: number;
      required_skills: string[];
      is_spam: boolean;
      satisfaction_rating: number | null;
      customer_id: string | null;
      customer_name: string | null;
      customer_email: string | null;
    };
  }
>;
export type NoteAddedEvent = Event<'note_added', Envelope & { note: Note }>;
export type SettingsChangedEvent = Event<'settings_changed', Envelope & { project_id: string }>;
export type MemberChangedEvent = Event<
  'member_changed',
  Envelope & {
    member: Pick<
      Member,
      'id' | 'user_id' | 'email' | 'name' | 'avatar_url' | 'role' | 'status' | 'max_concurrent_chats'
    >;
  }
>;

/** Topic `project:{project_id}:agents`. */
export type ProjectEvent =
  | NewConversationEvent
  | ConversationClaimedEvent
  | QueueUpdatedEvent
  | ConversationUpdatedEvent
  | NoteAddedEvent
  | SettingsChangedEvent
  | MemberChangedEvent;

export type PresenceChangeEvent = Event<
  'presence_change',
  Envelope & {
    user_id: string;
    name: string | null;
    email: string | null;
    role: Role;
    status: AgentStatus;
    effective_status: AgentStatus;
    timestamp: string;
    available_slots: number;
  }
>;

/** Topic `presence:{project_id}`. */
export type PresenceEvent = PresenceChangeEvent;

export type AvailabilityChangedEvent = Event<'availability_changed', Envelope & Availability>;

/** Topic `project:{project_id}:widget`, the only public one. */
export type WidgetEvent = AvailabilityChangedEvent;

/** Every event of every topic. */
export type HandoffEvent = ConversationEvent | AgentEvent | ProjectEvent | PresenceEvent | WidgetEvent;

/** The topics' names. */
export const topics = {
  conversation: (conversationId: string) => `conversation:${conversationId}`,
  typing: (conversationId: string) => `conversation:${conversationId}:typing`,
  agent: (userId: string) => `agent:${userId}`,
  project: (projectId: string) => `project:${projectId}:agents`,
  presence: (projectId: string) => `presence:${projectId}`,
  widget: (projectId: string) => `project:${projectId}:widget`,
} as const;
