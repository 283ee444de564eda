import type { Conversation, Note, TranscriptMessage } from '@supportbase/handoff';

import { isSameDay } from '../format';

/** What stands below each other in a transcript. */
export type TimelineItem =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'handoff'; key: string; at: string }
  | { kind: 'note'; key: string; at: string; note: Note }
  | { kind: 'system'; key: string; at: string; message: TranscriptMessage }
  /** `first`, `last`: of a run by one sender; `ai`: it belongs to the part before a person came. */
  | {
      kind: 'message';
      key: string;
      at: string;
      message: TranscriptMessage;
      first: boolean;
      last: boolean;
      ai: boolean;
    };

/** Messages, notes, days and the moment of the handoff, in the order of time. */
export function timeline(
  messages: readonly TranscriptMessage[],
  notes: readonly Note[],
  conversation: Pick<Conversation, 'handoff_triggered_at' | 'created_at'> | null,
): TimelineItem[] {
  const handoffAt = conversation?.handoff_triggered_at ?? null;
  const items = withHandoff(merge(messages, notes, handoffAt), handoffAt);
  return markRuns(withDays(items));
}

function merge(
  messages: readonly TranscriptMessage[],
  notes: readonly Note[],
  handoffAt: string | null,
): TimelineItem[] {
  const said = messages.map((message): TimelineItem => {
    const common = { key: message.client_message_id ?? message.id, at: message.created_at, message };
    if (message.sender_type === 'system') return { kind: 'system', ...common };
    const ai = message.sender_type !== 'agent' && (handoffAt === null || message.created_at <= handoffAt);
    return { kind: 'message', ...common, first: true, last: true, ai };
  });
  // Messages keep the order of the server; a note goes before the first message that is younger.
  const queue = [...notes].sort((a, b) => a.created_at.localeCompare(b.created_at));
  const merged: TimelineItem[] = [];
  for (const item of said) {
    for (let note = queue[0]; note !== undefined && note.created_at < item.at; note = queue[0]) {
      merged.push(noteItem(note));
      queue.shift();
    }
    merged.push(item);
  }
  return [...merged, ...queue.map(noteItem)];
}

function noteItem(note: Note): TimelineItem {
  return { kind: 'note', key: `note-${note.id}`, at: note.created_at, note };
}

/** The line stands behind the message that caused the handoff. */
function withHandoff(items: TimelineItem[], at: string | null): TimelineItem[] {
  if (at === null || items.length === 0) return items;
  const place = items.findIndex((item) => Date.parse(item.at) > Date.parse(at));
  const handoff: TimelineItem = { kind: 'handoff', key: 'handoff', at };
  return place < 0 ? [...items, handoff] : items.toSpliced(place, 0, handoff);
}

function withDays(items: TimelineItem[]): TimelineItem[] {
  return items.flatMap((item, place): TimelineItem[] => {
    const before = items[place - 1];
    if (before !== undefined && isSameDay(before.at, item.at)) return [item];
    return [{ kind: 'day', key: `day-${item.at}`, at: item.at }, item];
  });
}

const RUN_MS = 5 * 60_000;

function markRuns(items: TimelineItem[]): TimelineItem[] {
  return items.map((item, place) => {
    if (item.kind !== 'message') return item;
    return { ...item, first: !continues(items[place - 1], item), last: !continues(item, items[place + 1]) };
  });
}

function continues(a: TimelineItem | undefined, b: TimelineItem | undefined): boolean {
  return (
    a?.kind === 'message' &&
    b?.kind === 'message' &&
    a.message.sender_type === b.message.sender_type &&
    a.message.sender_id === b.message.sender_id &&
    Date.parse(b.at) - Date.parse(a.at) < RUN_MS
  );
}
