import type { InboxLine, InboxList, InboxSnapshot } from '@supportbase/handoff';
import { useMemo } from 'react';

import { useClient } from '../app/context';
import { useStore } from '../app/store';

export type SectionId = 'queue' | 'mine' | 'others';

/** One thing of the list: a section's heading, or a conversation. */
export type Entry =
  { kind: 'section'; id: SectionId; title: string; count: number; open: boolean } | { kind: 'line'; line: InboxLine };

export interface ListState {
  entries: readonly Entry[];
  /** The conversations alone, in the order shown: what next and previous move along. */
  lines: readonly InboxLine[];
  loading: boolean;
  hasMore: boolean;
  error: InboxSnapshot['error'];
  loadMore: () => void;
  refresh: () => void;
}

/** The list as it is. */
export function useFlatList(list: InboxList): ListState {
  const view = useClient().inbox(list);
  const { lines, loading, hasMore, error } = useStore(view);
  return useMemo(
    () => ({
      entries: lines.map((line): Entry => ({ kind: 'line', line })),
      lines,
      loading,
      hasMore,
      error,
      loadMore: () => void view.loadMore(),
      refresh: () => void view.refresh(),
    }),
    [view, lines, loading, hasMore, error],
  );
}

/**
 * Each conversation in one section. The lists are read one after another: one that has just moved is in two of them for a moment,
 * and a line that is shown twice under one key is never taken away again.
 */
export function sectionsOf(
  queue: readonly InboxLine[],
  mine: readonly InboxLine[],
  all: readonly InboxLine[],
): Record<SectionId, InboxLine[]> {
  const shown = new Set<string>();
  const notYet = (line: InboxLine) => !shown.has(line.id) && shown.add(line.id);
  const own = mine.filter((line) => line.status === 'agent_active').filter(notYet);
  return { mine: own, queue: queue.filter(notYet), others: all.filter(notYet) };
}

/** The list "all" with the queue and the own chats on top (F001 5.7.3). */
export function useSectionedList(folded: ReadonlySet<SectionId>): ListState {
  const client = useClient();
  const all = client.inbox('all');
  const everything = useStore(all);
  const queue = useStore(client.inbox('queue'));
  const mine = useStore(client.inbox('mine'));
  const counts = useStore(client.counts);
  return useMemo(() => {
    const { mine: own, queue: waiting, others } = sectionsOf(queue.lines, mine.lines, everything.lines);
    const sections: [SectionId, string, number, readonly InboxLine[]][] = [
      ['queue', 'Queue', counts.queue, waiting],
      ['mine', 'My chats', counts.mine, own],
      ['others', 'Team and AI', Math.max(others.length, counts.all - counts.queue - counts.mine), others],
    ];
    const entries = sections.flatMap(([id, title, count, lines]): Entry[] => {
      const open = !folded.has(id);
      const heading: Entry = { kind: 'section', id, title, count, open };
      return [heading, ...(open ? lines.map((line): Entry => ({ kind: 'line', line })) : [])];
    });
    return {
      entries,
      lines: entries.flatMap((entry) => (entry.kind === 'line' ? [entry.line] : [])),
      loading: everything.loading,
      hasMore: everything.hasMore && !folded.has('others'),
      error: everything.error ?? queue.error ?? mine.error,
      loadMore: () => void all.loadMore(),
      refresh: () => void all.refresh(),
    };
  }, [all, everything, queue, mine, counts, folded]);
}
