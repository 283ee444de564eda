import type { SupabaseClient } from '@supabase/supabase-js';

import type { Availability, HandoffAnswer, OfflineAnswer, QueuePlace } from '../availability.js';
import type { ConnectionStatus } from '../connection.js';
import type { Attachment, TranscriptMessage, VisitorConversation } from '../conversation.js';
import type { Presence, PresenceLogEntry } from '../presence/types.js';
import type { Store } from '../core/store.js';
import type { AgentProfile } from '../team.js';

/** Where the visitor's ids are kept. `localStorage` fits; what throws is treated as blocked. */
export interface VisitorStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface VisitorOptions {
  /**
   * A supabase-js client with the publishable key. Give the widget a client of its own, with an `auth.storageKey` of its own:
   * visitors sign in anonymously, and the page's own sign-in must not be touched.
   */
  supabase: SupabaseClient;
  projectId: string;
  /** Default: localStorage and a cookie, both; whichever the browser blocks is done without. Null: memory only. */
  storage?: VisitorStorage | null;
  /** How long {@link VisitorClient.requestHuman} waits for an agent before it says `waiting`. Default 3000. */
  assignmentWaitMs?: number;
  /** Lines of a page of the transcript. Default 50. */
  pageSize?: number;
  /** Tell the team the page (F001 5.11.3), once there is a session. Default true. */
  trackVisits?: boolean;
  /**
   * Follow availability over Realtime from `start()` on. Default true. False: it is read once, at `refreshAvailability()` and when
   * there is a conversation, so that a page whose visitor never opens the chat takes no socket (Supabase's plans count them).
   */
  followAvailability?: boolean;
  /** Beat while a conversation is open. Default true. */
  presence?: boolean;
  /** Kept with a conversation that begins here. */
  metadata?: Record<string, unknown>;
  /** Steps of presence beats, for diagnosis. */
  log?: (entry: PresenceLogEntry) => void;
}

/**
 * What the widget shows (F001 5.6.2). `closed` is one more: the conversation has ended, the next message begins another.
 */
export type VisitorPhase =
  'ai_chat' | 'handoff_requested' | 'waiting_for_agent' | 'agent_chat' | 'offline_mode' | 'resolved' | 'closed';

/** Something the system asked or told that has a button; gone when it was answered or overtaken. */
export type VisitorNotice =
  | { type: 'inactivity_warning'; closesAt: string | null }
  | { type: 'agent_disconnected' }
  | { type: 'requeue_offer' }
  | { type: 'team_offline'; opensAt: string | null; showOfflineForm: boolean }
  | { type: 'email_request' };

export interface VisitorState {
  phase: VisitorPhase;
  /** Null until the first message or a resumed conversation. */
  conversation: VisitorConversation | null;
  /** Oldest first; unconfirmed ones of our own last. */
  messages: readonly TranscriptMessage[];
  hasOlder: boolean;
  loadingOlder: boolean;
  /** While and after an agent has the conversation. */
  agent: AgentProfile | null;
  agentTyping: boolean;
  /** While it waits. */
  queue: QueuePlace | null;
  /** Null until it is known. */
  availability: Availability | null;
  /** The answer that made the phase `offline_mode`. */
  offline: OfflineAnswer | null;
  notice: VisitorNotice | null;
  /** Ask for a rating: resolved or closed by an agent, and not rated yet here. */
  canRate: boolean;
  connection: ConnectionStatus;
}

/**
 * A visitor of the website. Nobody is signed in and nothing is written before the chat is first used: `start()` only reads
 * availability and resumes what this browser had. Every promise rejects with a HandoffError.
 */
export interface VisitorClient extends Store<VisitorState> {
  /** From localStorage or the cookie. Groups visits for the team; no secret, grants nothing. */
  readonly visitorId: string;
  /** Of this page; stopped until there is a conversation. */
  readonly presence: Presence;
  /** Reads and follows availability, and resumes this browser's conversation if there is one. Call it once. */
  start(): Promise<void>;
  /** Begins the conversation (signs in anonymously) without a message. `send` does it by itself. */
  open(): Promise<VisitorConversation>;
  /**
   * Shows the message at once and sends it until it is answered; repeats are no second message. Resolves with the confirmed
   * message; rejects when it was refused (it stays in `messages` as `failed`).
   */
  send(content: string): Promise<TranscriptMessage>;
  /** Uploads the file and sends it as a message of its own, as `send` does. Nothing says how far an upload has come. */
  sendFile(file: File): Promise<TranscriptMessage>;
  /**
   * An address under which the browser can fetch the file of a message for an hour. It makes the browser save it; without
   * `download` it may be shown, which is for pictures only (`isPicture`).
   */
  attachmentUrl(attachment: Attachment, options?: { download?: boolean }): Promise<string>;
  /** Sends a failed message again. */
  retry(clientMessageId: string): Promise<TranscriptMessage>;
  /** Takes a failed message out of the transcript. */
  discard(clientMessageId: string): void;
  /** The page of the transcript before the oldest line. */
  loadOlder(): Promise<void>;
  /** Asks for a person. Waits a moment for an agent: `agent_active`, else `waiting`, or `offline`. */
  requestHuman(customer?: { email?: string; name?: string }): Promise<HandoffAnswer>;
  /** From `offline_mode` back to the AI: changes only what is shown. */
  continueWithAi(): void;
  /** Leaves address and message while nobody is there; begins a conversation if there is none. */
  submitOfflineForm(form: {
    email: string;
    name?: string;
    message: string;
  }): Promise<{ status: string; message: string }>;
  /** "I'm still here": the chat is not closed for inactivity. */
  stillHere(): Promise<void>;
  /** Leaves an agent who is gone; the place in line is kept. */
  returnToQueue(): Promise<HandoffAnswer>;
  /** 1 to 5. */
  rate(rating: number, feedback?: string): Promise<void>;
  /** The visitor ends the conversation. */
  close(): Promise<void>;
  /** Begins afresh: the conversation is closed and no longer shown here; the team keeps it. */
  clear(): Promise<void>;
  identify(customer: { email: string; name?: string }): Promise<void>;
  /** Tells the team the page; call it after a route change. Does nothing before there is a session. */
  trackPage(): Promise<void>;
  /** The visitor typed: call it on every input event, it throttles. */
  typing(): void;
  /** Reads availability again now. */
  refreshAvailability(): Promise<Availability>;
  /** Tries to connect now. */
  reconnect(): void;
  /**
   * Ends everything that this client began; the conversation goes on. `reason` is what the team is told: `switched_pages` when the
   * visitor has gone to a page without the chat. Default `left`.
   */
  stop(reason?: string): Promise<void>;
}
