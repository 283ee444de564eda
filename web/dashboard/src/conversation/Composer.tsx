import type { Conversation, ConversationView } from '@supportbase/handoff';
import { CornerDownLeft, StickyNote, Zap } from 'lucide-react';
import {
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type Ref,
  type SyntheticEvent,
} from 'react';

import { useMe } from '../app/context';
import { Button, classes } from '../ui/controls';
import { useToasts } from '../ui/toasts';
import { AttachButton, filesOf } from './AttachButton';
import { cannedMatches, cannedQuery, fillCanned, insertCanned } from './canned';
import { CannedList } from './CannedList';
import styles from './conversation.module.css';
import { useCanned } from './useCanned';

export type ComposerMode = 'reply' | 'note';

export interface ComposerHandle {
  focus: (mode: ComposerMode) => void;
}

interface ComposerProps {
  view: ConversationView;
  conversation: Conversation;
  /** Null: the agent may write to the customer. Else why not. */
  blocked: string | null;
  ref: Ref<ComposerHandle>;
}

/** What was begun and not sent, by conversation and mode; kept while the page is open. */
const drafts = new Map<string, string>();
const LONGEST = 10_000;

export function Composer({ view, conversation, blocked, ref }: ComposerProps) {
  const [mode, setMode] = useState<ComposerMode>(blocked === null ? 'reply' : 'note');
  const shownMode = blocked === null ? mode : 'note';
  const [text, setText] = useDraft(`${view.id}/${shownMode}`);
  const area = useAutosize(text);
  const canned = useCannedMenu(text, setText, area, conversation);
  const send = useSend(view, shownMode, text, setText);
  const listId = useId();
  useImperativeHandle(ref, () => ({
    focus: (next) => {
      setMode(next);
      area.current?.focus();
    },
  }));
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (canned.onKeyDown(event)) return;
    if (event.key === 'Escape') event.currentTarget.blur();
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  };
  const note = shownMode === 'note';
  const sendFiles = (files: File[]) => {
    // What becomes of one is shown at its message.
    for (const file of files) view.sendFile(file).catch(() => undefined);
  };
  const take = (event: SyntheticEvent, data: DataTransfer) => {
    const files = filesOf(data);
    if (files.length === 0) return;
    event.preventDefault(); // the browser would leave the page for a dropped file
    if (!note) sendFiles(files);
  };
  return (
    <div
      className={classes(styles.composer, note && styles.composerNote)}
      onDragOver={(event) => {
        if (event.dataTransfer.types.includes('Files')) event.preventDefault();
      }}
      onDrop={(event) => take(event, event.dataTransfer)}
      onPaste={(event) => take(event, event.clipboardData)}
    >
      {canned.open && (
        <CannedList id={listId} matches={canned.matches} active={canned.active} onChoose={canned.choose} />
      )}
      <textarea
        ref={area}
        rows={1}
        maxLength={LONGEST}
        value={text}
        aria-label={note ? 'Internal note' : 'Reply'}
        aria-autocomplete="list"
        aria-controls={canned.open ? listId : undefined}
        aria-activedescendant={canned.open ? `${listId}-${canned.active}` : undefined}
        placeholder={note ? 'Write a note, only the team sees it' : 'Write a reply, / for canned responses'}
        onChange={(event) => {
          setText(event.target.value);
          canned.onCaret(event.target.selectionStart);
          if (!note) view.typing();
        }}
        onSelect={(event) => canned.onCaret(event.currentTarget.selectionStart)}
        onKeyDown={onKeyDown}
      />
      <div className={styles.composerFoot}>
        <Modes mode={shownMode} blocked={blocked} onMode={setMode} />
        {!note && <AttachButton onFiles={sendFiles} />}
        {!note && (
          <Button small kind="ghost" icon={<Zap size={14} />} onClick={canned.begin}>
            Canned
          </Button>
        )}
        <Button small kind="primary" className={styles.send} disabled={text.trim() === ''} onClick={send}>
          {note ? 'Add note' : 'Send'} <CornerDownLeft size={13} aria-hidden="true" />
        </Button>
      </div>
      {blocked !== null && <p className={styles.blocked}>{blocked}</p>}
    </div>
  );
}

function Modes({
  mode,
  blocked,
  onMode,
}: {
  mode: ComposerMode;
  blocked: string | null;
  onMode: (mode: ComposerMode) => void;
}) {
  return (
    <div className={styles.modes} role="group" aria-label="What you write">
      <button type="button" aria-pressed={mode === 'reply'} disabled={blocked !== null} onClick={() => onMode('reply')}>
        Reply
      </button>
      <button type="button" aria-pressed={mode === 'note'} onClick={() => onMode('note')}>
        <StickyNote size={13} aria-hidden="true" /> Note
      </button>
    </div>
  );
}

function useDraft(key: string): [string, (text: string) => void] {
  const [, redraw] = useState(0);
  const set = (text: string) => {
    if (text === '') drafts.delete(key);
    else drafts.set(key, text);
    redraw((now) => now + 1);
  };
  return [drafts.get(key) ?? '', set];
}

function useSend(
  view: ConversationView,
  mode: ComposerMode,
  text: string,
  setText: (text: string) => void,
): () => void {
  const toasts = useToasts();
  return () => {
    const content = text.trim();
    if (content === '') return;
    setText('');
    if (mode === 'reply') {
      // What becomes of it is shown at the message itself.
      view.send(content).catch(() => undefined);
      return;
    }
    void toasts.attempt(() => view.addNote(content)).then((done) => done || setText(content));
  };
}

/** A text area that is as high as its text, up to a limit. */
function useAutosize(text: string): React.RefObject<HTMLTextAreaElement | null> {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, 220)}px`;
  }, [text]);
  return area;
}

function useCannedMenu(
  text: string,
  setText: (text: string) => void,
  area: React.RefObject<HTMLTextAreaElement | null>,
  conversation: Conversation,
) {
  const all = useCanned();
  const me = useMe();
  const [caret, onCaret] = useState(0);
  const [active, setActive] = useState(0);
  /** Escape closes the list until the text changes. */
  const [closedFor, setClosedFor] = useState<string | null>(null);
  const nextCaret = useRef<number | null>(null);
  useEffect(() => {
    if (nextCaret.current === null) return;
    area.current?.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = null;
  });
  const query = cannedQuery(text, Math.min(caret, text.length));
  const matches = query === null ? [] : cannedMatches(all, query.word);
  const open = matches.length > 0 && closedFor !== text;
  const shown = Math.min(active, Math.max(0, matches.length - 1));
  const change = (next: { text: string; caret: number }) => {
    setText(next.text);
    onCaret(next.caret);
    nextCaret.current = next.caret;
    area.current?.focus();
  };
  const choose = (place: number) => {
    const response = matches[place];
    if (response === undefined || query === null) return;
    const names = { name: conversation.customer_name, email: conversation.customer_email, agent: me?.name ?? null };
    change(insertCanned(text, caret, query, fillCanned(response.content, names)));
    setActive(0);
  };
  const begin = () => {
    const lead = text === '' || /\s$/u.test(text) ? text : `${text} `;
    setClosedFor(null);
    change({ text: `${lead}/`, caret: lead.length + 1 });
  };
  /** True when the key was the list's. */
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!open) return false;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) setActive((shown + step + matches.length) % matches.length);
    else if (event.key === 'Enter' || event.key === 'Tab') choose(shown);
    else if (event.key === 'Escape') setClosedFor(text);
    else return false;
    event.preventDefault();
    return true;
  };
  return { open, matches, active: shown, choose, begin, onCaret, onKeyDown };
}
