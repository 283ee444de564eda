import { BookText, Clock, Hand, Zap } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link, Redirect } from 'wouter';

import { useClient, useIsAdmin } from '../app/context';
import { paths } from '../app/routes';
import { useStore } from '../app/store';
import { Banner, Skeleton } from '../ui/feedback';
import page from '../ui/page.module.css';
import { classes } from '../ui/controls';
import { CannedSection } from './CannedSection';
import { HandoffSection } from './HandoffSection';
import { HoursSection } from './HoursSection';
import { QuickActionsSection } from './QuickActionsSection';
import styles from './settings.module.css';

const sections = {
  handoff: { title: 'Human handoff', icon: <Hand size={17} /> },
  hours: { title: 'Business hours', icon: <Clock size={17} /> },
  canned: { title: 'Canned responses', icon: <BookText size={17} /> },
  actions: { title: 'Quick actions', icon: <Zap size={17} /> },
} satisfies Record<string, { title: string; icon: ReactNode }>;

type SectionId = keyof typeof sections;

function isSection(text: string | undefined): text is SectionId {
  return text !== undefined && text in sections;
}

export function SettingsPage({ section }: { section: string | undefined }) {
  const isAdmin = useIsAdmin();
  if (!isSection(section)) return <Redirect to={paths.settings('handoff')} replace />;
  return (
    <div className={styles.page}>
      <nav className={styles.nav} aria-label="Settings">
        {(Object.keys(sections) as SectionId[]).map((id) => (
          <Link key={id} href={paths.settings(id)} aria-current={id === section ? 'page' : undefined}>
            {sections[id].icon}
            {sections[id].title}
          </Link>
        ))}
      </nav>
      <div className={classes(styles.content, 'scroll')}>
        <div className={page.narrow}>
          {!isAdmin && <Banner tone="accent">Only the owner and admins can change settings. You can read them.</Banner>}
          <Section id={section} />
        </div>
      </div>
    </div>
  );
}

function Section({ id }: { id: SectionId }) {
  const client = useClient();
  const { data, error } = useStore(client.settings);
  if (id === 'canned') return <CannedSection />;
  if (id === 'actions') return <QuickActionsSection />;
  if (error !== null && data === null) return <Banner tone="red">{error.message}</Banner>;
  if (data === null) return <Skeleton width="100%" height={260} />;
  return id === 'handoff' ? <HandoffSection settings={data} /> : <HoursSection settings={data} />;
}
