import type { ConnectionStatus } from '@supportbase/handoff';
import { RotateCw, WifiOff } from 'lucide-react';

import { Button } from '../ui/controls';
import { useClient } from './context';
import styles from './shell.module.css';
import { onlineStore, useNow, useStore } from './store';

/** The agent's own connection, while it is not there (F001 5.9.6). */
export function ConnectionNotice() {
  const client = useClient();
  const status = useStore(client.connection);
  // A socket may outlive the network by a minute; what the browser says of it comes first.
  const online = useStore(onlineStore);
  const connection: ConnectionStatus = online ? status : { state: 'offline', attempt: 0, retryAt: null };
  if (connection.state === 'connected' || connection.state === 'idle' || connection.state === 'connecting') return null;
  return (
    <div className={styles.notice} role="status">
      <WifiOff size={16} aria-hidden="true" />
      <span>
        <Words connection={connection} />
      </span>
      {connection.state !== 'offline' && (
        <Button small icon={<RotateCw size={14} />} onClick={() => client.reconnect()}>
          Try now
        </Button>
      )}
    </div>
  );
}

function Words({ connection }: { connection: ConnectionStatus }) {
  const now = useNow(1_000);
  if (connection.state === 'offline') return <>You are offline. What you write is sent when you are back.</>;
  const seconds = connection.retryAt === null ? 0 : Math.max(0, Math.ceil((connection.retryAt - now) / 1000));
  const next = seconds > 0 ? ` Trying again in ${seconds} s.` : ' Trying again …';
  return (
    <>
      {connection.state === 'failed' ? 'No connection to live updates.' : 'Connection lost.'}
      {next}
    </>
  );
}
