import { Bell, Keyboard, LogOut, Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';

import { Avatar } from '../ui/avatar';
import { Menu, type MenuItem } from '../ui/menu';
import { useMe } from './context';
import { desktopPermission } from './notify';
import styles from './shell.module.css';
import { useStore } from './store';
import { setTheme, theme, type Theme } from './theme';

const themes: readonly { id: Theme; title: string; icon: typeof Sun }[] = [
  { id: 'system', title: 'Like the system', icon: Monitor },
  { id: 'light', title: 'Light', icon: Sun },
  { id: 'dark', title: 'Dark', icon: Moon },
];

export function AccountMenu({ onHelp, onSignOut }: { onHelp: () => void; onSignOut: () => void }) {
  const me = useMe();
  const chosen = useStore(theme);
  const [permission, setPermission] = useState(desktopPermission);
  const name = me?.name ?? me?.email ?? 'Account';
  const items: MenuItem[] = themes.map(({ id, title, icon: Icon }) => ({
    id,
    title,
    icon: <Icon size={16} />,
    checked: chosen === id,
    aside: chosen === id ? <span className={styles.check}>✓</span> : undefined,
    onSelect: () => setTheme(id),
  }));
  if (permission === 'default') {
    items.push({
      id: 'desktop',
      title: 'Desktop notifications',
      about: 'When a chat arrives while you look elsewhere',
      icon: <Bell size={16} />,
      apart: true,
      onSelect: () => void Notification.requestPermission().then(setPermission),
    });
  }
  items.push(
    {
      id: 'help',
      title: 'Keyboard shortcuts',
      icon: <Keyboard size={16} />,
      apart: permission !== 'default',
      onSelect: onHelp,
    },
    { id: 'out', title: 'Sign out', icon: <LogOut size={16} />, apart: true, onSelect: onSignOut },
  );
  return (
    <Menu
      label="Account"
      items={items}
      align="right"
      caption={me?.email ?? undefined}
      trigger={(props) => (
        <button type="button" className={styles.account} {...props}>
          <Avatar name={name} seed={me?.user_id ?? name} image={me?.avatar_url ?? null} size={32} />
          <span className={styles.accountName}>
            <span className="visually-hidden">Account of </span>
            {name}
          </span>
        </button>
      )}
    />
  );
}
