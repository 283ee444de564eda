import type { JSX, RefObject, TargetedEvent } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { usePanel } from './context.js';
import { filesOf, useDrop } from './drop.js';
import { ClipIcon, SendIcon } from './icons.js';
import type { ChatState } from './model.js';

/** The database takes no more. */
const LONGEST = 10_000;
const HIGHEST_PX = 132;

/**
 * Where the visitor writes: Enter sends, Shift+Enter is a new line, and not while an input method composes. Files are chosen,
 * pasted or dropped, and go at once.
 */
export function Composer({
  state,
  input,
}: {
  state: ChatState;
  input: RefObject<HTMLTextAreaElement | null>;
}): JSX.Element {
  const { say, model } = usePanel();
  const form = useRef<HTMLFormElement>(null);
  const sendFiles = (files: File[]): void => void model.sendFiles(files);
  const dropping = useDrop(form, sendFiles);
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
      ref={form}
      data-dropping={dropping}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <AttachButton onFiles={sendFiles} />
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
        onPaste={(event) => {
          const files = filesOf(event.clipboardData);
          if (files.length === 0) return;
          event.preventDefault();
          sendFiles(files);
        }}
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

function AttachButton({ onFiles }: { onFiles: (files: File[]) => void }): JSX.Element {
  const { say } = usePanel();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="sb-attach" aria-label={say('attach')} onClick={() => input.current?.click()}>
        <ClipIcon />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          onFiles(filesOf(currentTarget));
          currentTarget.value = ''; // the same file may be chosen again
        }}
      />
    </>
  );
}

function grow(element: HTMLTextAreaElement | null): void {
  if (!element) return;
  element.style.height = 'auto';
  element.style.height = `${Math.min(element.scrollHeight, HIGHEST_PX)}px`;
}
