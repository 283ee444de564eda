/** Calls through supabase-js, with every failure as a {@link HandoffError}. */
import type { PostgrestError, SupabaseClient } from '@supabase/supabase-js';

import { HandoffError } from './errors.js';

/** How long an answer may take. Long enough for a waking phone, short enough for a repeat to help. */
export const CALL_TIMEOUT_MS = 15_000;

/** What supabase-js resolves with; it does not reject for refusals. */
export interface Answer<T> {
  data: T | null;
  error: Pick<PostgrestError, 'message' | 'code' | 'details' | 'hint'> | null;
  status: number;
}

interface Query<T> extends PromiseLike<Answer<T>> {
  abortSignal(signal: AbortSignal): PromiseLike<Answer<T>>;
}

/** Calls a database function. */
export async function rpc<T>(
  supabase: SupabaseClient,
  name: string,
  args: Record<string, unknown> = {},
  timeoutMs: number = CALL_TIMEOUT_MS,
): Promise<T> {
  return run<T>(supabase.rpc(name, args), timeoutMs);
}

/** Runs a query on a table. `rows` may be any of supabase-js's builders that can be aborted. */
export async function run<T>(query: unknown, timeoutMs: number = CALL_TIMEOUT_MS): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    return unwrap(await (query as Query<T>).abortSignal(abort.signal), abort.signal);
  } catch (error) {
    throw error instanceof HandoffError ? error : noAnswer(error, abort.signal);
  } finally {
    clearTimeout(timer);
  }
}

function unwrap<T>(answer: Answer<T>, signal: AbortSignal): T {
  if (answer.error === null) return answer.data as T;
  if (answer.status === 0) throw noAnswer(answer.error, signal);
  throw refusal(answer.error, answer.status);
}

function noAnswer(cause: unknown, signal: AbortSignal): HandoffError {
  return signal.aborted
    ? new HandoffError('The server did not answer in time', { code: 'timeout', cause })
    : new HandoffError('The server cannot be reached', { code: 'network', cause });
}

/** The database's refusals carry their stable code in `details` (docs/errors.md); the others get one of ours. */
export function refusal(error: NonNullable<Answer<never>['error']>, status: number): HandoffError {
  const hint = error.hint || undefined;
  const fields = { status, hint, cause: error };
  if (status === 429) {
    return new HandoffError(error.message, { ...fields, code: 'rate_limited', retryAfter: secondsIn(hint) });
  }
  const code = error.code.startsWith('PT') && error.details ? error.details : codeOf(error.code, status);
  return new HandoffError(error.message, { ...fields, code });
}

function codeOf(sqlstate: string, status: number): string {
  if (status === 401 || sqlstate.startsWith('PGRST3')) return 'unauthorized';
  if (sqlstate === '42501' || status === 403) return 'forbidden';
  if (sqlstate === 'PGRST202' || sqlstate === 'PGRST205') return 'not_installed';
  if (sqlstate.startsWith('22') || sqlstate.startsWith('23')) return 'invalid';
  return status >= 500 ? 'server' : 'unknown';
}

/** supabase-js hides the header `Retry-After`; the hint says the same in words. */
function secondsIn(hint: string | undefined): number {
  const [seconds] = /\d+/.exec(hint ?? '') ?? [];
  return seconds === undefined ? 1 : Number(seconds);
}

/** Any failure as a HandoffError: for what auth and the browser throw. */
export function asHandoffError(error: unknown): HandoffError {
  if (error instanceof HandoffError) return error;
  const { message, status, code } = (error ?? {}) as { message?: unknown; status?: unknown; code?: unknown };
  const text = typeof message === 'string' ? message : 'Unknown error';
  if (typeof status === 'number' && status > 0) {
    const known = typeof code === 'string' ? code : codeOf('', status);
    const retryAfter = status === 429 ? 5 : undefined;
    return new HandoffError(text, { code: status === 429 ? 'rate_limited' : known, status, retryAfter, cause: error });
  }
  return new HandoffError(text, { code: isNetworkFailure(error) ? 'network' : 'unknown', cause: error });
}

function isNetworkFailure(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return name === 'AuthRetryableFetchError' || error instanceof TypeError;
}
