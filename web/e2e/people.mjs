// Visitors and agents with an unmodified supabase-js each, as pages have them.

import { createClient } from '@supabase/supabase-js';
import { createAgentClient, createVisitorClient } from '@supportbase/handoff';
import WebSocket from 'ws';

export const PROJECT = '00000000-0000-4000-8000-000000000001';
export const PASSWORD = 'handoff-demo';
export const PUBLISHABLE_KEY = process.env.HANDOFF_PUBLISHABLE_KEY ?? 'sb_publishable_local_development_only';
const SECRET_KEY = process.env.HANDOFF_SECRET_KEY ?? 'sb_secret_local_development_only';

/** Where the server is that the runner started. */
export function serverUrl() {
  const url = process.env.HANDOFF_URL;
  if (!url) throw new Error('HANDOFF_URL is not set: run `make e2e`');
  return url;
}

/** Beats, typing and such are cut short by their clients' end; nothing here outlives its test. */
const everyone = [];

export function connect(key = PUBLISHABLE_KEY, options = {}) {
  const client = createClient(serverUrl(), key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: WebSocket },
    ...options,
  });
  everyone.push(client);
  return client;
}

export const admin = () => connect(SECRET_KEY);

/** Ends what other files have left: one server serves them all, one after another. */
export async function emptyDesk() {
  const open = ['ai_active', 'waiting', 'agent_active', 'resolved'];
  const { error } = await admin().from('conversations').update({ status: 'closed' }).in('status', open);
  if (error) throw new Error(`close the conversations: ${error.message}`);
}

/** A storage as a browser's, of one visitor. */
export function memoryStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

/** A visitor whose session and ids live in `storage`: the same storage again is the same browser. */
export function visitor(storage = memoryStorage(), options = {}) {
  const supabase = connect(PUBLISHABLE_KEY, {
    auth: { storage, persistSession: true, autoRefreshToken: false, detectSessionInUrl: false },
  });
  const client = createVisitorClient({ supabase, projectId: PROJECT, storage, ...options });
  everyone.push({ end: () => client.stop() });
  return { client, supabase, storage };
}

/** A supabase-js in which a member of the team is signed in. */
export async function member(email = 'sarah@example.com') {
  const supabase = connect();
  const { error } = await supabase.auth.signInWithPassword({ email, password: PASSWORD });
  if (error) throw error;
  return supabase;
}

export async function agent(email = 'sarah@example.com', options = {}) {
  const supabase = await member(email);
  const client = createAgentClient({ supabase, projectId: PROJECT, ...options });
  everyone.push({ end: () => client.stop() });
  return { client, supabase };
}

/** Ends everybody; call it after each file's tests. */
export async function everybodyLeaves() {
  for (const one of everyone.splice(0).reverse()) {
    if (one.end) await one.end().catch(() => {});
    else await one.removeAllChannels().then(() => one.realtime.disconnect());
  }
}

/** Waits until the store's snapshot is as wanted and returns it. Fails with what it is instead. */
export function until(store, wanted, what, deadlineMs = 15_000) {
  return new Promise((resolve, reject) => {
    let unsubscribe = () => {};
    const look = () => {
      const snapshot = store.getSnapshot();
      if (!wanted(snapshot)) return;
      clearTimeout(timer);
      unsubscribe();
      resolve(snapshot);
    };
    const timer = setTimeout(() => {
      unsubscribe();
      const now = JSON.stringify(store.getSnapshot(), null, 1).slice(0, 3000);
      reject(new Error(`not within ${deadlineMs / 1000} s: ${what}; it is ${now}`));
    }, deadlineMs);
    unsubscribe = store.subscribe(look);
    look();
  });
}
