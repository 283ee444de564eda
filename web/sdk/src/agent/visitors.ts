import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc } from '../core/call.js';
import type { LiveVisitor } from './types.js';

/** A line of `customers_online`. */
interface CustomerOnline {
  user_id: string;
  visitor_id: string | null;
  customer_id: string | null;
  name: string | null;
  email: string | null;
  status: string;
  page: string | null;
  conversation_id: string | null;
  connections: number;
  entered_at: string;
  last_seen_at: string | null;
}

export async function readVisitors(supabase: SupabaseClient, projectId: string): Promise<LiveVisitor[]> {
  const online = await rpc<CustomerOnline[]>(supabase, 'customers_online', { p_project_id: projectId });
  return online.map(({ page, entered_at, user_id, ...visitor }) => ({
    ...visitor,
    visitor_id: visitor.visitor_id ?? user_id,
    url: page,
    title: null,
    since: entered_at,
  }));
}
