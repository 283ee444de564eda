import type { ConversationSnapshot, ConversationView } from '@supportbase/handoff';
import { ArrowDown } from 'lucide-react';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';

import { useNow } from '../app/store';
import { day, time } from '../format';
import { Button, classes } from '../ui/controls';
import { Skeleton } from '../ui/feedback';
import { Bubble } from './Bubble';
import styles from './conversation.module.css';
import { NoteLine } from './NoteLine';
import { timeline, type TimelineItem } from './timeline';
import { handoffWords } from './words';

/** Nearer than this to the end counts as being there. */
const END_PX = 80;
/** Nearer than this to the beginning, older messages are fetched. */
const BEGIN_PX = 200;

interface TranscriptProps {
  view: ConversationView;
  snapshot: ConversationSnapshot;
}

export function Transcript({ view, snapshot }: TranscriptProps) {
  const { messages, notes, conversation, hasOlder, loadingOlder, loading } = snapshot;
  const items = useMemo(() => timeline(messages, notes, conversation), [messages, notes, conversation]);
  const { scroller, atEnd, onScroll, toEnd } = useFollowing(items);
  const loadOlder = () => {
    const element = scroller.current;
    if (element !== null && element.scrollTop < BEGIN_PX && hasOlder && !loadingOlder) void view.loadOlder();
  };
  return (
    <div className={styles.transcriptFrame}>
      <div
        ref={scroller}
        className={classes(styles.transcript, 'scroll')}
        role="log"
        aria-label="Messages"
        aria-live="polite"
        tabIndex={0}
        onScroll={() => {
          onScroll();
          loadOlder();
        }}
      >
        {loading && messages.length === 0 && <Loading />}
        {hasOlder && (
          <Button
            small
            kind="ghost"
            className={styles.older}
            disabled={loadingOlder}
            onClick={() => void view.loadOlder()}
          >
            {loadingOlder ? 'Loading …' : 'Earlier messages'}
          </Button>
        )}
        {items.map((item) => (
          <Item key={item.key} item={item} view={view} snapshot={snapshot} />
        ))}
        {snapshot.customerTyping && <Typing />}
      </div>
      {!atEnd && (
        <Button small className={styles.toEnd} icon={<ArrowDown size={14} />} onClick={toEnd}>
          Newest
        </Button>
      )}
    </div>
  );
}

/** Stays at the end while the reader is there, and where the reader is when older messages come in above. */
function useFollowing(items: readonly TimelineItem[]) {
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const following = useRef(true);
  const before = useRef({ first: '', height: 0 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const first = items.find((item) => item.kind !== 'day')?.key ?? '';
    if (following.current) element.scrollTop = element.scrollHeight;
    else if (first !== before.current.first) element.scrollTop += element.scrollHeight - before.current.height;
    before.current = { first, height: element.scrollHeight };
  }, [items]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // The composer grows, a banner appears: the end stays the end.
    const observer = new ResizeObserver(() => {
      if (following.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    following.current = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX;
    setAtEnd(following.current);
  };
  const toEnd = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: 'smooth' });
  return { scroller, atEnd, onScroll, toEnd };
}

function Item({ item, view, snapshot }: { item: TimelineItem } & TranscriptProps) {
  const now = useNow(15_000);
  switch (item.kind) {
    case 'day':
      return (
        <div className={styles.day}>
          <span>{day(item.at, now)}</span>
        </div>
      );
    case 'handoff':
      return (
        <div className={styles.handoff}>
          <span>
            Handed off to the team at {time(item.at)}
            {snapshot.conversation !== null && <strong>{handoffWords(snapshot.conversation)}</strong>}
          </span>
        </div>
      );
    case 'system':
      return (
        <div className={styles.system}>
          {item.message.content} <time>{time(item.at)}</time>
        </div>
      );
    case 'note':
      return <NoteLine note={item.note} onDelete={() => view.deleteNote(item.note.id)} />;
    case 'message':
      return <Bubble item={item} view={view} conversation={snapshot.conversation} />;
  }
}

function Typing() {
  return (
    <div className={styles.typing} aria-label="The customer is typing" role="img">
      <span />
      <span />
      <span />
    </div>
  );
}

function Loading() {
  return (
    <div className={styles.loading} aria-busy="true">
      <Skeleton width="46%" height={54} />
      <Skeleton width="58%" height={72} />
      <Skeleton width="38%" height={44} />
    </div>
  );
}
