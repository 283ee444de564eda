import type { AgentClient, Offers, Playbook, TeamAgent } from '@supportbase/handoff';
import { createContext, useContext } from 'react';

import { useStore } from './store';

export const ClientContext = createContext<AgentClient | null>(null);

/** The signed-in member's client; it is started. */
export function useClient(): AgentClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error('useClient outside of the workspace');
  return client;
}

export const PlaybookContext = createContext<Playbook | null>(null);

/** The project's canned responses and quick actions. */
export function usePlaybook(): Playbook {
  const playbook = useContext(PlaybookContext);
  if (playbook === null) throw new Error('usePlaybook outside of the workspace');
  return playbook;
}

export const OffersContext = createContext<Offers | null>(null);

/** The conversations that the signed-in agent is asked to take. */
export function useOffersClient(): Offers {
  const offers = useContext(OffersContext);
  if (offers === null) throw new Error('useOffersClient outside of the workspace');
  return offers;
}

export function useMe(): TeamAgent | null {
  return useStore(useClient().me).data;
}

export function useIsAdmin(): boolean {
  const role = useMe()?.role;
  return role === 'owner' || role === 'admin';
}

/** Finds a member's name by id; notes and assignments have ids only. */
export function useNameOf(): (userId: string | null) => string {
  const client = useClient();
  const team = useStore(client.team).data;
  return (userId) => {
    if (userId === null) return 'Somebody who left';
    if (userId === client.userId) return 'You';
    const agent = team?.find((one) => one.user_id === userId);
    return agent?.name ?? agent?.email ?? 'Somebody who left';
  };
}
