import type { SupabaseClient } from '@supabase/supabase-js';

import type { Message } from '../conversation.js';
import { run } from '../core/call.js';

/** One page of the transcript before number `before` (null: the newest), oldest first, and whether there are older ones. */
export async function readPage(
  supabase: SupabaseClient,
  conversationId: string,
  before: number | null,
  size: number,
): Promise<{ messages: Message[]; hasOlder: boolean }> {
  let query = supabase
    .from('messages')
    .select('id,conversation_id,seq,sender_type,sender_id,content,client_message_id,metadata,created_at,attachments')
    .eq('conversation_id', conversationId);
  if (before !== null) query = query.lt('seq', before);
  // One more than is shown tells whether there are older ones.
  const newestFirst = await run<Message[]>(query.order('seq', { ascending: false }).limit(size + 1));
  return { messages: newestFirst.slice(0, size).reverse(), hasOlder: newestFirst.length > size };
}
