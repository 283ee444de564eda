import type { JSX, RefObject, TargetedEvent } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

import { usePanel } from './context.js';
import { SendIcon } from './icons.js';
import type { ChatState } from './model.js';

/** The database takes no more. */
const LONGEST = 10_000;
const HIGHEST_PX = 132;

/** Where the visitor writes: Enter sends, Shift+Enter is a new line, and not while an input method composes. */
export function Composer({
  state,
  input,
}: {
  state: ChatState;
  input: RefObject<HTMLTextAreaElement | null>;
}): JSX.Element {
  const { say, model } = usePanel();
  const [draft, setDraft] = useState('');
  const over = Array.from(draft).length - LONGEST; // the database counts code points
  const empty = draft.trim() === '';
  useLayoutEffect(() => grow(input.current), [draft]);
  const send = (): void => {
    if (empty || over > 0) return;
    void model.send(draft.trim());
    setDraft('');
    input.current?.focus();
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const write = (event: TargetedEvent<HTMLTextAreaElement>): void => {
    setDraft(event.currentTarget.value);
    model.typing();
  };
  return (
    <form
      class="sb-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={input}
        rows={1}
        value={draft}
        placeholder={say(state.visitor.phase === 'resolved' ? 'composerReopen' : 'composerPlaceholder')}
        aria-label={say('composerLabel')}
        aria-invalid={over > 0}
        enterkeyhint="send"
        onInput={write}
        onKeyDown={key}
      />
      <button type="submit" class="sb-send" aria-label={say('send')} disabled={empty || over > 0}>
        <SendIcon />
      </button>
      {over > 0 && (
        <p class="sb-field-error" role="alert">
          {say('composerTooLong', { count: over })}
        </p>
      )}
    </form>
  );
}

function grow(element: HTMLTextAreaElement | null): void {
  if (!element) return;
  element.style.height = 'auto';
  element.style.height = `${Math.min(element.scrollHeight, HIGHEST_PX)}px`;
}
