import type { ConversationStatus } from '../conversation.js';
import type { VisitorPhase } from './types.js';

/** What the widget shows (F001 5.6.2). */
export function phaseOf(
  status: ConversationStatus | null,
  { requesting, offline }: { requesting: boolean; offline: boolean },
): VisitorPhase {
  switch (status) {
    case 'agent_active':
      return 'agent_chat';
    case 'waiting':
      return requesting ? 'handoff_requested' : 'waiting_for_agent';
    case 'resolved':
    case 'closed':
      return requesting ? 'handoff_requested' : status;
    case 'ai_active':
    case null:
      if (requesting) return 'handoff_requested';
      return offline ? 'offline_mode' : 'ai_chat';
  }
}
