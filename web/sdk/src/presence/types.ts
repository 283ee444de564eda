import type { SupabaseClient } from '@supabase/supabase-js';

import type { Store } from '../core/store.js';

/** Why a beat is sent. */
export type BeatCause =
  | 'enter'
  | 'timer'
  | 'visible'
  | 'hidden'
  | 'focus'
  | 'online'
  | 'resume'
  | 'reconnect'
  | 'activity'
  | 'typing'
  | 'update'
  | 'demand'
  | 'confirm'
  | 'retry'
  | 'leave';

/** One step of one beat. A beat's steps share `beat`, so that it can be followed from the page to its lease. */
export interface PresenceLogEntry {
  /** When, in milliseconds since 1970. */
  at: number;
  connectionId: string;
  /** Number of the beat on this connection. */
  beat: number;
  step: 'due' | 'sent' | 'answered' | 'failed' | 'skipped';
  cause: BeatCause;
  /** For `answered` and `failed`: how long the call took. */
  tookMs?: number;
  /** For `due`: how much later than planned the timer fired. */
  lateMs?: number;
  /** For `answered`: after how long the next beat is due, and how long the lease holds without it. */
  nextMs?: number;
  leaseMs?: number;
  /** For `answered`: the server's clock when it took the beat. */
  serverTime?: string;
  error?: string;
}

export interface PresenceOptions {
  supabase: SupabaseClient;
  projectId: string;
  /** As what the user is here. When the database sees it otherwise (a removed agent, say), presence stops. */
  role: 'agent' | 'customer';
  /** Customers: the conversation that is open on the page. */
  conversationId?: string | null;
  /** Customers: the widget's id, see `VisitorClient.visitorId`. */
  visitorId?: string | null;
  /** Data that other members see beside the connection (Ably's presence data). */
  data?: Record<string, unknown>;
  /** The page's address, told with the beats; `location.href` by default, null tells none. */
  url?: (() => string | null) | null;
  /** Is called with every step of every beat; never throws into the module. */
  log?: (entry: PresenceLogEntry) => void;
}

/** `refused`: the database does not take this user in this role, or has no presence; `error` says which. */
export type PresenceState = 'stopped' | 'entering' | 'present' | 'retrying' | 'refused';

export interface PresenceSnapshot {
  state: PresenceState;
  /** Of this page and this load: tabs and devices have one each. */
  connectionId: string;
  /** What the last beat said of the user. Agents: active, idle, hidden; customers: online, idle, typing, background. */
  activity: string;
  lastBeatAt: number | null;
  nextBeatAt: number | null;
  intervalMs: number;
  /** Why it is `retrying` or `refused`. */
  error: { code: string; message: string } | null;
}

/** One connection's presence. Begins with {@link Presence.start}, beats until {@link Presence.stop} or the page goes. */
export interface Presence extends Store<PresenceSnapshot> {
  start(): Promise<void>;
  /** Leaves at once; the reason is kept in the history. */
  stop(reason?: string): Promise<void>;
  /** The user typed: tells it now, and takes it back 3 seconds after the last call. */
  typing(): void;
  /** Changes data or conversation and tells it at once. */
  update(change: { data?: Record<string, unknown>; conversationId?: string | null }): Promise<void>;
  /** Beats now: call it when something the page heard makes being seen urgent. */
  beat(cause?: BeatCause): void;
}
