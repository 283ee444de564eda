import type { LiveVisitor } from '@supportbase/handoff';
import { Globe, MessageSquare, Route } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';

import { useClient } from '../app/context';
import { useLoad } from '../app/load';
import { paths } from '../app/routes';
import { useNow, useStore } from '../app/store';
import { JourneyList } from '../context/Journey';
import { presenceTone } from '../conversation/presence';
import { age, ago, pagePath } from '../format';
import page from '../ui/page.module.css';
import { Avatar, Dot, type Tone } from '../ui/avatar';
import { Button, classes } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Banner, Empty, Skeleton } from '../ui/feedback';
import styles from './visitors.module.css';

/** Who is on the website now, where they are and where they came along. */
export function VisitorsPage() {
  const client = useClient();
  const { data, error } = useStore(client.visitors);
  const [journey, setJourney] = useState<LiveVisitor | null>(null);
  return (
    <div className={classes(page.page, 'scroll')}>
      <div className={page.wide}>
        <header className={page.head}>
          <h1>Live visitors</h1>
          <p>Everybody who has the website open with your widget, as it happens.</p>
        </header>
        {error !== null && <Banner tone="red">{error.message}</Banner>}
        <Counters visitors={data ?? []} />
        {data === null && error === null && <Skeleton width="100%" height={180} />}
        {data?.length === 0 && (
          <div className={page.card}>
            <Empty icon={<Globe size={24} />} title="Nobody is here right now">
              <p>Visitors appear as soon as they open a page with the widget.</p>
            </Empty>
          </div>
        )}
        {data !== null && data.length > 0 && <VisitorTable visitors={data} onJourney={setJourney} />}
      </div>
      {journey !== null && <JourneyDialog visitor={journey} onClose={() => setJourney(null)} />}
    </div>
  );
}

function Counters({ visitors }: { visitors: readonly LiveVisitor[] }) {
  const client = useClient();
  const agents = useStore(client.stats).data?.agents;
  const active = visitors.filter((visitor) => visitor.status === 'online' || visitor.status === 'typing').length;
  const chatting = visitors.filter((visitor) => visitor.conversation_id !== null).length;
  const counters: [string, number, Tone | null][] = [
    ['Visitors now', visitors.length, null],
    ['Active', active, 'green'],
    ['In a chat', chatting, null],
    ['Agents online', agents?.online ?? 0, 'green'],
    ['Busy', agents?.busy ?? 0, 'red'],
    ['Away', agents?.away ?? 0, 'amber'],
    ['Offline', agents?.offline ?? 0, 'grey'],
  ];
  return (
    <dl className={styles.counters}>
      {counters.map(([name, count, tone]) => (
        <div key={name}>
          <dt>
            {tone !== null && <Dot tone={tone} />}
            {name}
          </dt>
          <dd className="numbers">{count}</dd>
        </div>
      ))}
    </dl>
  );
}

interface VisitorTableProps {
  visitors: readonly LiveVisitor[];
  onJourney: (visitor: LiveVisitor) => void;
}

function VisitorTable({ visitors, onJourney }: VisitorTableProps) {
  return (
    <div className={classes(page.card, page.tableCard)}>
      <table className={page.table}>
        <thead>
          <tr>
            <th scope="col">Visitor</th>
            <th scope="col">Page</th>
            <th scope="col">Since</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {visitors.map((visitor) => (
            <VisitorRow
              key={`${visitor.visitor_id}/${visitor.conversation_id ?? ''}`}
              visitor={visitor}
              onJourney={onJourney}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const statusNames: Record<string, string> = {
  online: 'Active',
  typing: 'Typing …',
  idle: 'Idle',
  background: 'On another tab',
  offline: 'Left',
};

function tone(status: string): Tone {
  return status === 'online' || status === 'typing' || status === 'idle' || status === 'background'
    ? presenceTone(status)
    : 'grey';
}

function VisitorRow({ visitor, onJourney }: { visitor: LiveVisitor; onJourney: (visitor: LiveVisitor) => void }) {
  const now = useNow(15_000);
  const { customer_id: customerId, conversation_id: conversationId } = visitor;
  return (
    <tr>
      <td>
        <div className={page.person}>
          <Avatar
            name={visitor.name ?? visitor.email}
            seed={customerId ?? visitor.visitor_id}
            dot={tone(visitor.status)}
          />
          <div>
            <strong>{visitor.name ?? visitor.email ?? 'Anonymous visitor'}</strong>
            <span>
              {statusNames[visitor.status] ?? visitor.status}
              {visitor.name !== null && visitor.email !== null && ` · ${visitor.email}`}
            </span>
          </div>
        </div>
      </td>
      <td className={styles.pageCell}>
        {visitor.url === null ? (
          '–'
        ) : (
          <>
            <span className="ellipsis">{visitor.title ?? pagePath(visitor.url)}</span>
            {visitor.title !== null && (
              <span className={classes(styles.path, 'ellipsis')}>{pagePath(visitor.url)}</span>
            )}
          </>
        )}
      </td>
      <td
        className="numbers"
        title={visitor.last_seen_at === null ? undefined : `Seen ${ago(visitor.last_seen_at, now)}`}
      >
        {visitor.since === null ? '–' : age(visitor.since, now)}
      </td>
      <td>
        <div className={page.rowActions}>
          {customerId !== null && (
            <Button small icon={<Route size={14} />} onClick={() => onJourney(visitor)}>
              Journey
            </Button>
          )}
          {conversationId !== null && (
            <Link href={paths.conversation('all', conversationId)} className={styles.chat}>
              <MessageSquare size={14} aria-hidden="true" /> Open chat
            </Link>
          )}
        </div>
      </td>
    </tr>
  );
}

const JOURNEY_LENGTH = 50;

function JourneyDialog({ visitor, onClose }: { visitor: LiveVisitor; onClose: () => void }) {
  const client = useClient();
  const id = visitor.customer_id;
  const { data, error } = useLoad(id, () => (id === null ? Promise.resolve([]) : client.visits(id, JOURNEY_LENGTH)));
  return (
    <Dialog title={`Journey of ${visitor.name ?? visitor.email ?? 'a visitor'}`} width={520} onClose={onClose}>
      {visitor.url !== null && (
        <p className={styles.now}>
          <Dot tone={tone(visitor.status)} /> Now on <strong>{visitor.title ?? pagePath(visitor.url)}</strong>
        </p>
      )}
      {error !== null && <Banner tone="red">The journey cannot be read.</Banner>}
      {data === null && error === null && <Skeleton width="100%" height={80} />}
      {data?.length === 0 && <p>No page was noted yet.</p>}
      {data !== null && <JourneyList visits={data} />}
    </Dialog>
  );
}
