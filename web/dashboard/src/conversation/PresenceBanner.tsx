import type { Conversation } from '@supportbase/handoff';

import { useClient } from '../app/context';
import { useNow, useStore } from '../app/store';
import { Banner } from '../ui/feedback';
import styles from './conversation.module.css';
import { presenceAlert } from './presence';

/** Warns before an agent writes into a chat that nobody reads any more. */
export function PresenceBanner({ conversation }: { conversation: Conversation }) {
  const client = useClient();
  const settings = useStore(client.settings).data;
  const now = useNow(1_000);
  const alert = presenceAlert(conversation, settings?.auto_close_after_warning_minutes ?? null, now);
  if (alert === null) return null;
  return (
    <div className={styles.alert} data-testid="presence-alert">
      <Banner tone={alert.tone}>{alert.text}</Banner>
    </div>
  );
}
