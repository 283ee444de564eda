import type { InboxList } from '@supportbase/handoff';
import { useState } from 'react';
import { Link } from 'wouter';

import { useClient } from '../app/context';
import { lists, paths } from '../app/routes';
import { useStore } from '../app/store';
import { classes } from '../ui/controls';
import { ConversationList } from './ConversationList';
import type { ListState, SectionId } from './entries';
import styles from './inbox.module.css';
import { TeamList } from './TeamList';

const names: Record<InboxList, string> = { all: 'All', mine: 'Mine', queue: 'Queue', closed: 'Closed' };

interface SidebarProps {
  list: InboxList;
  state: ListState;
  selected: string | null;
  onFold: (section: SectionId) => void;
}

export function Sidebar({ list, state, selected, onFold }: SidebarProps) {
  const client = useClient();
  const counts = useStore(client.counts);
  const [teamOpen, setTeamOpen] = useState(true);
  return (
    <aside className={styles.sidebar} aria-label="Inbox">
      <nav className={styles.tabs} aria-label="Lists">
        {lists.map((id) => (
          <Link key={id} href={paths.list(id)} className={styles.tab} aria-current={id === list ? 'page' : undefined}>
            {names[id]}
            {id !== 'closed' && counts[id] > 0 && (
              <span className={classes(styles.tabCount, 'numbers')}>{counts[id].toLocaleString()}</span>
            )}
          </Link>
        ))}
      </nav>
      <ConversationList key={list} list={list} state={state} selected={selected} onFold={onFold} />
      <TeamList open={teamOpen} onToggle={() => setTeamOpen(!teamOpen)} />
    </aside>
  );
}
