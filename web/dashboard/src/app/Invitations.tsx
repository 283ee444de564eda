import { acceptInvitation, myInvitations, type Invitation } from '@supportbase/handoff';
import type { SupabaseClient } from '@supabase/supabase-js';

import { Button } from '../ui/controls';
import { Banner } from '../ui/feedback';
import { messageOf, useToasts } from '../ui/toasts';
import styles from './app.module.css';
import { useLoad } from './load';
import { Logo } from './Logo';

interface InvitationsProps {
  supabase: SupabaseClient;
  error: unknown;
  email: string;
  onJoined: () => void;
  onSignOut: () => void;
}

/** Somebody is signed in who cannot open the inbox: perhaps an invitation waits for them. */
export function Invitations({ supabase, error, email, onJoined, onSignOut }: InvitationsProps) {
  const invitations = useLoad('invitations', () => myInvitations(supabase)).data ?? [];
  const toasts = useToasts();
  const accept = async (invitation: Invitation) => {
    const join = () => acceptInvitation(supabase, { invitationId: invitation.invitation_id });
    if (await toasts.attempt(join, `Welcome to ${invitation.project_name}`)) onJoined();
  };
  return (
    <main className={styles.center}>
      <div className={styles.signIn}>
        <div className={styles.signInHead}>
          <Logo size={40} />
          <h1>{invitations.length > 0 ? 'You are invited' : 'No inbox for you yet'}</h1>
          <p>Signed in as {email}</p>
        </div>
        {invitations.length === 0 && <Banner tone="amber">{messageOf(error)}</Banner>}
        {invitations.map((invitation) => (
          <Button key={invitation.invitation_id} kind="primary" onClick={() => void accept(invitation)}>
            Join {invitation.project_name} as {invitation.role}
          </Button>
        ))}
        <Button onClick={onSignOut}>Sign out</Button>
      </div>
    </main>
  );
}
