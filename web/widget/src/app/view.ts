import type { VisitorPhase } from '@supportbase/handoff';

import type { ChatState } from './model.js';

/** What is drawn: the phase, and the form where the visitor asked for it. */
export function shownPhase(state: ChatState): VisitorPhase {
  if (formShown(state)) return 'offline_mode';
  return state.visitor.phase;
}

/** The form instead of the chat: nobody is there (F001 5.6.8), or the visitor wants to leave a message. */
export function formShown({ visitor, formWanted }: ChatState): boolean {
  return formWanted || (visitor.phase === 'offline_mode' && visitor.offline?.show_offline_form !== false);
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
