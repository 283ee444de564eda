import type { Conversation, HandoffReason } from '@supportbase/handoff';

import { percent } from '../format';

/** Why the AI gave the conversation to people, as one line. */
export function handoffWords(
  of: Pick<Conversation, 'handoff_reason' | 'trigger_keyword' | 'ai_confidence_at_handoff'>,
): string {
  if (of.handoff_reason === null) return 'Taken over by an agent';
  if (of.handoff_reason === 'keyword') return `Keyword: “${of.trigger_keyword ?? ''}”`;
  if (of.handoff_reason === 'low_confidence' && of.ai_confidence_at_handoff !== null) {
    return `Low confidence: ${percent(of.ai_confidence_at_handoff)}`;
  }
  return reasonNames[of.handoff_reason];
}

export const reasonNames: Record<HandoffReason, string> = {
  low_confidence: 'Low confidence',
  keyword: 'Keyword',
  customer_request: 'Asked for a person',
  button_click: 'Pressed “Talk to a human”',
};
