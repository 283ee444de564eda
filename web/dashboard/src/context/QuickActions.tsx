import type { Conversation, QuickActionLink } from '@supportbase/handoff';
import { ExternalLink, Mail, Phone } from 'lucide-react';

import { usePlaybook } from '../app/context';
import { useEvents, useLoad } from '../app/load';
import styles from './context.module.css';
import { Section } from './ContextPanel';

/** Links of the project, filled for this conversation by the database. */
export function QuickActions({ conversation }: { conversation: Conversation }) {
  const playbook = usePlaybook();
  const { id, customer_email: email, customer_name: name } = conversation;
  const { data, reload } = useLoad(`${id}/${email ?? ''}/${name ?? ''}`, () => playbook.quickActionLinks(id));
  useEvents(['settings_changed'], reload);
  if (data === null || data.length === 0) return null;
  return (
    <Section title="Quick actions">
      <ul className={styles.actions}>
        {data.map((link) => (
          <li key={link.id}>
            <Action link={link} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

const SCHEMES = /^(?:https|mailto|tel):/u;

function Action({ link }: { link: QuickActionLink }) {
  if (link.url === null || !SCHEMES.test(link.url)) {
    return (
      <span className={styles.action} aria-disabled="true" title={`Not known: ${link.missing.join(', ')}`}>
        {link.label}
        <span className={styles.missing}>no {link.missing[0] ?? 'link'}</span>
      </span>
    );
  }
  const Icon = link.url.startsWith('mailto:') ? Mail : link.url.startsWith('tel:') ? Phone : ExternalLink;
  return (
    <a className={styles.action} href={link.url} target="_blank" rel="noopener noreferrer">
      {link.label}
      <Icon size={14} aria-hidden="true" />
    </a>
  );
}
