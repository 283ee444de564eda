import type { InboxLine } from '@supportbase/handoff';

import { read, write } from './memory';
import { createCell, type Cell } from './store';

/** Until which message a conversation was seen here: conversation id to the time of that message. */
export type Seen = Readonly<Record<string, string>>;

const KEY = 'handoff-dashboard-seen';
const MOST = 500;

function load(): Seen {
  try {
    const value: unknown = JSON.parse(read(KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Seen) : {};
  } catch {
    return {};
  }
}

export const seen: Cell<Seen> = createCell(load());

export function markSeen(conversationId: string, lastMessageAt: string): void {
  const all = seen.getSnapshot();
  const before = all[conversationId];
  if (before !== undefined && before >= lastMessageAt) return;
  const entries = Object.entries({ ...all, [conversationId]: lastMessageAt });
  entries.sort(([, a], [, b]) => (a < b ? 1 : -1));
  const kept = Object.fromEntries(entries.slice(0, MOST));
  seen.set(kept);
  write(KEY, JSON.stringify(kept));
}

/** Only the own chats can be unread: what others answer is their business. */
export function isUnread(line: InboxLine, userId: string, all: Seen): boolean {
  return (
    line.status === 'agent_active' && line.assigned_agent_id === userId && (all[line.id] ?? '') < line.last_message_at
  );
}
