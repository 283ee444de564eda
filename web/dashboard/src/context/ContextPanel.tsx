import type {
  Conversation,
  ConversationSnapshot,
  ConversationView,
  CustomerHistory,
  InboxList,
} from '@supportbase/handoff';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';

import { useClient } from '../app/context';
import { useLoad } from '../app/load';
import { classes, IconButton } from '../ui/controls';
import { AIContext } from './AIContext';
import styles from './context.module.css';
import { CustomerCard } from './CustomerCard';
import { History } from './History';
import { Journey } from './Journey';
import { QuickActions } from './QuickActions';
import { Tags } from './Tags';

interface ContextPanelProps {
  view: ConversationView;
  snapshot: ConversationSnapshot;
  conversation: Conversation;
  list: InboxList;
  onClose: () => void;
  onWhy: () => void;
  onTags: () => void;
}

/** Everything an agent wants to know before the first word (F001 5.7.5, 5.11.6, 5.11.7). */
export function ContextPanel({ view, snapshot, conversation, list, onClose, onWhy, onTags }: ContextPanelProps) {
  const customer = useCustomer(conversation);
  return (
    <aside className={classes(styles.panel, 'scroll')} aria-label="Details">
      <div className={styles.closeRow}>
        <IconButton label="Close details" onClick={onClose}>
          <X size={18} />
        </IconButton>
      </div>
      <CustomerCard view={view} conversation={conversation} history={customer.data} onChanged={customer.reload} />
      <AIContext context={snapshot.context} onWhy={onWhy} />
      <QuickActions conversation={conversation} />
      <Tags conversation={conversation} onEdit={onTags} />
      {customer.data !== null && (
        <>
          <Journey customerId={customer.data.customer.id} />
          <History history={customer.data} conversationId={conversation.id} list={list} />
        </>
      )}
    </aside>
  );
}

function useCustomer({ customer_id: id, customer_email: email, customer_name: name }: Conversation) {
  const client = useClient();
  // A customer who says who they are may be merged with the one who has the address: everything is read again.
  return useLoad<CustomerHistory | null>(id === null ? null : `${id}/${email ?? ''}/${name ?? ''}`, () =>
    id === null ? Promise.resolve(null) : client.customer(id, { limit: 20 }),
  );
}

export function Section({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.section}>
      <div className={styles.sectionHead}>
        <h2>{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className={styles.facts}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
