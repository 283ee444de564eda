import type { InboxLine, InboxList } from '@supportbase/handoff';
import { Bot, Check, Clock, Flame, User } from 'lucide-react';
import { memo } from 'react';
import { Link } from 'wouter';

import { useClient, useNameOf } from '../app/context';
import { paths } from '../app/routes';
import { isUnread, seen } from '../app/seen';
import { useNow, useStore } from '../app/store';
import { age, customerName, duration } from '../format';
import { presenceTone } from '../conversation/presence';
import { Avatar } from '../ui/avatar';
import { classes } from '../ui/controls';
import styles from './inbox.module.css';

interface ConversationRowProps {
  line: InboxLine;
  list: InboxList;
  selected: boolean;
}

export const ConversationRow = memo(function ConversationRow({ line, list, selected }: ConversationRowProps) {
  const client = useClient();
  const now = useNow(15_000);
  const unread = isUnread(line, client.userId, useStore(seen)) && !selected;
  const name = customerName(line);
  return (
    <Link
      href={paths.conversation(list, line.id)}
      className={classes(styles.row, unread && styles.unread)}
      aria-current={selected ? 'true' : undefined}
    >
      <Avatar
        name={line.customer_name ?? line.customer_email}
        seed={line.customer_id ?? line.id}
        size={38}
        dot={line.status === 'closed' ? null : presenceTone(line.customer_presence)}
      />
      <span className={styles.rowText}>
        <span className={styles.rowTop}>
          <span className={classes(styles.rowName, 'ellipsis')}>{name}</span>
          <Since line={line} now={now} />
        </span>
        <span className={styles.rowBottom}>
          <span className="ellipsis">{line.preview ?? 'No message yet'}</span>
          {unread && <span className={styles.unreadDot} aria-label="Unread" role="img" />}
        </span>
        <span className={styles.rowFoot}>
          <State line={line} />
          {line.priority > 0 && (
            <span className={styles.priority} title={`Priority ${line.priority}`}>
              <Flame size={12} aria-hidden="true" />
              {line.priority}
            </span>
          )}
          {line.tags.slice(0, 2).map((tag) => (
            <span key={tag} className={classes(styles.tag, 'ellipsis')}>
              {tag}
            </span>
          ))}
        </span>
      </span>
    </Link>
  );
});

const SLOW_SECONDS = 120;
const LATE_SECONDS = 300;

/** How long somebody has waited, or when something was said last. */
function Since({ line, now }: { line: InboxLine; now: number }) {
  if (line.status !== 'waiting' || line.queue_entered_at === null) {
    return <time className={classes(styles.since, 'numbers')}>{age(line.last_message_at, now)}</time>;
  }
  const waited = Math.max(0, (now - Date.parse(line.queue_entered_at)) / 1000);
  const look = waited >= LATE_SECONDS ? styles.late : waited >= SLOW_SECONDS ? styles.slow : null;
  const text = waited < 60 ? '<1m' : duration(Math.floor(waited / 60) * 60).replace(' 0s', '');
  return (
    <span className={classes(styles.since, styles.wait, look, 'numbers')} title="Waiting time">
      <Clock size={12} aria-hidden="true" />
      <span className="visually-hidden">Waits </span>
      {text}
    </span>
  );
}

/** In whose hands it is. */
function State({ line }: { line: InboxLine }) {
  const nameOf = useNameOf();
  switch (line.status) {
    case 'ai_active':
      return (
        <span className={classes(styles.state, styles.stateAI)}>
          <Bot size={12} aria-hidden="true" /> AI
        </span>
      );
    case 'waiting':
      return (
        <span className={classes(styles.state, styles.stateWaiting)}>
          {line.queue_position === undefined ? 'Waiting' : `#${line.queue_position} in queue`}
        </span>
      );
    case 'agent_active':
      return (
        <span className={styles.state}>
          <User size={12} aria-hidden="true" /> {nameOf(line.assigned_agent_id)}
        </span>
      );
    case 'resolved':
      return (
        <span className={classes(styles.state, styles.stateResolved)}>
          <Check size={12} aria-hidden="true" /> Resolved
        </span>
      );
    case 'closed':
      return <span className={styles.state}>Closed</span>;
  }
}
