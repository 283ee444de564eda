import type { Conversation, CustomerPresence } from '@supportbase/handoff';

import { ago, clock } from '../format';
import type { Tone } from '../ui/avatar';

export function presenceTone(presence: CustomerPresence): Tone {
  switch (presence) {
    case 'online':
    case 'typing':
      return 'green';
    case 'idle':
    case 'background':
      return 'amber';
    case 'offline':
      return 'grey';
  }
}

/** What the header says of the customer (F001 5.12.9). */
export function presenceText(conversation: Conversation, typing: boolean, now: number): string {
  if (conversation.cleared_at !== null) return 'Chat cleared';
  if (typing) return 'Typing …';
  const last = conversation.customer_last_seen_at;
  const since = last === null ? '' : ago(last, now);
  switch (conversation.customer_presence) {
    case 'typing':
      return 'Typing …';
    case 'online':
      return 'Online · Active now';
    case 'idle':
      return since === '' ? 'Idle' : `Idle · Last active ${since}`;
    case 'background':
      return 'On another tab';
    case 'offline':
      if (since === '') return 'Not seen yet';
      return `${conversation.customer_left_reason === 'switched_pages' ? 'On another page' : 'Left'} · ${since}`;
  }
}

export interface Alert {
  tone: 'amber' | 'red';
  text: string;
}

const OPEN: readonly string[] = ['waiting', 'agent_active', 'resolved'];

/**
 * Says when a reply may not be read any more: the chat was cleared, the visitor went to other pages, left, or is about to be
 * closed for silence.
 */
export function presenceAlert(conversation: Conversation, closeMinutes: number | null, now: number): Alert | null {
  if (conversation.cleared_at !== null) {
    return {
      tone: 'red',
      text: 'The customer cleared this chat. It is no longer shown to them; a new message begins a new one.',
    };
  }
  if (!OPEN.includes(conversation.status)) return null;
  const closes = closing(conversation, closeMinutes, now);
  const seen = conversation.customer_last_seen_at !== null;
  if (conversation.customer_presence !== 'offline' || !seen) {
    const silent = 'The customer is silent and was asked whether they are still there.';
    return closes === null ? null : { tone: 'amber', text: silent + closes };
  }
  return { tone: 'amber', text: whereTheyAre(conversation.customer_left_reason) + (closes ?? '') };
}

function whereTheyAre(reason: string | null): string {
  switch (reason) {
    case 'switched_pages':
      return 'The customer went to another page where this chat is not open. Live replies may not appear there.';
    case 'pagehide': // a closed tab and another website look alike
      return 'The customer closed the page, or went to one without this chat, and may not see your reply.';
    default:
      return 'The customer appears to have left and may not see your reply.';
  }
}

function closing(
  { status, auto_close_warning_sent_at: warned }: Conversation,
  minutes: number | null,
  now: number,
): string | null {
  if (status !== 'agent_active' || warned === null || minutes === null) return null;
  const left = Date.parse(warned) + minutes * 60_000 - now;
  return left > 0 ? ` The chat closes by itself in ${clock(left)}.` : ' The chat closes by itself any moment.';
}
