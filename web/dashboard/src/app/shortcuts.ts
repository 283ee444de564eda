import { useEffect, useRef } from 'react';

export interface Shortcut {
  keys: readonly string[];
  label: string;
  group: 'Go to' | 'Conversation' | 'Composer' | 'General';
}

/** Every shortcut there is: the help overlay shows this table, useShortcut takes its ids. */
export const shortcuts = {
  next: { keys: ['j'], label: 'Next conversation', group: 'Go to' },
  previous: { keys: ['k'], label: 'Previous conversation', group: 'Go to' },
  all: { keys: ['1'], label: 'All conversations', group: 'Go to' },
  mine: { keys: ['2'], label: 'My chats', group: 'Go to' },
  queue: { keys: ['3'], label: 'Queue', group: 'Go to' },
  closed: { keys: ['4'], label: 'Closed', group: 'Go to' },
  accept: { keys: ['a'], label: 'Accept the offer', group: 'Conversation' },
  decline: { keys: ['x'], label: 'Decline the offer', group: 'Conversation' },
  take: { keys: ['c'], label: 'Claim or take over', group: 'Conversation' },
  reply: { keys: ['r'], label: 'Write a reply', group: 'Conversation' },
  note: { keys: ['n'], label: 'Write an internal note', group: 'Conversation' },
  resolve: { keys: ['e'], label: 'Resolve', group: 'Conversation' },
  transfer: { keys: ['t'], label: 'Transfer', group: 'Conversation' },
  tags: { keys: ['l'], label: 'Edit tags', group: 'Conversation' },
  why: { keys: ['w'], label: 'Why this agent?', group: 'Conversation' },
  panel: { keys: ['i'], label: 'Show or hide the context panel', group: 'Conversation' },
  help: { keys: ['?'], label: 'This overview', group: 'General' },
} as const satisfies Record<string, Shortcut>;

export type ShortcutId = keyof typeof shortcuts;

/** Keys that only the composer has; they are listed with the others. */
export const composerKeys: readonly Shortcut[] = [
  { keys: ['Enter'], label: 'Send', group: 'Composer' },
  { keys: ['Shift', 'Enter'], label: 'New line', group: 'Composer' },
  { keys: ['/'], label: 'Canned responses', group: 'Composer' },
  { keys: ['Esc'], label: 'Leave the composer', group: 'Composer' },
];

/** Runs the action on the shortcut's key, unless somebody writes or a dialog is open. Null: the key does nothing. */
export function useShortcut(id: ShortcutId, action: (() => void) | null): void {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    const key: string = shortcuts[id].keys[0];
    const listen = (event: KeyboardEvent) => {
      if (event.key !== key || latest.current === null || belongsElsewhere(event)) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [id]);
}

function belongsElsewhere(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target as HTMLElement | null;
  if (document.querySelector('dialog[open]') !== null) return true;
  return target !== null && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/u.test(target.tagName));
}
