import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import type { Say } from '../i18n/index.js';
import { waitText } from '../logic/wait.js';
import { usePanel } from './context.js';
import type { ChatState } from './model.js';
import { shownPhase } from './view.js';

/** Says to screen readers what the header shows to eyes. Messages are read from the transcript, which is a log. */
export function Announcer({ state }: { state: ChatState }): JSX.Element {
  const { say } = usePanel();
  const text = announcement(state, say);
  const [spoken, speak] = useState('');
  useEffect(() => speak(text), [text]);
  return (
    <p class="sb-hidden" role="status" aria-live="polite">
      {spoken}
    </p>
  );
}

function announcement(state: ChatState, say: Say): string {
  const { agent, queue } = state.visitor;
  switch (shownPhase(state)) {
    case 'handoff_requested':
      return say('connecting');
    case 'waiting_for_agent':
      if (!queue) return say('queueWaiting');
      return `${say('queuePosition', { position: queue.position })}. ${say('waitLabel', { wait: waitText(queue, queue.receivedAt, say) })}`;
    case 'agent_chat':
      return say('agentJoined', { name: agent?.name ?? say('someone') });
    case 'offline_mode':
      return say('offlineHeading');
    case 'resolved':
      return say('resolvedTitle');
    case 'closed':
      return say('closedDetail');
    case 'ai_chat':
      return '';
  }
}
