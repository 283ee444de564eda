import type { SupabaseClient } from '@supabase/supabase-js';

import type { ConnectionStatus } from '../connection.js';
import type {
  AssignmentExplanation,
  Attachment,
  Conversation,
  ConversationContext,
  InboxCounts,
  InboxLine,
  InboxList,
  Note,
  TranscriptMessage,
} from '../conversation.js';
import type { Customer, CustomerHistory, Lead, WebVisit } from '../customer.js';
import type { Presence, PresenceLogEntry } from '../presence/types.js';
import type { AgentEvent, ConversationEvent, PresenceEvent, ProjectEvent } from '../protocol.js';
import type { HandoffSettings, HoursException, SettingsChange } from '../settings.js';
import type { Loadable } from '../core/resource.js';
import type { Store } from '../core/store.js';
import type { AgentState, AgentStatus, Member, TeamAgent, TeamStats } from '../team.js';

export interface AgentOptions {
  /** A supabase-js client in which a member of the project is signed in. */
  supabase: SupabaseClient;
  projectId: string;
  /** Beat from `start()` to `stop()`. Default true. */
  presence?: boolean;
  pageSize?: number;
  log?: (entry: PresenceLogEntry) => void;
}

export interface InboxSnapshot {
  lines: readonly InboxLine[];
  loading: boolean;
  hasMore: boolean;
  error: { code: string; message: string } | null;
}

/** One list, live from the first subscriber to the last. */
export interface InboxView extends Store<InboxSnapshot> {
  readonly list: InboxList;
  loadMore(): Promise<void>;
  refresh(): Promise<void>;
}

export interface ConversationSnapshot {
  conversation: Conversation | null;
  messages: readonly TranscriptMessage[];
  hasOlder: boolean;
  loadingOlder: boolean;
  notes: readonly Note[];
  context: ConversationContext | null;
  customerTyping: boolean;
  connection: ConnectionStatus;
  loading: boolean;
  error: { code: string; message: string } | null;
}

/** One conversation, live until {@link ConversationView.release}. */
export interface ConversationView extends Store<ConversationSnapshot> {
  readonly id: string;
  loadOlder(): Promise<void>;
  /** Shows the message at once and sends it until it is answered. */
  send(content: string): Promise<TranscriptMessage>;
  /** Uploads the file and sends it as a message of its own. */
  sendFile(file: File): Promise<TranscriptMessage>;
  /** An address under which the browser can fetch a file for an hour: to save it, or without `download` to show a picture. */
  attachmentUrl(attachment: Attachment, options?: { download?: boolean }): Promise<string>;
  retry(clientMessageId: string): Promise<TranscriptMessage>;
  discard(clientMessageId: string): void;
  typing(): void;
  addNote(content: string): Promise<Note>;
  deleteNote(noteId: string): Promise<void>;
  setTags(tags: string[]): Promise<void>;
  /** 0 to 9. */
  setPriority(priority: number): Promise<void>;
  setRequiredSkills(skills: string[]): Promise<void>;
  /** Asks the customer for an address. */
  requestEmail(): Promise<void>;
  release(): void;
}

/** `claim_conversation`, `take_over_conversation`: being too late is an answer, no error. */
export type ClaimResult =
  | { success: true; conversation: Pick<Conversation, 'id' | 'status' | 'assigned_agent_id'> }
  | {
      success: false;
      error: 'ACCESS_DENIED' | 'ALREADY_CLAIMED' | 'NOT_WAITING' | 'NOT_ONLINE' | 'NO_CAPACITY';
      message: string;
    };

/** Somebody on the website now, with the page they are on. */
export interface LiveVisitor {
  customer_id: string | null;
  /** The widget's id; where it told none, the user's. */
  visitor_id: string;
  conversation_id: string | null;
  name: string | null;
  email: string | null;
  /** online, idle, typing or background */
  status: string;
  url: string | null;
  /** Not known to presence; the visits of the customer have it. */
  title: string | null;
  since: string | null;
  last_seen_at: string | null;
  /** Tabs and devices. */
  connections?: number;
}

/**
 * Heard on the topics of the agent, the team and presence, and in the agent's own conversations: for sounds, badges and desktop
 * notifications.
 */
export type DashboardEvent = AgentEvent | ProjectEvent | PresenceEvent | ConversationEvent;

/** What an agent's client keeps fresh while somebody looks at it. */
export interface AgentLive {
  /** The signed-in user; empty before {@link AgentLive.start}. */
  readonly userId: string;
  readonly connection: Store<ConnectionStatus>;
  readonly presence: Presence;
  /** The own line of the team: status, slots and skills. */
  readonly me: Store<Loadable<TeamAgent>>;
  readonly team: Store<Loadable<readonly TeamAgent[]>>;
  readonly stats: Store<Loadable<TeamStats>>;
  readonly settings: Store<Loadable<HandoffSettings>>;
  /** How many conversations each list has. */
  readonly counts: Store<InboxCounts>;
  /** Who is on the website. */
  readonly visitors: Store<Loadable<readonly LiveVisitor[]>>;

  /** Joins the topics and begins to beat. Rejects with `unauthorized` when nobody is signed in. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Tries to connect now, and reads everything again. */
  reconnect(): void;
  /** Calls `listener` with each event, once each, until the returned function is called. */
  onEvent(listener: (event: DashboardEvent) => void): () => void;

  /** The same list is the same view. */
  inbox(list: InboxList): InboxView;
  /** The same conversation is the same view until everyone who asked for it has released it. */
  conversation(conversationId: string): ConversationView;
}

/** A member of the team. Every promise rejects with a HandoffError. */
export interface AgentClient extends AgentLive {
  readonly projectId: string;

  claim(conversationId: string): Promise<ClaimResult>;
  takeOver(conversationId: string): Promise<ClaimResult>;
  /** To an agent, or back to the queue. */
  transfer(conversationId: string, toAgentId?: string | null): Promise<void>;
  resolve(conversationId: string): Promise<void>;
  close(conversationId: string): Promise<void>;
  markSpam(conversationId: string): Promise<void>;
  explainAssignment(conversationId: string): Promise<AssignmentExplanation>;

  setStatus(status: AgentStatus, userId?: string): Promise<AgentState>;
  setSkills(skills: string[], userId?: string): Promise<AgentState>;
  setAutoOffline(change: { enabled?: boolean; minutes?: number }): Promise<void>;

  members(): Promise<Member[]>;
  inviteMember(invitation: {
    email: string;
    role?: 'admin' | 'agent';
    name?: string;
    maxConcurrentChats?: number;
  }): Promise<Member>;
  changeMember(
    memberId: string,
    change: { role?: 'admin' | 'agent'; name?: string; maxConcurrentChats?: number },
  ): Promise<Member>;
  removeMember(memberId: string): Promise<Member>;
  updateProfile(change: { name?: string; avatarUrl?: string }): Promise<Member>;

  updateSettings(change: SettingsChange): Promise<HandoffSettings>;
  hoursExceptions(): Promise<HoursException[]>;
  saveHoursException(exception: {
    date: string;
    ranges?: HoursException['ranges'];
    label?: string | null;
  }): Promise<HoursException>;
  deleteHoursException(id: string): Promise<void>;

  customer(customerId: string, options?: { limit?: number; before?: string }): Promise<CustomerHistory>;
  flagCustomer(customerId: string, flagged: boolean, reason?: string): Promise<Customer>;
  updateCustomerNotes(customerId: string, notes: string): Promise<Customer>;
  renameCustomer(customerId: string, name: string | null): Promise<void>;
  visits(customerId: string, limit?: number): Promise<WebVisit[]>;
  leads(options?: { limit?: number; before?: string }): Promise<Lead[]>;
}
