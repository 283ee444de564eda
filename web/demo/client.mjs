// Thin helpers around the unmodified @supabase/supabase-js: what any page would do, with errors that say what failed.

import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';

/** A client for one person; every person has a client, and so a session and a socket, of their own. */
export function connect(settings, key) {
  return createClient(settings.url, key, {
    // Sessions last for the demo and are kept in memory: nothing is left behind on disk.
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // Node 20 has no WebSocket of its own; a browser needs no such line.
    realtime: { transport: WebSocket },
  });
}

/** Unwraps supabase-js's { data, error }: the data, or an Error that begins with what was being done. */
export function must(what, { data, error }) {
  if (!error) return data;
  const details = [error.code, reason(error.details), error.hint].filter(Boolean).join('; ');
  throw new Error(`${what}: ${error.message}${details ? ` (${details})` : ''}`);
}

/** One line of what supabase-js gives as details: for a failed connection that is a stack trace with a cause in it. */
function reason(details) {
  const [, cause] = /^Caused by: (.*)$/m.exec(details ?? '') ?? [];
  return cause ?? details?.split('\n', 1)[0];
}

/** Calls a database function and returns its result. */
export async function call(client, name, args) {
  return must(name, await client.rpc(name, args));
}

/**
 * Joins a private topic and fills the inbox with its broadcasts. Resolves once joined. Later joins, after a lost
 * connection, are supabase-js's own; each one makes the inbox fetch what it missed.
 */
export async function subscribe(client, topic, inbox, deadlineMs) {
  // Without this the first join may leave before the session's token is known, and a private topic refuses it.
  await client.realtime.setAuth();
  const channel = client
    .channel(topic, { config: { private: true } })
    .on('broadcast', { event: '*' }, ({ event, payload }) => inbox.receive(event, payload));
  await new Promise((resolve, reject) => {
    let last = 'no answer';
    const timer = setTimeout(() => reject(new Error(`join ${topic}: ${last}`)), deadlineMs);
    channel.subscribe((status, error) => {
      last = error ? `${status}: ${error.message}` : status;
      if (status !== 'SUBSCRIBED') return; // supabase-js joins again by itself
      clearTimeout(timer);
      inbox.heal();
      resolve();
    });
  });
}

/** Ends the client's socket. Never fails: it is the last thing done with a client. */
export async function leave(client) {
  await client.removeAllChannels().catch(() => {});
  await client.realtime.disconnect();
}
