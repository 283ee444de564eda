import type { Conversation } from '@supportbase/handoff';
import { useState } from 'react';

import { useClient } from '../app/context';
import { useEvents } from '../app/load';
import { useNow, useStore } from '../app/store';
import { Banner } from '../ui/feedback';
import styles from './conversation.module.css';
import { presenceAlert } from './presence';

/** Warns before an agent writes into a chat that nobody reads any more. */
export function PresenceBanner({ conversation }: { conversation: Conversation }) {
  const client = useClient();
  const settings = useStore(client.settings).data;
  const now = useNow(1_000);
  const reason = useLeaveReason(conversation.id);
  const alert = presenceAlert(conversation, reason, settings?.auto_close_after_warning_minutes ?? null, now);
  if (alert === null) return null;
  return (
    <div className={styles.alert} data-testid="presence-alert">
      <Banner tone={alert.tone}>{alert.text}</Banner>
    </div>
  );
}

/** What the customer's page said when it left. */
function useLeaveReason(conversationId: string): string | null {
  const [reason, setReason] = useState<string | null>(null);
  useEvents(['customer_presence_update'], ({ event, payload }) => {
    if (event !== 'customer_presence_update' || payload.conversation_id !== conversationId) return;
    setReason('reason' in payload && typeof payload.reason === 'string' ? payload.reason : null);
  });
  return reason;
}
