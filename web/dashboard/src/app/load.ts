import type { DashboardEvent } from '@supportbase/handoff';
import { useCallback, useEffect, useRef, useState } from 'react';

import { useClient } from './context';

export interface Load<T> {
  data: T | null;
  error: unknown;
  reload: () => void;
}

/** Fetches when `key` changes (null: nothing to fetch) and on reload(); the last answer stays until the next one is there. */
export function useLoad<T>(key: string | null, fetch: () => Promise<T>): Load<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: unknown }>({
    key,
    data: null,
    error: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(fetch);
  useEffect(() => {
    latest.current = fetch;
  });
  useEffect(() => {
    if (key === null) return;
    let stale = false;
    latest.current().then(
      (data) => stale || setState({ key, data, error: null }),
      (error: unknown) => stale || setState((now) => ({ key, data: now.key === key ? now.data : null, error })),
    );
    return () => {
      stale = true;
    };
  }, [key, turn]);
  const reload = useCallback(() => setTurn((now) => now + 1), []);
  const current = state.key === key;
  return { data: current ? state.data : null, error: current ? state.error : null, reload };
}

/** Calls back on each of these events. */
export function useEvents(names: readonly DashboardEvent['event'][], callback: (event: DashboardEvent) => void): void {
  const client = useClient();
  const latest = useRef({ names, callback });
  useEffect(() => {
    latest.current = { names, callback };
  });
  useEffect(
    () =>
      client.onEvent((event) => {
        if (latest.current.names.includes(event.event)) latest.current.callback(event);
      }),
    [client],
  );
}
