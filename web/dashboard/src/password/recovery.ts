import { isAuthRetryableFetchError, type AuthError } from '@supabase/supabase-js';

/**
 * How somebody came here from the mail that resets a password. `session`: Auth has checked the link and the address holds a
 * session, which the client takes; `hash`: the mail's template leads here itself, with what Auth is to check; `refused`: Auth
 * did not take the link.
 */
export type Recovery = { way: 'session' } | { way: 'hash'; hash: string } | { way: 'refused' };

/** Reads the address; null when it is of nobody who came from the mail. */
export function recoveryOf({ search, hash }: { search: string; hash: string }): Recovery | null {
  const query = new URLSearchParams(search);
  const fragment = new URLSearchParams(hash.replace(/^#/u, ''));
  if (fragment.get('type') === 'recovery' && fragment.has('access_token')) return { way: 'session' };
  if (fragment.has('error_code') || query.has('error_code')) return { way: 'refused' };
  const token = query.get('token_hash');
  return query.get('type') === 'recovery' && token !== null && token !== '' ? { way: 'hash', hash: token } : null;
}

/** The refusals that are about what was typed, and say nothing about who has an account. */
const TELLABLE: readonly (string | undefined)[] = ['validation_failed', 'captcha_failed'];

/**
 * What may be said when a mail was not sent; null for nothing: a limit of mails to one address, or a mail server that fails, is
 * met only by addresses that exist.
 */
export function tellable(error: AuthError): string | null {
  // Only without an answer: Auth's 502 to 504 may be about the mail.
  if (isAuthRetryableFetchError(error) && error.status === 0) return 'Nobody answers. Try again when you are online.';
  return TELLABLE.includes(error.code) ? error.message : null;
}
