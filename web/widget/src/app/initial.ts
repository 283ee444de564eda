import type { VisitorState } from '@supportbase/handoff';

/** What is shown until the client is loaded: an empty chat with the AI. */
export const INITIAL: VisitorState = {
  phase: 'ai_chat',
  conversation: null,
  messages: [],
  hasOlder: false,
  loadingOlder: false,
  agent: null,
  agentTyping: false,
  queue: null,
  availability: null,
  offline: null,
  notice: null,
  canRate: false,
  connection: { state: 'idle', attempt: 0, retryAt: null },
};
