/** Where `assignment_mode` is `offer`: the agent is asked before a conversation is given away. */
import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc } from './core/call.js';
import type { ClaimResult } from './agent/types.js';
import type { HandoffReason } from './conversation.js';

/** An open offer to the signed-in agent: `my_offers`. */
export interface Offer {
  conversation_id: string;
  customer_name: string | null;
  preview: string | null;
  handoff_reason: HandoffReason | null;
  priority: number;
  waiting_time_seconds: number;
  offered_at: string;
  expires_at: string;
  /** When it was read: for a page whose clock is wrong. */
  expires_in_seconds: number;
}

/** Being too late is an answer, no error. */
export type OfferResult = ClaimResult | { success: false; error: 'NO_OFFER'; message: string };
export type DeclineResult = { success: true } | { success: false; error: 'NO_OFFER'; message: string };

/** Every promise rejects with a HandoffError. `conversation_offered` and `offer_ended` say when to read again. */
export interface Offers {
  open(): Promise<Offer[]>;
  accept(conversationId: string): Promise<OfferResult>;
  decline(conversationId: string, reason?: string): Promise<DeclineResult>;
}

export interface OffersOptions {
  /** A supabase-js client in which a member of the project is signed in. */
  supabase: SupabaseClient;
  projectId: string;
}

export function createOffers({ supabase, projectId }: OffersOptions): Offers {
  return {
    open: async () => (await rpc<{ offers: Offer[] }>(supabase, 'my_offers', { p_project_id: projectId })).offers,
    accept: (id) => rpc<OfferResult>(supabase, 'accept_offer', { p_conversation_id: id }),
    decline: (id, reason) =>
      rpc<DeclineResult>(supabase, 'decline_offer', { p_conversation_id: id, p_reason: reason ?? null }),
  };
}
