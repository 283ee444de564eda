import { HandoffError, createAgentClient, createOffers, createPlaybook, type AgentClient } from '@supportbase/handoff';
import type { SupabaseClient } from '@supabase/supabase-js';
import { useEffect, useMemo, useState } from 'react';

import { ClientContext, OffersContext, PlaybookContext } from './context';
import { Invitations } from './Invitations';
import { Shell } from './Shell';

interface WorkspaceProps {
  supabase: SupabaseClient;
  projectId: string;
  email: string;
}

/** Everything behind the sign-in: one client, started and stopped with the page. */
export function Workspace({ supabase, projectId, email }: WorkspaceProps) {
  const [client, setClient] = useState<AgentClient | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let stopped = false;
    const made = createAgentClient({ supabase, projectId });
    startAsMember(made).then(
      () => stopped || setClient(made),
      (reason: unknown) => stopped || setError(reason),
    );
    return () => {
      stopped = true;
      setClient(null);
      void made.stop();
    };
  }, [supabase, projectId, turn]);
  const playbook = useMemo(() => createPlaybook({ supabase, projectId }), [supabase, projectId]);
  const offers = useMemo(() => createOffers({ supabase, projectId }), [supabase, projectId]);
  const signOut = () => {
    void (async () => {
      await client?.stop();
      await supabase.auth.signOut();
    })();
  };
  const joined = () => {
    setError(null);
    setTurn((now) => now + 1);
  };
  if (error !== null) {
    return <Invitations supabase={supabase} error={error} email={email} onJoined={joined} onSignOut={signOut} />;
  }
  if (client === null) return null;
  return (
    <ClientContext value={client}>
      <PlaybookContext value={playbook}>
        <OffersContext value={offers}>
          <Shell onSignOut={signOut} />
        </OffersContext>
      </PlaybookContext>
    </ClientContext>
  );
}

/** A client starts for anybody who is signed in; whether they belong to the project is what the first list says. */
async function startAsMember(client: AgentClient): Promise<void> {
  const mine = client.inbox('mine');
  const unsubscribe = mine.subscribe(() => undefined);
  await client.start();
  const { error } = mine.getSnapshot();
  unsubscribe();
  if (error?.code !== 'not_a_member') return;
  await client.stop();
  throw new HandoffError(error.message, { code: error.code });
}
