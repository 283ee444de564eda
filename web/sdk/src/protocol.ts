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

/** Somebody of the team began to look: beat at once, and at this interval. State: it has no number. */
export type PresenceDemandEvent = Event<
  'presence_demand',
  Envelope & { conversation_id: string; next_beat_seconds: number }
>;

/** Topic `conversation:{conversation_id}`. */
export type ConversationEvent =
  MessageEvent | StatusChangedEvent | AgentAssignedEvent | ResolvedEvent | QueuePositionEvent | PresenceDemandEvent;

export type ConversationAssignedEvent = Event<
  'conversation_assigned',
  Envelope & {
    conversation_id: string;
    /** Number of `agent_assigned` on the conversation's topic: whoever joins it now has missed what came after. */
    event_seq: number;
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
  Envelope & { conversation_id: string; agent_id: string; status: string; timestamp: string; reason?: string | null }
>;

/** Where `assignment_mode` is `offer`: answer with `accept_offer` or `decline_offer` while it is open. */
export type ConversationOfferedEvent = Event<
  'conversation_offered',
  Envelope & {
    conversation_id: string;
    agent_id: string;
    customer_name: string | null;
    preview: string | null;
    handoff_reason: HandoffReason | null;
    priority: number;
    waiting_time_seconds: number;
    expires_at: string;
    /** How long it is open altogether, for a page whose clock is wrong. */
    expires_in_seconds: number;
  }
>;
/** `reason`: what the agent said when declining, or why it was withdrawn. */
export type OfferEndedEvent = Event<
  'offer_ended',
  Envelope & {
    conversation_id: string;
    agent_id: string;
    outcome: 'accepted' | 'declined' | 'missed' | 'withdrawn';
    reason: string | null;
  }
>;

/** Topic `agent:{user_id}`. */
export type AgentEvent =
  | ConversationAssignedEvent
  | ConversationAutoClosedEvent
  | ConversationOfferedEvent
  | OfferEndedEvent
  | CustomerPresenceUpdateEvent;

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

/** What an agent can be offered has changed, or a customer or bot has come or gone. */
export type PresenceChangeEvent = Event<
  'presence_change',
  Envelope & {
    user_id: string | null;
    /** Bots: their name. */
    client_id?: string | null;
    name: string | null;
    email: string | null;
    role: Role | 'customer' | 'bot';
    status: AgentStatus;
    timestamp: string;
    /** Agents. */
    effective_status?: AgentStatus;
    effective_reason?: string;
    connection?: 'live' | 'suspect' | 'gone' | 'unknown';
    available_slots?: number;
  }
>;

/** What members hear of one connection. */
interface PresenceOfConnection {
  connection_id: string;
  client_id: string | null;
  user_id: string | null;
  role: string;
  name: string | null;
  email: string | null;
  data: Record<string, unknown> | null;
  page: string | null;
  conversation_id: string | null;
  timestamp: string;
}

export type PresenceEnterEvent = Event<'presence_enter', Envelope & PresenceOfConnection>;
export type PresenceUpdateEvent = Event<'presence_update', Envelope & PresenceOfConnection>;
export type PresenceLeaveEvent = Event<
  'presence_leave',
  Envelope & PresenceOfConnection & { reason: string; leave_data: Record<string, unknown> | null }
>;

/** The last connection of a person has gone: offline on all devices. */
export type PresenceOfflineEvent = Event<
  'presence_offline',
  Envelope & {
    user_id: string | null;
    client_id: string | null;
    role: string;
    name: string | null;
    email: string | null;
    reason: string;
    last_seen_at: string | null;
    timestamp: string;
  }
>;

/** Topic `presence:{project_id}`. */
export type PresenceEvent =
  PresenceChangeEvent | PresenceEnterEvent | PresenceUpdateEvent | PresenceLeaveEvent | PresenceOfflineEvent;

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

const CONVERSATION_EVENTS: Record<ConversationEvent['event'], 'fact' | 'state'> = {
  message: 'fact',
  status_changed: 'fact',
  agent_assigned: 'fact',
  resolved: 'fact',
  queue_position: 'state',
  presence_demand: 'state',
};
const AGENT_EVENTS: Record<AgentEvent['event'], true> = {
  conversation_assigned: true,
  conversation_auto_closed: true,
  customer_presence_update: true,
  conversation_offered: true,
  offer_ended: true,
};
const PROJECT_EVENTS: Record<ProjectEvent['event'], true> = {
  new_conversation: true,
  conversation_claimed: true,
  queue_updated: true,
  conversation_updated: true,
  note_added: true,
  settings_changed: true,
  member_changed: true,
};
const PRESENCE_EVENTS: Record<PresenceEvent['event'], true> = {
  presence_change: true,
  presence_enter: true,
  presence_update: true,
  presence_leave: true,
  presence_offline: true,
};

/** Something that came from the wire and is not looked at yet. */
export interface Broadcast {
  event: string;
  payload: unknown;
}

/**
 * Whether this version understands the broadcast: a known name and an envelope of this protocol version. What is not understood
 * is left alone, so that a newer server's additions harm nobody. The rest of the payload is the server's word:
 * nobody but the worker can send on these topics.
 */
function hasEnvelope(payload: unknown): payload is Envelope {
  const { v, id } = (payload ?? {}) as Partial<Envelope>;
  return v === PROTOCOL_VERSION && typeof id === 'string';
}

export function isConversationEvent(broadcast: Broadcast): broadcast is ConversationEvent {
  const { event, payload } = broadcast;
  if (!Object.hasOwn(CONVERSATION_EVENTS, event) || !hasEnvelope(payload)) return false;
  const isFact = CONVERSATION_EVENTS[event as ConversationEvent['event']] === 'fact';
  return !isFact || typeof (payload as Partial<NumberedEnvelope>).seq === 'number';
}

export function isAgentEvent(broadcast: Broadcast): broadcast is AgentEvent {
  return Object.hasOwn(AGENT_EVENTS, broadcast.event) && hasEnvelope(broadcast.payload);
}

export function isProjectEvent(broadcast: Broadcast): broadcast is ProjectEvent {
  return Object.hasOwn(PROJECT_EVENTS, broadcast.event) && hasEnvelope(broadcast.payload);
}

export function isPresenceEvent(broadcast: Broadcast): broadcast is PresenceEvent {
  return Object.hasOwn(PRESENCE_EVENTS, broadcast.event) && hasEnvelope(broadcast.payload);
}

export function isWidgetEvent(broadcast: Broadcast): broadcast is WidgetEvent {
  return broadcast.event === 'availability_changed' && hasEnvelope(broadcast.payload);
}
