import type { Conversation, InboxList } from '@supportbase/handoff';
import { ArrowLeft, Bot, Check, Ellipsis, Hand, PanelRight, UserRound } from 'lucide-react';
import { Link } from 'wouter';

import { useNameOf } from '../app/context';
import { paths } from '../app/routes';
import { useNow } from '../app/store';
import { customerName } from '../format';
import { Avatar, Dot } from '../ui/avatar';
import { Button, IconButton, classes } from '../ui/controls';
import { Menu, type MenuItem } from '../ui/menu';
import styles from './conversation.module.css';
import { presenceText, presenceTone } from './presence';
import type { Actions } from './useActions';

interface HeaderProps {
  conversation: Conversation;
  typing: boolean;
  list: InboxList;
  actions: Actions;
  items: readonly MenuItem[];
  panelOpen: boolean;
  onPanel: () => void;
}

export function Header({ conversation, typing, list, actions, items, panelOpen, onPanel }: HeaderProps) {
  const now = useNow(15_000);
  const name = customerName(conversation);
  return (
    <header className={styles.header}>
      <Link href={paths.list(list)} className={styles.back} aria-label="Back to the list">
        <ArrowLeft size={19} />
      </Link>
      <Avatar
        name={conversation.customer_name ?? conversation.customer_email}
        seed={conversation.customer_id ?? conversation.id}
      />
      <div className={styles.who}>
        <h1 className="ellipsis">{name}</h1>
        <div className={classes(styles.presence, 'ellipsis')}>
          <Dot tone={presenceTone(typing ? 'typing' : conversation.customer_presence)} />
          <span data-testid="presence">{presenceText(conversation, typing, now)}</span>
          {conversation.customer_email !== null && conversation.customer_email !== name && (
            <span className={classes(styles.email, 'ellipsis')}>· {conversation.customer_email}</span>
          )}
        </div>
      </div>
      <div className={styles.headerRight}>
        <Holder conversation={conversation} actions={actions} />
        <MainAction actions={actions} />
        <Menu
          label="Actions"
          items={items}
          align="right"
          trigger={(props) => (
            <IconButton label="More actions" {...props}>
              <Ellipsis size={19} />
            </IconButton>
          )}
        />
        <IconButton label={panelOpen ? 'Hide details' : 'Show details'} aria-pressed={panelOpen} onClick={onPanel}>
          <PanelRight size={18} />
        </IconButton>
      </div>
    </header>
  );
}

/** With whom the conversation is, when that is somebody else. */
function Holder({ conversation, actions }: { conversation: Conversation; actions: Actions }) {
  const nameOf = useNameOf();
  const { status, assigned_agent_id: agent } = conversation;
  if (status === 'ai_active') return <Chip tone="ai" icon={<Bot size={13} />} text="With the AI" />;
  if (status === 'waiting') return <Chip tone="amber" text="Waiting" />;
  if (status === 'resolved') return <Chip tone="green" icon={<Check size={13} />} text="Resolved" />;
  if (status === 'closed') return <Chip tone="plain" text={conversation.is_spam ? 'Spam' : 'Closed'} />;
  if (actions.isMine) return null;
  return <Chip tone="plain" icon={<UserRound size={13} />} text={`With ${nameOf(agent)}`} />;
}

function Chip({
  tone,
  icon,
  text,
}: {
  tone: 'ai' | 'amber' | 'green' | 'plain';
  icon?: React.ReactNode;
  text: string;
}) {
  return (
    <span className={classes(styles.chip, styles[`chip-${tone}`])}>
      {icon}
      {text}
    </span>
  );
}

function MainAction({ actions }: { actions: Actions }) {
  if (actions.main === null) return null;
  if (actions.main === 'resolve') {
    return (
      <Button icon={<Check size={16} />} onClick={actions.resolve ?? undefined}>
        Resolve
      </Button>
    );
  }
  return (
    <Button kind="primary" icon={<Hand size={16} />} onClick={actions.take ?? undefined}>
      {actions.main === 'claim' ? 'Claim' : 'Take over'}
    </Button>
  );
}
