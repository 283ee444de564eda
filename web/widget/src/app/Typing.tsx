import type { JSX } from 'preact';
import type { AgentProfile } from '@supportbase/handoff';

import { AgentAvatar, BotAvatar } from './Avatar.js';
import { usePanel } from './context.js';

/** Three dots: an agent types, or without one the AI thinks. */
export function Typing({ agent }: { agent: AgentProfile | null }): JSX.Element {
  const { say } = usePanel();
  const text = agent ? say('typing', { name: agent.name ?? say('someone') }) : say('aiTyping');
  return (
    <div class={`sb-group sb-typing ${agent ? 'sb-from-agent' : 'sb-from-ai'}`}>
      {agent ? <AgentAvatar agent={agent} /> : <BotAvatar />}
      <div class="sb-bubble">
        <span class="sb-hidden">{text}</span>
        <span class="sb-dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
      </div>
    </div>
  );
}
