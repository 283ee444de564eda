// The page of the presence tests: the SDK over supabase-js as any site has it, and every step of every beat in `window.beats`.

import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { createPresence, createVisitorClient, type PresenceLogEntry } from '@supportbase/handoff';

declare global {
  interface Window {
    beats: PresenceLogEntry[];
    connectionId: () => string;
    startAgent: (settings: Settings & { email: string; password: string }) => Promise<void>;
    startVisitor: (settings: Settings) => Promise<string>;
  }
}

interface Settings {
  url: string;
  key: string;
  projectId: string;
}

window.beats = [];
const log = (entry: PresenceLogEntry) => window.beats.push(entry);

function connect(url: string, key: string): SupabaseClient {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- without a schema's types both are the same client
  return createClient(url, key);
}

window.startAgent = async ({ url, key, projectId, email, password }) => {
  const supabase = connect(url, key);
  const { data } = await supabase.auth.getSession();
  if (data.session === null) await supabase.auth.signInWithPassword({ email, password });
  const presence = createPresence({ supabase, projectId, role: 'agent', log });
  window.connectionId = () => presence.getSnapshot().connectionId;
  await presence.start();
};

window.startVisitor = async ({ url, key, projectId }) => {
  const supabase = connect(url, key);
  const client = createVisitorClient({ supabase, projectId, log });
  window.connectionId = () => client.presence.getSnapshot().connectionId;
  await client.start();
  return (await client.open()).id;
};
