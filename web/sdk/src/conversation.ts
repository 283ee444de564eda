/** Conversations and what is said in them, with the names the database has (F001 section 6). */
import type { AgentProfile } from './team.js';

export type ConversationStatus = 'ai_active' | 'waiting' | 'agent_active' | 'resolved' | 'closed';
export type HandoffReason = 'low_confidence' | 'keyword' | 'customer_request' | 'button_click';
export type SenderType = 'customer' | 'ai' | 'agent' | 'system';
/** As the team sees the customer; `background`: the page is open, but hidden. */
export type CustomerPresence = 'online' | 'idle' | 'typing' | 'background' | 'offline';

/** `metadata.type` of system messages: what a widget offers beside them (docs/events.md). */
export type SystemMessageType =
  'inactivity_warning' | 'auto_closed' | 'agent_disconnected' | 'requeue_offer' | 'team_offline' | 'email_request';

/** What the parties know of each other beside the text. Unknown keys are kept. */
export interface MessageMetadata {
  /** System messages: which one this is. */
  type?: SystemMessageType | (string & {});
  /** `inactivity_warning`: when the chat closes unless the visitor gives a sign of life. */
  closes_at?: string;
  /** `team_offline`: when the team is back, where that is known. */
  opens_at?: string | null;
  /** AI messages. */
  confidence?: number;
  sources?: readonly { url?: string; title?: string }[];
  model?: string;
  [key: string]: unknown;
}

/** A file of a message. Whoever may read the message may fetch it: `attachmentUrl`. */
export interface Attachment {
  /** Its name in the bucket `handoff-attachments`; empty while it is being uploaded. */
  path: string;
  /** As the sender calls it. Not to be trusted, as everything of a file. */
  name: string;
  /** What the sender says it is. */
  mime_type: string;
  /** In bytes. */
  size: number;
}

export interface Message {
  id: string;
  conversation_id: string;
  /** The message's number among the events of its conversation: orders and pages the transcript. */
  seq: number;
  sender_type: SenderType;
  sender_id: string | null;
  content: string;
  client_message_id: string | null;
  metadata: MessageMetadata;
  created_at: string;
  /** Most messages have none. */
  attachments: readonly Attachment[];
}

/** One line of a transcript: a message, or one of ours that the server has not confirmed yet. */
export interface TranscriptMessage extends Omit<Message, 'seq'> {
  /** Null until the server has answered. */
  seq: number | null;
  /** `sending`: on its way, repeated until answered; `failed`: refused, `error` says why, {@link Transcript.retry} tries again. */
  delivery: 'sent' | 'sending' | 'failed';
  error: { code: string; message: string; retryAfter: number | undefined } | null;
}

/** A conversation as its visitor may see it: `start_conversation`, `conversation_sync`. */
export interface VisitorConversation {
  id: string;
  project_id: string;
  status: ConversationStatus;
  agent: AgentProfile | null;
  event_seq: number;
  created_at: string;
  last_message_at: string;
}

/** What presence says of the customer, in a conversation and in a line of the inbox. */
export type CustomerPresenceFields = Pick<
  Conversation,
  'customer_presence' | 'customer_last_seen_at' | 'customer_left_reason'
>;

/** A row of `public.conversations`: members of the project read all of it. */
export interface Conversation {
  id: string;
  project_id: string;
  customer_id: string | null;
  visitor_id: string;
  customer_email: string | null;
  customer_name: string | null;
  customer_presence: CustomerPresence;
  customer_last_seen_at: string | null;
  /** While offline: `switched_pages`, `pagehide`, `lost` or what else the page said when it left. */
  customer_left_reason: string | null;
  auto_close_warning_sent_at: string | null;
  status: ConversationStatus;
  assigned_agent_id: string | null;
  preferred_agent_id: string | null;
  priority: number;
  handoff_reason: HandoffReason | null;
  handoff_triggered_at: string | null;
  ai_confidence_at_handoff: number | null;
  trigger_keyword: string | null;
  queue_entered_at: string | null;
  waiting_since: string | null;
  claimed_at: string | null;
  first_response_at: string | null;
  resolved_at: string | null;
  resolved_by: string | null;
  closed_at: string | null;
  close_reason: string | null;
  cleared_at: string | null;
  is_spam: boolean;
  tags: string[];
  required_skills: string[];
  satisfaction_rating: number | null;
  satisfaction_feedback: string | null;
  source: string;
  metadata: Record<string, unknown>;
  preview: string | null;
  event_seq: number;
  awaiting_email: boolean;
  created_at: string;
  updated_at: string;
  last_message_at: string;
}

/** An internal note: the customer never sees it. */
export interface Note {
  id: string;
  conversation_id: string;
  author_id: string | null;
  content: string;
  created_at: string;
}

/** What the AI knew: `conversation_context` (F001 5.7.5). */
export interface ConversationContext {
  conversation_id: string;
  handoff_reason: HandoffReason | null;
  trigger_keyword: string | null;
  handoff_triggered_at: string | null;
  ai_confidence_at_handoff: number | null;
  ai_attempts: number;
  topics: string[];
  source: string;
  metadata: Record<string, unknown>;
}

/** Which list of the inbox: `queue` is in the order of serving, the others newest first. */
export type InboxList = 'all' | 'mine' | 'queue' | 'closed';

/** One line of {@link InboxList}: `inbox`. */
export interface InboxLine {
  id: string;
  status: ConversationStatus;
  customer_id: string | null;
  customer_name: string | null;
  customer_email: string | null;
  customer_presence: CustomerPresence;
  customer_last_seen_at: string | null;
  /** While offline: `switched_pages`, `pagehide`, `lost` or what else the page said when it left. */
  customer_left_reason: string | null;
  preview: string | null;
  assigned_agent_id: string | null;
  priority: number;
  tags: string[];
  handoff_reason: HandoffReason | null;
  queue_entered_at: string | null;
  /** While it waits, at the moment of the answer; `queue_entered_at` for a running clock. */
  waiting_seconds: number | null;
  /** In the list `queue`: 1 is served next. */
  queue_position?: number;
  last_message_at: string;
  created_at: string;
}

export interface InboxCounts {
  all: number;
  mine: number;
  queue: number;
}

/** Why a conversation was given to whom: `explain_assignment`. */
export interface AssignmentExplanation {
  conversation_id: string;
  decisions: AssignmentDecision[];
  /** Who was asked, where `assignment_mode` is `offer`. */
  offers: AssignmentOffer[];
}

export interface AssignmentOffer {
  agent: AgentProfile | null;
  offered_at: string;
  expires_at: string;
  state: 'open' | 'accepted' | 'declined' | 'missed' | 'withdrawn';
  ended_at: string | null;
  end_reason: string | null;
  round: number;
  strategy: string;
  queue_position: number | null;
  reason: string;
  /** `reason` as an English sentence. */
  text: string;
  candidates: AssignmentCandidate[];
}

export interface AssignmentDecision {
  decided_at: string;
  agent: AgentProfile;
  /** The member who gave it; null when the worker decided. */
  decided_by: AgentProfile | null;
  strategy: string;
  queue_position: number | null;
  waited_seconds: number;
  reason: string;
  /** `reason` as an English sentence. */
  text: string;
  candidates: AssignmentCandidate[];
}

export interface AssignmentCandidate {
  id: string;
  name: string | null;
  free_slots: number;
  last_assigned_at?: string | null;
  verdict: string;
  /** `verdict` as an English sentence. */
  text: string;
  turn?: number;
}
