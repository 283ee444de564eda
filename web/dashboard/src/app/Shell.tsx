import { Inbox, Settings, Users, Globe } from 'lucide-react';
import { lazy, Suspense, useCallback, useState, type ReactNode } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';

import { InboxPage } from '../inbox/InboxPage';
import { OfferStack } from '../offers/OfferStack';
import { classes } from '../ui/controls';
import { useToasts } from '../ui/toasts';
import { AccountMenu } from './AccountMenu';
import { ConnectionNotice } from './ConnectionNotice';
import { useClient } from './context';
import { Help } from './Help';
import { Logo } from './Logo';
import { useNews, useTitleBadge, type News } from './notify';
import { paths, useOpen } from './routes';
import styles from './shell.module.css';
import { useShortcut } from './shortcuts';
import { StatusControl } from './StatusControl';
import { useStore } from './store';

// The inbox is what agents open; the other pages come when they are asked for.
const SettingsPage = lazy(async () => ({ default: (await import('../settings/SettingsPage')).SettingsPage }));
const TeamPage = lazy(async () => ({ default: (await import('../team/TeamPage')).TeamPage }));
const VisitorsPage = lazy(async () => ({ default: (await import('../visitors/VisitorsPage')).VisitorsPage }));

/** The frame around every page: navigation, status, news. */
export function Shell({ onSignOut }: { onSignOut: () => void }) {
  const [help, setHelp] = useState(false);
  useShortcut('help', () => setHelp(true));
  useGlobalNews();
  return (
    <div className={styles.shell}>
      <header className={styles.header}>
        <Brand />
        <Navigation />
        <div className={styles.right}>
          <StatusControl />
          <AccountMenu onHelp={() => setHelp(true)} onSignOut={onSignOut} />
        </div>
      </header>
      <ConnectionNotice />
      <main className={styles.main}>
        <Suspense fallback={null}>
          <Pages />
        </Suspense>
      </main>
      <OfferStack />
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/inbox/:list/:id?">{({ list, id }) => <InboxPage list={list} conversationId={id ?? null} />}</Route>
      <Route path="/conversations/:id">{({ id }) => <Redirect to={paths.conversation('all', id)} replace />}</Route>
      <Route path="/visitors">
        <VisitorsPage />
      </Route>
      <Route path="/team">
        <TeamPage />
      </Route>
      <Route path="/settings/:section?">{({ section }) => <SettingsPage section={section} />}</Route>
      <Route>
        <Redirect to={paths.list('all')} replace />
      </Route>
    </Switch>
  );
}

function Brand() {
  return (
    <Link href={paths.list('all')} className={styles.brand} aria-label="SupportBase, to the inbox">
      <Logo size={28} />
      <span>SupportBase</span>
    </Link>
  );
}

function Navigation() {
  const client = useClient();
  const { queue } = useStore(client.counts);
  const visitors = useStore(client.visitors).data;
  return (
    <nav className={styles.navigation} aria-label="Main">
      <NavigationLink
        to="/inbox"
        href={paths.list('all')}
        icon={<Inbox size={18} />}
        label="Inbox"
        count={queue}
        urgent
      />
      <NavigationLink
        to="/visitors"
        href="/visitors"
        icon={<Globe size={18} />}
        label="Visitors"
        count={visitors?.length ?? 0}
      />
      <NavigationLink to="/team" href="/team" icon={<Users size={18} />} label="Team" />
      <NavigationLink to="/settings" href={paths.settings('handoff')} icon={<Settings size={18} />} label="Settings" />
    </nav>
  );
}

interface NavigationLinkProps {
  to: string;
  href: string;
  icon: ReactNode;
  label: string;
  count?: number;
  urgent?: boolean;
}

function NavigationLink({ to, href, icon, label, count = 0, urgent = false }: NavigationLinkProps) {
  const [location] = useLocation();
  const current = location.startsWith(to);
  return (
    <Link href={href} className={styles.link} aria-current={current ? 'page' : undefined}>
      {icon}
      <span className={styles.linkLabel}>{label}</span>
      {count > 0 && (
        <span className={classes(styles.count, urgent && styles.urgent, 'numbers')}>{count > 99 ? '99+' : count}</span>
      )}
    </Link>
  );
}

const pageNames: Record<string, string> = { visitors: 'Visitors', team: 'Team', settings: 'Settings' };

function useGlobalNews(): void {
  const client = useClient();
  const open = useOpen();
  const { say } = useToasts();
  const [location] = useLocation();
  useTitleBadge(client, pageNames[location.split('/')[1] ?? ''] ?? 'Inbox');
  const show = useCallback(
    (news: News) => say(news.title, { label: 'Open', run: () => open(news.conversationId, 'mine') }),
    [say, open],
  );
  useNews(client, show, open);
}
