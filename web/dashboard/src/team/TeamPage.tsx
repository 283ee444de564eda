import type { Member } from '@supportbase/handoff';
import { Ellipsis, Mail, Pencil, UserMinus, UserPlus } from 'lucide-react';
import { useState } from 'react';

import { useClient, useIsAdmin } from '../app/context';
import { useEvents, useLoad } from '../app/load';
import { statusWords } from '../app/StatusControl';
import { useNow, useStore } from '../app/store';
import { date } from '../format';
import { Avatar, Dot } from '../ui/avatar';
import { Button, IconButton, classes } from '../ui/controls';
import { Banner, Skeleton } from '../ui/feedback';
import { Menu, type MenuItem } from '../ui/menu';
import page from '../ui/page.module.css';
import { messageOf, useToasts } from '../ui/toasts';
import { InviteDialog } from './InviteDialog';
import { MemberDialog } from './MemberDialog';
import { RemoveDialog } from './RemoveDialog';
import { isExpired, roster, type RosterLine } from './roster';
import styles from './team.module.css';

type Open = { name: 'invite' } | { name: 'edit' | 'remove'; line: RosterLine };

/** Who belongs to the project, with roles, limits and skills. */
export function TeamPage() {
  const client = useClient();
  const isAdmin = useIsAdmin();
  const team = useStore(client.team);
  const members = useLoad('members', () => client.members());
  useEvents(['member_changed'], members.reload);
  const [open, setOpen] = useState<Open | null>(null);
  const lines = members.data === null || team.data === null ? null : roster(members.data, team.data);
  const close = () => setOpen(null);
  return (
    <div className={classes(page.page, 'scroll')}>
      <div className={page.wide}>
        <header className={page.head}>
          <h1>Team</h1>
          <p>Who can answer, how many chats at once, and what they know.</p>
          {isAdmin && (
            <Button kind="primary" icon={<UserPlus size={16} />} onClick={() => setOpen({ name: 'invite' })}>
              Invite
            </Button>
          )}
        </header>
        {members.error !== null && <Banner tone="red">{messageOf(members.error)}</Banner>}
        {lines === null && members.error === null && <Skeleton width="100%" height={200} />}
        {lines !== null && <Roster lines={lines} isAdmin={isAdmin} onOpen={setOpen} />}
      </div>
      {open?.name === 'invite' && <InviteDialog onClose={close} onDone={members.reload} />}
      {open?.name === 'edit' && <MemberDialog line={open.line} onClose={close} onDone={members.reload} />}
      {open?.name === 'remove' && <RemoveDialog line={open.line} onClose={close} onDone={members.reload} />}
    </div>
  );
}

interface RosterProps {
  lines: readonly RosterLine[];
  isAdmin: boolean;
  onOpen: (open: Open) => void;
}

function Roster({ lines, isAdmin, onOpen }: RosterProps) {
  return (
    <div className={classes(page.card, page.tableCard)}>
      <table className={page.table}>
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col">Role</th>
            <th scope="col">Status</th>
            <th scope="col">Chats</th>
            <th scope="col">Skills</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.key}>
              <Person line={line} />
              <td className={styles.role}>{line.role}</td>
              <StatusCell line={line} />
              <td className="numbers">
                {line.agent === null ? '–' : `${line.agent.current_chat_count} / ${line.agent.max_concurrent_chats}`}
              </td>
              <td>
                <div className={page.chips}>
                  {line.agent?.skills.map((skill) => (
                    <span key={skill}>{skill}</span>
                  ))}
                </div>
              </td>
              <td>
                <div className={page.rowActions}>{isAdmin && <LineMenu line={line} onOpen={onOpen} />}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Person({ line }: { line: RosterLine }) {
  const client = useClient();
  const tone = line.agent === null ? null : statusWords[line.agent.effective_status].tone;
  return (
    <td>
      <div className={page.person}>
        <Avatar
          name={line.name}
          seed={line.agent?.user_id ?? line.email}
          image={line.agent?.avatar_url ?? null}
          dot={tone}
        />
        <div>
          <strong>
            {line.name}
            {line.agent?.user_id === client.userId && <span className={styles.you}>you</span>}
          </strong>
          <span>{line.email}</span>
        </div>
      </div>
    </td>
  );
}

function StatusCell({ line }: { line: RosterLine }) {
  const now = useNow(15_000);
  if (line.agent !== null) {
    const words = statusWords[line.agent.effective_status];
    return (
      <td>
        <span className={styles.status}>
          <Dot tone={words.tone} /> {words.title}
        </span>
      </td>
    );
  }
  const { member } = line;
  const expired = member !== null && isExpired(member, now);
  const until = member?.invitation_expires_at;
  return (
    <td>
      <span className={classes(styles.invited, expired && styles.expired)}>
        {expired ? 'Invitation expired' : 'Invited'}
      </span>
      {!expired && typeof until === 'string' && <span className={styles.until}>until {date(until)}</span>}
    </td>
  );
}

function LineMenu({ line, onOpen }: { line: RosterLine; onOpen: (open: Open) => void }) {
  const client = useClient();
  const toasts = useToasts();
  const { member } = line;
  const again = (invited: Member) =>
    void toasts.attempt(
      () => client.inviteMember({ email: invited.email, role: invited.role }),
      'The invitation was renewed',
    );
  const items: MenuItem[] = [
    { id: 'edit', title: 'Edit', icon: <Pencil size={16} />, onSelect: () => onOpen({ name: 'edit', line }) },
  ];
  if (member?.status === 'pending') {
    items.push({ id: 'again', title: 'Invite again', icon: <Mail size={16} />, onSelect: () => again(member) });
  }
  if (member !== null) {
    items.push({
      id: 'remove',
      title: member.status === 'pending' ? 'Withdraw the invitation' : 'Remove from the team',
      icon: <UserMinus size={16} />,
      danger: true,
      apart: true,
      onSelect: () => onOpen({ name: 'remove', line }),
    });
  }
  return (
    <Menu
      label={`Actions for ${line.name}`}
      items={items}
      align="right"
      trigger={(props) => (
        <IconButton label={`Actions for ${line.name}`} small {...props}>
          <Ellipsis size={17} />
        </IconButton>
      )}
    />
  );
}
