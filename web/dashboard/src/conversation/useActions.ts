import type { ClaimResult, Conversation } from '@supportbase/handoff';

import { useClient, useIsAdmin } from '../app/context';
import { useToasts } from '../ui/toasts';

export interface Actions {
  /** What the main button does; null when there is nothing to do. */
  main: 'claim' | 'take_over' | 'resolve' | null;
  isMine: boolean;
  /** Its agent, or an admin: may transfer, resolve, close. */
  mayHandle: boolean;
  take: (() => void) | null;
  resolve: (() => void) | null;
  close: (() => void) | null;
  markSpam: (() => void) | null;
  transfer: (toAgentId: string | null) => Promise<boolean>;
}

const done: Record<'claim' | 'take_over', string> = {
  claim: 'Claimed: it is yours',
  take_over: 'Taken over from the AI',
};

/** What the signed-in agent may do with the conversation now. The database decides again. */
export function useActions(conversation: Conversation): Actions {
  const client = useClient();
  const toasts = useToasts();
  const isAdmin = useIsAdmin();
  const { id, status } = conversation;
  const isMine = conversation.assigned_agent_id === client.userId;
  const mayHandle = isMine || isAdmin;
  const ended = status === 'closed';
  const taking = status === 'waiting' ? 'claim' : status === 'ai_active' ? 'take_over' : null;
  const resolvable = status === 'agent_active' && mayHandle;
  const attempt = (work: () => Promise<unknown>, words?: string) => toasts.attempt(work, words);
  return {
    main: taking ?? (resolvable ? 'resolve' : null),
    isMine,
    mayHandle,
    take:
      taking === null
        ? null
        : () =>
            void attempt(
              async () => assertTaken(await (taking === 'claim' ? client.claim(id) : client.takeOver(id))),
              done[taking],
            ),
    resolve: resolvable
      ? () => void attempt(() => client.resolve(id), 'Resolved. The customer is asked for a rating.')
      : null,
    close: ended || !mayHandle ? null : () => void attempt(() => client.close(id), 'Closed'),
    markSpam: ended || !mayHandle ? null : () => void attempt(() => client.markSpam(id), 'Marked as spam and closed'),
    transfer: (toAgentId) =>
      attempt(() => client.transfer(id, toAgentId), toAgentId === null ? 'Back in the queue' : 'Transferred'),
  };
}

const refusals: Partial<Record<string, string>> = {
  ALREADY_CLAIMED: 'Already claimed by another agent',
  NOT_ONLINE: 'Go online first: the status is at the top right',
  NO_CAPACITY: 'You have reached your limit of chats',
};

/** Being too late is an answer of the API, and a reason to tell here. */
function assertTaken(result: ClaimResult): void {
  if (!result.success) throw new Error(refusals[result.error] ?? result.message);
}
