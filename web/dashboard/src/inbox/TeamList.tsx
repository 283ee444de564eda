import type { TeamAgent } from '@supportbase/handoff';
import { ChevronDown } from 'lucide-react';

import { useClient } from '../app/context';
import { statusWords } from '../app/StatusControl';
import { useStore } from '../app/store';
import { Avatar } from '../ui/avatar';
import { classes } from '../ui/controls';
import styles from './inbox.module.css';

const order = ['online', 'busy', 'away', 'offline'] as const;

/** Who of the team is here, and with how many chats (F001 5.7.3). */
export function TeamList({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const client = useClient();
  const team = useStore(client.team).data ?? [];
  const online = team.filter((agent) => agent.effective_status === 'online').length;
  return (
    <section className={styles.team} aria-label="Team">
      <button type="button" className={styles.section} aria-expanded={open} onClick={onToggle}>
        <span>Team</span>
        <span className={classes(styles.sectionCount, 'numbers')}>{online} online</span>
        <ChevronDown size={15} aria-hidden="true" />
      </button>
      {open && (
        <ul className={classes(styles.teamList, 'scroll')}>
          {[...team].sort(byStatus).map((agent) => (
            <TeamLine key={agent.user_id} agent={agent} isMe={agent.user_id === client.userId} />
          ))}
        </ul>
      )}
    </section>
  );
}

function byStatus(a: TeamAgent, b: TeamAgent): number {
  return order.indexOf(a.effective_status) - order.indexOf(b.effective_status);
}

function TeamLine({ agent, isMe }: { agent: TeamAgent; isMe: boolean }) {
  const { title, tone } = statusWords[agent.effective_status];
  const chats = `${agent.current_chat_count}/${agent.max_concurrent_chats}`;
  const here = agent.effective_status === 'online' || agent.current_chat_count > 0;
  return (
    <li className={styles.teamLine}>
      <Avatar name={agent.name ?? agent.email} seed={agent.user_id} image={agent.avatar_url} size={24} dot={tone} />
      <span className="ellipsis">{isMe ? 'You' : (agent.name ?? agent.email)}</span>
      <span className={classes(styles.teamLoad, 'numbers')} title={here ? `${title}, ${chats} chats` : title}>
        {agent.effective_status === 'online' ? chats : title}
      </span>
    </li>
  );
}
