import { acceptInvitation, myInvitations, type Invitation } from '@supportbase/handoff';
import type { Session, SupabaseClient } from '@supabase/supabase-js';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';

import { Frame } from '../app/Frame';
import { useLoad } from '../app/load';
import { paths } from '../app/routes';
import { Button } from '../ui/controls';
import { Banner } from '../ui/feedback';
import { useToasts } from '../ui/toasts';
import { AccountForm } from './AccountForm';
import { brokenLink, isWholeToken, otherTeam, refusalOf, type Refusal } from './refusals';

interface AcceptPageProps {
  supabase: SupabaseClient;
  projectId: string;
  session: Session | null;
}

/** Where the link of an invitation's mail leads: an account, the team, the inbox (F001 6.2.6). */
export function AcceptPage({ supabase, projectId, session }: AcceptPageProps) {
  // Read once: Auth may put its own words into the address when it leads back here.
  const [token] = useState(() => new URLSearchParams(window.location.search).get('token'));
  const [confirming, setConfirming] = useState<string | null>(null);
  /** Set while somebody signs in here: then they want to join, and are not asked again. */
  const [signingIn, setSigningIn] = useState(false);
  if (!isWholeToken(token)) return <Refused refusal={brokenLink} />;
  if (session !== null) {
    return (
      <Join
        key={session.user.id}
        supabase={supabase}
        projectId={projectId}
        token={token}
        email={session.user.email ?? ''}
        atOnce={signingIn}
      />
    );
  }
  if (confirming !== null) return <ConfirmFirst email={confirming} onBack={() => setConfirming(null)} />;
  return (
    <Frame title="You are invited" about="Make an account or sign in to join the team.">
      <AccountForm
        supabase={supabase}
        returnUrl={`${window.location.origin}${window.location.pathname}?token=${token}`}
        onConfirm={setConfirming}
        onSignIn={() => setSigningIn(true)}
      />
    </Frame>
  );
}

interface JoinProps {
  supabase: SupabaseClient;
  projectId: string;
  token: string;
  email: string;
  atOnce: boolean;
}

function Join({ supabase, projectId, token, email, atOnce }: JoinProps) {
  const invitations = useLoad('invitations', () => myInvitations(supabase)).data ?? [];
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState(atOnce);
  const join = useJoin(supabase, projectId, token, setRefusal);
  const begun = useRef(false);
  const start = useCallback(() => {
    setBusy(true);
    setRefusal(null);
    void join().finally(() => setBusy(false));
  }, [join]);
  useEffect(() => {
    if (!atOnce || begun.current) return;
    begun.current = true;
    start();
  }, [atOnce, start]);
  const signOut = () => void supabase.auth.signOut();
  if (refusal !== null) {
    return <Refused refusal={refusal} email={email} onAgain={start} onSignOut={signOut} />;
  }
  return (
    <Frame title="You are invited" about={`Signed in as ${email}`}>
      <Button kind="primary" disabled={busy} onClick={start}>
        {busy ? 'One moment …' : labelOf(invitations)}
      </Button>
      <Button disabled={busy} onClick={signOut}>
        Use another account
      </Button>
    </Frame>
  );
}

/** The token is not told whose it is; where one invitation waits for the address, it is that one. */
function labelOf(invitations: readonly Invitation[]): string {
  const [only] = invitations;
  return only === undefined || invitations.length > 1 ? 'Join the team' : `Join ${only.project_name} as ${only.role}`;
}

function useJoin(supabase: SupabaseClient, projectId: string, token: string, refuse: (refusal: Refusal) => void) {
  const [, navigate] = useLocation();
  const { say } = useToasts();
  return useCallback(async () => {
    try {
      const member = await acceptInvitation(supabase, { token });
      if (member.project_id !== projectId) {
        refuse(otherTeam);
        return;
      }
      say('Welcome to the team');
      navigate(paths.list('all'), { replace: true });
    } catch (error) {
      refuse(refusalOf(error));
    }
  }, [supabase, projectId, token, refuse, navigate, say]);
}

function ConfirmFirst({ email, onBack }: { email: string; onBack: () => void }) {
  return (
    <Frame title="Look into your mail" about={`We have written to ${email}.`}>
      <Banner tone="accent" live>
        Open the link in that mail to confirm the address; it leads back here. Nothing came? There may be an account
        with this address already: then sign in.
      </Banner>
      <Button onClick={onBack}>Back</Button>
    </Frame>
  );
}

interface RefusedProps {
  refusal: Refusal;
  email?: string;
  onAgain?: () => void;
  onSignOut?: () => void;
}

function Refused({ refusal, email, onAgain, onSignOut }: RefusedProps) {
  const [, navigate] = useLocation();
  const { title, text, way } = refusal;
  const about = email === undefined || email === '' ? undefined : `Signed in as ${email}`;
  return (
    <Frame title={title} about={about}>
      <Banner tone={refusal === otherTeam ? 'green' : 'amber'} live>
        {text}
      </Banner>
      {way === 'again' && (
        <Button kind="primary" onClick={onAgain}>
          Try again
        </Button>
      )}
      {way === 'another_account' && (
        <Button kind="primary" onClick={onSignOut}>
          Use another account
        </Button>
      )}
      {(way === 'inbox' || way === 'none') && (
        <Button
          kind={way === 'inbox' ? 'primary' : 'default'}
          onClick={() => navigate(paths.list('all'), { replace: true })}
        >
          Open the inbox
        </Button>
      )}
    </Frame>
  );
}
