/**
 * How the page is connected, as one state (F001 5.6.7, 5.9.6):
 *
 * - `idle`: nothing to listen to yet
 * - `connecting`: the first join is under way
 * - `connected`: broadcasts arrive
 * - `reconnecting`: lost; the next try comes at `retryAt`, after 2, 4, 8, 16, 30, 30 ... seconds
 * - `failed`: five tries in a row failed. Tries go on every 30 seconds, and at once when the page comes back online or is shown;
 *   offer `reconnect()` beside it.
 * - `offline`: the browser says that there is no network
 *
 * What was missed meanwhile is fetched after each join; sending does not depend on any of this.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'failed' | 'offline';

export interface ConnectionStatus {
  state: ConnectionState;
  /** Tries since the connection was lost. */
  attempt: number;
  /** When the next try comes (milliseconds since 1970); null when none is planned. */
  retryAt: number | null;
}
