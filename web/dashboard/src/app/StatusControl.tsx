import type { AgentStatus } from '@supportbase/handoff';
import { ChevronDown, Settings2 } from 'lucide-react';
import { useLocation } from 'wouter';

import { Dot, type Tone } from '../ui/avatar';
import { Menu, type MenuItem } from '../ui/menu';
import { useToasts } from '../ui/toasts';
import { useClient, useIsAdmin, useMe } from './context';
import { paths } from './routes';
import styles from './shell.module.css';

interface StatusWords {
  title: string;
  about: string;
  tone: Tone;
}

export const statusWords: Record<AgentStatus, StatusWords> = {
  online: { title: 'Online', about: 'Accept new conversations', tone: 'green' },
  busy: { title: 'Busy', about: 'Finish what you have', tone: 'red' },
  away: { title: 'Away', about: 'Pause new conversations', tone: 'amber' },
  offline: { title: 'Offline', about: 'Not accepting chats', tone: 'grey' },
};

/** The header's status with the agent's load (F001 5.3.6): what the agent wants, and what counts when that differs. */
export function StatusControl() {
  const client = useClient();
  const me = useMe();
  const toasts = useToasts();
  const isAdmin = useIsAdmin();
  const [, navigate] = useLocation();
  if (me === null) return null;
  const words = statusWords[me.effective_status];
  const differs = me.effective_status !== me.status;
  const items: MenuItem[] = (Object.keys(statusWords) as AgentStatus[]).map((status) => ({
    id: status,
    title: statusWords[status].title,
    about: statusWords[status].about,
    icon: <Dot tone={statusWords[status].tone} />,
    checked: me.status === status,
    onSelect: () => void toasts.attempt(() => client.setStatus(status)),
  }));
  if (isAdmin) {
    items.push({
      id: 'limit',
      title: 'Change limits',
      icon: <Settings2 size={16} />,
      apart: true,
      onSelect: () => navigate(paths.team),
    });
  }
  return (
    <div className={styles.status}>
      <Menu
        label="Your status"
        items={items}
        align="right"
        caption={`Your limit: ${me.max_concurrent_chats} concurrent chats`}
        trigger={(props) => (
          <button type="button" className={styles.statusButton} {...props}>
            <Dot tone={words.tone} />
            <span>
              <span className="visually-hidden">Your status: </span>
              {words.title}
            </span>
            {differs && (
              <span className={styles.statusWanted}>
                ({statusWords[me.status].title.toLowerCase()} when you are back)
              </span>
            )}
            <ChevronDown size={15} aria-hidden="true" />
          </button>
        )}
      />
      <Load count={me.current_chat_count} limit={me.max_concurrent_chats} />
    </div>
  );
}

function Load({ count, limit }: { count: number; limit: number }) {
  const share = Math.min(1, count / Math.max(1, limit));
  return (
    <div className={styles.load} title={`${count} of ${limit} chats`}>
      <span className={styles.loadTrack} aria-hidden="true">
        <span className={styles.loadBar} data-full={count >= limit} style={{ width: `${share * 100}%` }} />
      </span>
      <span className="numbers">
        {count}/{limit} <span className={styles.loadWord}>chats</span>
      </span>
    </div>
  );
}
