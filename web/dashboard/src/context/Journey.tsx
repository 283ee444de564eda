import type { WebVisit } from '@supportbase/handoff';

import { useClient } from '../app/context';
import { useLoad } from '../app/load';
import { useNow } from '../app/store';
import { age, pagePath } from '../format';
import styles from './context.module.css';
import { Section } from './ContextPanel';

const SHOWN = 8;

/** The pages the customer came along, newest first. */
export function Journey({ customerId }: { customerId: string }) {
  const client = useClient();
  const { data } = useLoad(customerId, () => client.visits(customerId, SHOWN));
  if (data === null || data.length === 0) return null;
  return (
    <Section title="Journey">
      <JourneyList visits={data} />
    </Section>
  );
}

export function JourneyList({ visits }: { visits: readonly Pick<WebVisit, 'id' | 'url' | 'title' | 'created_at'>[] }) {
  const now = useNow(15_000);
  return (
    <ol className={styles.journey}>
      {visits.map((visit) => (
        <li key={visit.id}>
          <span className="ellipsis" title={visit.url}>
            {visit.title ?? pagePath(visit.url)}
          </span>
          <span className={styles.journeyPath}>{pagePath(visit.url)}</span>
          <time>{age(visit.created_at, now)}</time>
        </li>
      ))}
    </ol>
  );
}
