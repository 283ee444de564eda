import type { VisitorPhase } from '@supportbase/handoff';

import type { ChatState } from './model.js';

/** What is drawn: the phase, and the form where the visitor asked for it. */
export function shownPhase(state: ChatState): VisitorPhase {
  if (formShown(state)) return 'offline_mode';
  return nobodyThere(state) ? 'ai_chat' : state.visitor.phase;
}

/** The visitor asked for a person, nobody is there, and the project takes no messages either: the AI goes on. */
export function nobodyThere(state: ChatState): boolean {
  return state.visitor.phase === 'offline_mode' && !formShown(state);
}

/** The form instead of the chat: nobody is there (F001 5.6.8), or the visitor wants to leave a message. */
export function formShown({ visitor, formWanted, formSentTo }: ChatState): boolean {
  // Once it is sent the conversation waits: what was sent is confirmed until the visitor goes on.
  return (
    formWanted ||
    formSentTo !== null ||
    (visitor.phase === 'offline_mode' && visitor.offline?.show_offline_form !== false)
  );
}

/** The button "Talk to a human" (F001 5.6.4, 5.10.4): somebody can come, and nobody is asked yet. */
export function humanButton({ visitor }: ChatState): 'human' | 'form' | null {
  if (visitor.phase !== 'ai_chat' && visitor.phase !== 'offline_mode') return null;
  const { availability } = visitor;
  if (availability?.available && availability.show_button) return 'human';
  return availability?.show_offline_form ? 'form' : null;
}

/** Nothing was said yet. */
export const isFresh = ({ visitor }: ChatState): boolean =>
  visitor.messages.length === 0 && visitor.phase === 'ai_chat';
