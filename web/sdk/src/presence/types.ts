import type { SupabaseClient } from '@supabase/supabase-js';

import type { Store } from '../store.js';

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
  /** For `answered`: when the next beat is due, and until when the lease holds. */
  nextMs?: number;
  leaseUntil?: string;
  error?: string;
}

export interface PresenceOptions {
  supabase: SupabaseClient;
  projectId: string;
  /** Visitors: the conversation that is open on the page. */
  conversationId?: string | null;
  /** Data that other members see beside the connection (Ably's presence data). */
  data?: Record<string, unknown>;
  /** The page's address, told with the beats; `location.href` by default, null tells none. */
  url?: (() => string | null) | null;
  /** Is called with every step of every beat; never throws into the module. */
  log?: (entry: PresenceLogEntry) => void;
}

export type PresenceState = 'stopped' | 'entering' | 'present' | 'retrying';

export interface PresenceSnapshot {
  state: PresenceState;
  /** Of this page and this load: tabs and devices have one each. */
  connectionId: string;
  /** What the last beat said of the user. */
  activity: 'active' | 'idle' | 'typing' | 'background';
  lastBeatAt: number | null;
  nextBeatAt: number | null;
  intervalMs: number;
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
