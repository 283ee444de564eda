import type { Conversation, ConversationSnapshot, ConversationView, InboxList } from '@supportbase/handoff';
import { CircleHelp, Forward, Mail, OctagonX, ShieldAlert, StickyNote, Tag, Check } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';

import { useClient } from '../app/context';
import { markSeen } from '../app/seen';
import { useShortcut } from '../app/shortcuts';
import { useStore } from '../app/store';
import { ContextPanel } from '../context/ContextPanel';
import { WhyDialog } from '../context/WhyDialog';
import { Banner, Empty } from '../ui/feedback';
import type { MenuItem } from '../ui/menu';
import { useToasts } from '../ui/toasts';
import { Composer, type ComposerHandle } from './Composer';
import styles from './conversation.module.css';
import { Header } from './Header';
import { PresenceBanner } from './PresenceBanner';
import { TagsDialog } from './TagsDialog';
import { Transcript } from './Transcript';
import { TransferDialog } from './TransferDialog';
import { useActions, type Actions } from './useActions';

/** The middle and the right column for one conversation. */
export function ConversationPane({ id, list }: { id: string; list: InboxList }) {
  const view = useConversation(id);
  return view === null ? <section className={styles.pane} aria-busy="true" /> : <Pane view={view} list={list} />;
}

/** The view is live as long as the pane is shown. */
function useConversation(id: string): ConversationView | null {
  const client = useClient();
  const [view, setView] = useState<ConversationView | null>(null);
  useEffect(() => {
    const opened = client.conversation(id);
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the view is a resource of the effect: it is released with it
    setView(opened);
    return () => opened.release();
  }, [client, id]);
  return view;
}

function Pane({ view, list }: { view: ConversationView; list: InboxList }) {
  const snapshot = useStore(view);
  const { conversation, error } = snapshot;
  if (conversation !== null) return <Loaded view={view} snapshot={snapshot} conversation={conversation} list={list} />;
  if (error === null) return <section className={styles.pane} aria-busy="true" aria-label="Loading" />;
  return (
    <section className={styles.pane}>
      <Empty icon={<OctagonX size={24} />} title="This conversation cannot be shown">
        <p>{error.message}</p>
      </Empty>
    </section>
  );
}

type DialogName = 'transfer' | 'tags' | 'why';

interface LoadedProps {
  view: ConversationView;
  snapshot: ConversationSnapshot;
  conversation: Conversation;
  list: InboxList;
}

function Loaded({ view, snapshot, conversation, list }: LoadedProps) {
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const [panelOpen, setPanelOpen] = useState(() => window.innerWidth > 1180);
  const composer = useRef<ComposerHandle>(null);
  const actions = useActions(conversation);
  const togglePanel = () => setPanelOpen(!panelOpen);
  useSeen(conversation);
  usePaneShortcuts({ actions, composer, openDialog: setDialog, togglePanel });
  const items = useMenuItems({
    view,
    conversation,
    actions,
    openDialog: setDialog,
    onNote: () => composer.current?.focus('note'),
  });
  const closeDialog = () => setDialog(null);
  return (
    <div className={styles.columns} data-panel={panelOpen}>
      <section className={styles.pane} aria-label={`Conversation with ${conversation.customer_name ?? 'a visitor'}`}>
        <Header
          conversation={conversation}
          typing={snapshot.customerTyping}
          list={list}
          actions={actions}
          items={items}
          panelOpen={panelOpen}
          onPanel={togglePanel}
        />
        {snapshot.error !== null && <Banner tone="red">{snapshot.error.message}</Banner>}
        <Transcript view={view} snapshot={snapshot} />
        <PresenceBanner conversation={conversation} />
        <Composer ref={composer} view={view} conversation={conversation} blocked={blockedBy(conversation, actions)} />
      </section>
      {panelOpen && (
        <ContextPanel
          view={view}
          snapshot={snapshot}
          conversation={conversation}
          list={list}
          onClose={togglePanel}
          onWhy={() => setDialog('why')}
          onTags={() => setDialog('tags')}
        />
      )}
      {dialog === 'transfer' && <TransferDialog conversation={conversation} actions={actions} onClose={closeDialog} />}
      {dialog === 'tags' && <TagsDialog view={view} conversation={conversation} onClose={closeDialog} />}
      {dialog === 'why' && <WhyDialog conversationId={view.id} onClose={closeDialog} />}
    </div>
  );
}

/** Why the agent cannot write to the customer now. */
function blockedBy({ status }: Conversation, actions: Actions): string | null {
  switch (status) {
    case 'ai_active':
      return 'The AI answers. Take over to write to the customer.';
    case 'waiting':
      return 'Claim this conversation to write to the customer.';
    case 'agent_active':
      return actions.isMine ? null : 'Another agent answers here.';
    case 'resolved':
      return 'Resolved. It comes back when the customer writes again.';
    case 'closed':
      return 'This conversation has ended.';
  }
}

/** What is open and in sight is read. */
function useSeen({ id, last_message_at: last }: Conversation): void {
  useEffect(() => {
    const look = () => {
      if (!document.hidden) markSeen(id, last);
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [id, last]);
}

interface PaneShortcuts {
  actions: Actions;
  composer: React.RefObject<ComposerHandle | null>;
  openDialog: (name: DialogName) => void;
  togglePanel: () => void;
}

function usePaneShortcuts({ actions, composer, openDialog, togglePanel }: PaneShortcuts): void {
  useShortcut('take', actions.take);
  useShortcut('resolve', actions.resolve);
  useShortcut('reply', () => composer.current?.focus('reply'));
  useShortcut('note', () => composer.current?.focus('note'));
  useShortcut('transfer', actions.mayHandle ? () => openDialog('transfer') : null);
  useShortcut('tags', () => openDialog('tags'));
  useShortcut('why', () => openDialog('why'));
  useShortcut('panel', togglePanel);
}

interface MenuOptions {
  view: ConversationView;
  conversation: Conversation;
  actions: Actions;
  openDialog: (name: DialogName) => void;
  onNote: () => void;
}

/** F001 5.7.7, and what came with customers and decisions. */
function useMenuItems({ view, conversation, actions, openDialog, onNote }: MenuOptions): MenuItem[] {
  const toasts = useToasts();
  const withAgent = conversation.status === 'agent_active' && actions.mayHandle;
  const asked = conversation.awaiting_email;
  const always: MenuItem[] = [
    {
      id: 'tags',
      title: 'Tags and priority',
      about: 'Categorize this chat',
      icon: <Tag size={16} />,
      onSelect: () => openDialog('tags'),
    },
    {
      id: 'note',
      title: 'Add note',
      about: 'Internal, hidden from the customer',
      icon: <StickyNote size={16} />,
      onSelect: onNote,
    },
    {
      id: 'why',
      title: 'Why this agent?',
      about: 'How the assignment was decided',
      icon: <CircleHelp size={16} />,
      onSelect: () => openDialog('why'),
    },
  ];
  const handling: MenuItem[] = [
    {
      id: 'resolve',
      title: 'Resolve',
      about: 'Mark as solved',
      icon: <Check size={16} />,
      onSelect: () => actions.resolve?.(),
    },
    {
      id: 'transfer',
      title: 'Transfer',
      about: 'To another agent or the queue',
      icon: <Forward size={16} />,
      onSelect: () => openDialog('transfer'),
    },
    {
      id: 'email',
      title: asked ? 'Email was requested' : 'Request email',
      about: 'Ask the customer for an address',
      icon: <Mail size={16} />,
      disabled: asked || conversation.customer_email !== null,
      onSelect: () => void toasts.attempt(() => view.requestEmail(), 'The customer was asked for an address'),
    },
  ];
  const ending: MenuItem[] = [
    {
      id: 'close',
      title: 'Close',
      about: 'End it for good',
      icon: <OctagonX size={16} />,
      apart: true,
      onSelect: () => actions.close?.(),
    },
    {
      id: 'spam',
      title: 'Mark as spam',
      icon: <ShieldAlert size={16} />,
      danger: true,
      onSelect: () => actions.markSpam?.(),
    },
  ];
  return [...(withAgent ? handling : []), ...always, ...(actions.close === null ? [] : ending)];
}
