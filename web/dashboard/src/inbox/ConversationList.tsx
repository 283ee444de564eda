import type { InboxList } from '@supportbase/handoff';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ChevronDown, Inbox } from 'lucide-react';
import { useEffect, useRef } from 'react';

import { Button, classes } from '../ui/controls';
import { Banner, Empty, Skeleton } from '../ui/feedback';
import { ConversationRow } from './ConversationRow';
import type { Entry, ListState, SectionId } from './entries';
import styles from './inbox.module.css';

const SECTION_HEIGHT = 38;
const ROW_HEIGHT = 76;
/** So many lines before the end the next page is fetched. */
const FETCH_AHEAD = 15;

interface ConversationListProps {
  list: InboxList;
  state: ListState;
  selected: string | null;
  onFold: (section: SectionId) => void;
}

/** Only the lines in sight are in the document, however many there are. */
export function ConversationList({ list, state, selected, onFold }: ConversationListProps) {
  const { entries, lines, loading, hasMore, error, loadMore, refresh } = state;
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler is not used
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (entries[index]?.kind === 'section' ? SECTION_HEIGHT : ROW_HEIGHT),
    getItemKey: (index) => keyOf(entries[index], index),
    overscan: 6,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !loading && error === null && last >= entries.length - FETCH_AHEAD) loadMore();
  }, [hasMore, loading, error, last, entries.length, loadMore]);
  useEffect(() => {
    const place = entries.findIndex((entry) => entry.kind === 'line' && entry.line.id === selected);
    if (place >= 0) virtual.scrollToIndex(place, { align: 'auto' });
    // Only when another conversation is selected: a list that moves must not pull the reader back.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  return (
    <div ref={scroller} className={classes(styles.list, 'scroll')} data-testid="conversation-list">
      {error !== null && (
        <div className={styles.listError}>
          <Banner
            tone="red"
            action={
              <Button small onClick={refresh}>
                Retry
              </Button>
            }
          >
            {error.message}
          </Banner>
        </div>
      )}
      {loading && lines.length === 0 && <Loading />}
      {!loading && lines.length === 0 && error === null && <Nothing list={list} />}
      <div role="list" aria-label="Conversations" style={{ position: 'relative', height: virtual.getTotalSize() }}>
        {items.map(({ index, key, start, size }) => (
          <div
            key={key}
            role="listitem"
            className={styles.entry}
            style={{ height: size, transform: `translateY(${start}px)` }}
          >
            <EntryView entry={entries[index]} list={list} selected={selected} onFold={onFold} />
          </div>
        ))}
      </div>
    </div>
  );
}

function keyOf(entry: Entry | undefined, index: number): string | number {
  if (entry === undefined) return index;
  return entry.kind === 'section' ? entry.id : entry.line.id;
}

interface EntryViewProps extends Pick<ConversationListProps, 'list' | 'selected' | 'onFold'> {
  entry: Entry | undefined;
}

function EntryView({ entry, list, selected, onFold }: EntryViewProps) {
  if (entry === undefined) return null;
  if (entry.kind === 'line') {
    return <ConversationRow line={entry.line} list={list} selected={entry.line.id === selected} />;
  }
  return (
    <button type="button" className={styles.section} aria-expanded={entry.open} onClick={() => onFold(entry.id)}>
      <span>{entry.title}</span>
      <span className={classes(styles.sectionCount, 'numbers')}>{entry.count}</span>
      <ChevronDown size={15} aria-hidden="true" />
    </button>
  );
}

function Loading() {
  return (
    <div className={styles.loading} aria-busy="true" aria-label="Loading conversations">
      {[0, 1, 2, 3, 4].map((row) => (
        <div key={row} className={styles.loadingRow}>
          <Skeleton width={38} height={38} />
          <div>
            <Skeleton width="60%" height={12} />
            <Skeleton width="90%" height={12} />
          </div>
        </div>
      ))}
    </div>
  );
}

const nothing: Record<InboxList, [string, string]> = {
  all: ['All clear', 'Nobody is chatting right now.'],
  mine: ['No chats of yours', 'Go online, or take one from the queue.'],
  queue: ['Nobody is waiting', 'New handoffs appear here at once.'],
  closed: ['Nothing closed yet', 'Conversations that have ended are kept here.'],
};

function Nothing({ list }: { list: InboxList }) {
  const [title, text] = nothing[list];
  return (
    <Empty icon={<Inbox size={24} />} title={title}>
      <p>{text}</p>
    </Empty>
  );
}
