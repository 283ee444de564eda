import type { ConversationStatus, CustomerHistory, InboxList } from '@supportbase/handoff';
import { Link } from 'wouter';

import { paths } from '../app/routes';
import { useNow } from '../app/store';
import { day } from '../format';
import styles from './context.module.css';
import { Section } from './ContextPanel';

export const statusNames: Record<ConversationStatus, string> = {
  ai_active: 'With the AI',
  waiting: 'Waiting',
  agent_active: 'With an agent',
  resolved: 'Resolved',
  closed: 'Closed',
};

interface HistoryProps {
  history: CustomerHistory;
  conversationId: string;
  list: InboxList;
}

/** The customer's conversations, newest first; each opens. */
export function History({ history, conversationId, list }: HistoryProps) {
  const now = useNow(15_000);
  return (
    <Section title="Conversation history">
      <ul className={styles.history}>
        {history.conversations.map((one) => (
          <li key={one.id}>
            <Link href={paths.conversation(list, one.id)} aria-current={one.id === conversationId ? 'true' : undefined}>
              <span className={styles.historyTop}>
                {day(one.created_at, now)} · {one.id === conversationId ? 'this one' : statusNames[one.status]}
              </span>
              <span className="ellipsis">{one.preview ?? 'No message'}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}
