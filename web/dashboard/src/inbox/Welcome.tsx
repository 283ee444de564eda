import { MessagesSquare } from 'lucide-react';

import { useClient } from '../app/context';
import { useStore } from '../app/store';
import { duration } from '../format';
import { Kbd } from '../ui/controls';
import { Empty } from '../ui/feedback';
import styles from './inbox.module.css';

/** No conversation is selected: what to do, and how the day goes (F001 5.7.6). */
export function Welcome() {
  const client = useClient();
  const stats = useStore(client.stats).data;
  const first = stats?.avg_first_response_seconds ?? null;
  const average = stats?.csat.average ?? null;
  return (
    <section className={styles.welcome} aria-label="No conversation selected">
      <Empty icon={<MessagesSquare size={26} />} title="Select a conversation">
        <p>
          Choose one from the list to answer it. <Kbd>j</Kbd> and <Kbd>k</Kbd> move along, <Kbd>?</Kbd> shows all keys.
        </p>
      </Empty>
      {stats !== null && (
        <dl className={styles.stats} aria-label="Today">
          <Stat label="Resolved today" value={String(stats.resolved)} />
          <Stat label="First response" value={first === null ? '–' : duration(first)} />
          <Stat label={`Rating (${stats.csat.count})`} value={average === null ? '–' : average.toFixed(1)} />
          <Stat label="Waiting" value={String(stats.waiting)} />
          <Stat label="With agents" value={String(stats.active)} />
        </dl>
      )}
    </section>
  );
}

function Stat({ label, value }: { label: string; value: string }) {
  return (
    <div className={styles.stat}>
      <dt>{label}</dt>
      <dd className="numbers">{value}</dd>
    </div>
  );
}
