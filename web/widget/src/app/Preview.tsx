import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { unreadOf } from '../logic/transcript.js';
import { AgentAvatar, BotAvatar } from './Avatar.js';
import { usePanel, useStore } from './context.js';
import { CloseIcon } from './icons.js';

/** The newest unread message beside the closed launcher. */
export function Preview({ onOpen }: { onOpen: () => void }): JSX.Element | null {
  const { model, say, options } = usePanel();
  const state = useStore(model);
  const [dismissed, dismiss] = useState('');
  if (state.open || state.unread === 0) return null;
  const message = unreadOf(state.visitor.messages, 0).at(-1);
  if (!message || message.id === dismissed) return null;
  const agent =
    message.sender_type === 'agent' ? (state.known.get(message.sender_id ?? '') ?? state.visitor.agent) : null;
  const aiName = options.title || say('aiName');
  const name = message.sender_type === 'ai' ? aiName : (agent?.name ?? say('team'));
  return (
    <div class="sb-preview">
      <button type="button" class="sb-preview-open" onClick={onOpen}>
        {message.sender_type === 'agent' ? <AgentAvatar agent={agent} /> : <BotAvatar />}
        <span class="sb-preview-words">
          <b>{name}</b>
          <span>{message.content}</span>
        </span>
      </button>
      <button type="button" class="sb-icon-button" aria-label={say('emailDismiss')} onClick={() => dismiss(message.id)}>
        <CloseIcon />
      </button>
    </div>
  );
}
