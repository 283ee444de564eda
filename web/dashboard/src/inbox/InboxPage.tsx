import type { InboxList } from '@supportbase/handoff';
import { useMemo, useState } from 'react';
import { Redirect, useLocation } from 'wouter';

import { isList, paths } from '../app/routes';
import { useShortcut } from '../app/shortcuts';
import { ConversationPane } from '../conversation/ConversationPane';
import { useFlatList, useSectionedList, type ListState, type SectionId } from './entries';
import styles from './inbox.module.css';
import { Sidebar } from './Sidebar';
import { Welcome } from './Welcome';

/** The three columns (F001 5.7.2): list, conversation, context. */
export function InboxPage({ list, conversationId }: { list: string; conversationId: string | null }) {
  if (!isList(list)) return <Redirect to={paths.list('all')} replace />;
  return list === 'all' ? (
    <Sectioned conversationId={conversationId} />
  ) : (
    <Flat key={list} list={list} conversationId={conversationId} />
  );
}

function Sectioned({ conversationId }: { conversationId: string | null }) {
  const [folded, fold] = useFolded();
  const state = useSectionedList(folded);
  return <Columns list="all" state={state} conversationId={conversationId} onFold={fold} />;
}

function Flat({ list, conversationId }: { list: InboxList; conversationId: string | null }) {
  const state = useFlatList(list);
  return <Columns list={list} state={state} conversationId={conversationId} onFold={() => undefined} />;
}

interface ColumnsProps {
  list: InboxList;
  state: ListState;
  conversationId: string | null;
  onFold: (section: SectionId) => void;
}

function Columns({ list, state, conversationId, onFold }: ColumnsProps) {
  useListShortcuts(list, state, conversationId);
  return (
    <div className={styles.page} data-open={conversationId !== null}>
      <Sidebar list={list} state={state} selected={conversationId} onFold={onFold} />
      {conversationId === null ? (
        <Welcome />
      ) : (
        <ConversationPane key={conversationId} id={conversationId} list={list} />
      )}
    </div>
  );
}

function useFolded(): [ReadonlySet<SectionId>, (id: SectionId) => void] {
  const [folded, setFolded] = useState<readonly SectionId[]>([]);
  const set = useMemo(() => new Set(folded), [folded]);
  const toggle = (id: SectionId) =>
    setFolded((now) => (now.includes(id) ? now.filter((one) => one !== id) : [...now, id]));
  return [set, toggle];
}

function useListShortcuts(list: InboxList, { lines }: ListState, selected: string | null): void {
  const [, navigate] = useLocation();
  const move = (step: number) => {
    const now = lines.findIndex((line) => line.id === selected);
    const next = lines[now < 0 ? 0 : now + step];
    if (next !== undefined) navigate(paths.conversation(list, next.id));
  };
  useShortcut('next', () => move(1));
  useShortcut('previous', () => move(-1));
  useShortcut('all', () => navigate(paths.list('all')));
  useShortcut('mine', () => navigate(paths.list('mine')));
  useShortcut('queue', () => navigate(paths.list('queue')));
  useShortcut('closed', () => navigate(paths.list('closed')));
}
