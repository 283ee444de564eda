import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc } from '../core/call.js';

/** An answer later than this comes from a lease that may be gone already; better to beat again. */
const BEAT_TIMEOUT_MS = 10_000;

/** The answers of `presence_enter` and `presence_heartbeat`. */
export interface BeatAnswer {
  known: boolean;
  next_beat_seconds: number;
  lease_seconds: number;
  server_time: string;
  /** `presence_enter`. */
  role?: 'agent' | 'customer' | 'bot';
  resumed?: boolean;
}

/** The database's side of presence (docs/api.md). */
export class PresenceGateway {
  readonly #supabase: SupabaseClient;
  readonly #unsubscribe: () => void;
  /** Kept, because a page that is going cannot wait for it. */
  #accessToken: string | null = null;

  constructor(supabase: SupabaseClient, onSignedOut: () => void) {
    this.#supabase = supabase;
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      if (event === 'SIGNED_OUT') onSignedOut();
      this.#accessToken = session?.access_token ?? null;
    });
    this.#unsubscribe = () => data.subscription.unsubscribe();
  }

  enter(args: Record<string, unknown>): Promise<BeatAnswer> {
    return rpc<BeatAnswer>(this.#supabase, 'presence_enter', args, BEAT_TIMEOUT_MS);
  }

  heartbeat(args: Record<string, unknown>): Promise<BeatAnswer> {
    return rpc<BeatAnswer>(this.#supabase, 'presence_heartbeat', args, BEAT_TIMEOUT_MS);
  }

  update(args: Record<string, unknown>): Promise<BeatAnswer> {
    return rpc<BeatAnswer>(this.#supabase, 'presence_update', args, BEAT_TIMEOUT_MS);
  }

  leave(connectionId: string, reason: string): Promise<unknown> {
    return rpc(this.#supabase, 'presence_leave', { p_connection_id: connectionId, p_reason: reason }, BEAT_TIMEOUT_MS);
  }

  /**
   * Leaves while the page goes: the browser finishes such a request after the page. Best effort: what does not
   * get through is found when the lease ends. `beat` is how many beats were sent before it: it may overtake them, and
   * they must not take it back.
   */
  leaveBehind(connectionId: string, reason: 'pagehide' | 'signed_out', beat: number): void {
    // supabase-js has no public way to make a keepalive request. Both fields have been there since version 2.0.
    const { supabaseUrl, supabaseKey } = this.#supabase as unknown as { supabaseUrl?: string; supabaseKey?: string };
    if (supabaseUrl === undefined || supabaseKey === undefined || this.#accessToken === null) return;
    void fetch(new URL('rest/v1/rpc/presence_leave', `${supabaseUrl.replace(/\/$/, '')}/`), {
      method: 'POST',
      keepalive: true,
      headers: {
        apikey: supabaseKey,
        Authorization: `Bearer ${this.#accessToken}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ p_connection_id: connectionId, p_reason: reason, p_beat: beat }),
    }).catch(() => undefined);
  }

  stop(): void {
    this.#unsubscribe();
  }
}
