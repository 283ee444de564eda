/** The heavy part, loaded beside the panel: supabase-js and the SDK. */
import { createVisitorClient } from '@supportbase/handoff';
import type { VisitorClient } from '@supportbase/handoff';
import type { SupabaseClient } from '@supabase/supabase-js';
import { createClient } from '@supabase/supabase-js';

import type { Options } from '../options.js';
import { authKey } from '../storage.js';
import type { SafeStorage } from '../storage.js';

/** A client of the widget's own: the page's sign-in, if it has one, has another storage key and is not touched. */
export async function createVisitor(options: Options, storage: SafeStorage): Promise<VisitorClient> {
  const supabase = createClient(options.url, options.key, {
    auth: { storage, storageKey: authKey(options.project), persistSession: true, detectSessionInUrl: false },
  });
  if (options.track === 'always') await ensureSession(supabase);
  const client = createVisitorClient({
    supabase,
    projectId: options.project,
    trackVisits: options.track !== 'off',
    // Everybody on the site has a client then: those who never open the chat take no socket.
    followAvailability: options.track !== 'always',
  });
  await client.start().catch(() => undefined); // no network: the connection bar says so, and the client catches up
  return client;
}

/** The team sees the pages of those who have a session: with `data-track="always"` everybody gets one. */
async function ensureSession(supabase: SupabaseClient): Promise<void> {
  const { data } = await supabase.auth.getSession();
  if (data.session === null) await supabase.auth.signInAnonymously();
}
