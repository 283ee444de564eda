import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConnectionStatus } from '@supportbase/handoff';

import type { Say } from '../i18n/index.js';
import { useNow, usePanel } from './context.js';
import { CheckIcon, WifiOffIcon } from './icons.js';

/** A break that is over before this was none. */
const PATIENCE_MS = 1_200;
const GOOD_NEWS_MS = 2_500;

const isBroken = ({ state }: ConnectionStatus): boolean =>
  state === 'reconnecting' || state === 'failed' || state === 'offline';

/** How the page is connected (F001 5.6.7, 5.9.6); nothing while all is well. */
export function ConnectionBar({ connection: told }: { connection: ConnectionStatus }): JSX.Element {
  const { say, model } = usePanel();
  // The browser knows at once that there is no network; a socket may take a minute to find out.
  const connection: ConnectionStatus = useOnline() ? told : { ...told, state: 'offline', retryAt: null };
  const shown = useShown(isBroken(connection));
  const now = useNow(shown === 'broken' && connection.retryAt !== null);
  return (
    <div class="sb-connection" role="status" data-shown={shown}>
      {shown === 'broken' && (
        <>
          <WifiOffIcon />
          <span>{brokenText(connection, now, say)}</span>
          {connection.state !== 'offline' && (
            <button type="button" onClick={() => model.reconnect()}>
              {say('tryNow')}
            </button>
          )}
        </>
      )}
      {shown === 'mended' && (
        <>
          <CheckIcon />
          <span>{say('backOnline')}</span>
        </>
      )}
    </div>
  );
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = (): void => setOnline(navigator.onLine);
    window.addEventListener('online', update);
    window.addEventListener('offline', update);
    return () => {
      window.removeEventListener('online', update);
      window.removeEventListener('offline', update);
    };
  }, []);
  return online;
}

function brokenText({ state, retryAt }: ConnectionStatus, now: number, say: Say): string {
  if (state === 'offline') return say('offlineNetwork');
  if (state === 'failed') return say('connectionFailed');
  const seconds = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000);
  return seconds > 0 ? say('reconnecting', { seconds }) : say('reconnectingNow');
}

/** Waits before it says that something is wrong, and says for a moment that it is right again. */
function useShown(broken: boolean): 'nothing' | 'broken' | 'mended' {
  const [shown, setShown] = useState<'nothing' | 'broken' | 'mended'>('nothing');
  const told = useRef(false);
  useEffect(() => {
    if (broken) {
      const timer = setTimeout(() => {
        told.current = true;
        setShown('broken');
      }, PATIENCE_MS);
      return () => clearTimeout(timer);
    }
    setShown(told.current ? 'mended' : 'nothing');
    told.current = false;
    const timer = setTimeout(() => setShown('nothing'), GOOD_NEWS_MS);
    return () => clearTimeout(timer);
  }, [broken]);
  return shown;
}
