import type { SupabaseClient } from '@supabase/supabase-js';

import { asHandoffError } from '../core/call.js';
import { HandoffError } from '../core/errors.js';

/** The visitor's anonymous sign-in: none until the chat is first used, then the same for as long as the browser keeps it. */
export class VisitorSession {
  readonly #supabase: SupabaseClient;
  #signingIn: Promise<string> | null = null;

  constructor(supabase: SupabaseClient) {
    this.#supabase = supabase;
  }

  /** The user's id, if there is a session. */
  async current(): Promise<string | null> {
    const { data } = await this.#supabase.auth.getSession();
    return data.session?.user.id ?? null;
  }

  /** The user's id; signs in anonymously when there is no session. */
  ensure(): Promise<string> {
    this.#signingIn ??= this.#ensure().finally(() => (this.#signingIn = null));
    return this.#signingIn;
  }

  /** Calls `listener` when the session is gone: signed out here or in another tab, or its user was deleted. */
  onEnded(listener: () => void): () => void {
    const { data } = this.#supabase.auth.onAuthStateChange((event) => {
      if (event === 'SIGNED_OUT') listener();
    });
    return () => data.subscription.unsubscribe();
  }

  async #ensure(): Promise<string> {
    const known = await this.current();
    if (known !== null) return known;
    const { data, error } = await this.#supabase.auth.signInAnonymously().catch((cause: unknown) => {
      throw asHandoffError(cause);
    });
    if (error) throw asHandoffError(error);
    if (!data.user) throw new HandoffError('Nobody was signed in', { code: 'unauthorized', status: 401 });
    return data.user.id;
  }
}
