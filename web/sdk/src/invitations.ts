/** Joining a team by invitation (F001 6.2.6), for people who are members of nothing yet. */
import type { SupabaseClient } from '@supabase/supabase-js';

import { rpc } from './core/call.js';
import type { Invitation, Member } from './team.js';

/** The invitations that the signed-in person can accept. Rejects with a HandoffError. */
export function myInvitations(supabase: SupabaseClient): Promise<Invitation[]> {
  return rpc<Invitation[]>(supabase, 'my_invitations');
}

/** Joins the team, by the token of the mail or the id of an invitation. Rejects with a HandoffError. */
export function acceptInvitation(
  supabase: SupabaseClient,
  by: { token: string } | { invitationId: string },
): Promise<Member> {
  const token = 'token' in by ? by.token : null;
  const invitationId = 'invitationId' in by ? by.invitationId : null;
  return rpc<Member>(supabase, 'accept_invitation', { p_token: token, p_invitation_id: invitationId });
}
