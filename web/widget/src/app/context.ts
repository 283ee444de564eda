import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Store } from '@supportbase/handoff';

import type { Say } from '../i18n/index.js';
import type { Options } from '../options.js';
import type { ChatModel } from './model.js';

/** What every part of the panel can reach. */
export interface PanelContext {
  model: ChatModel;
  say: Say;
  locale: string;
  options: Options;
  /** The page is being left by the panel's own button. */
  close: () => void;
}

const Panel = createContext<PanelContext | null>(null);
export const PanelProvider = Panel.Provider;

export function usePanel(): PanelContext {
  const context = useContext(Panel);
  if (!context) throw new Error('outside of the panel');
  return context;
}

/** The store's value; draws again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.getSnapshot);
  useEffect(() => {
    const update = (): void => setValue(() => store.getSnapshot());
    update(); // it may have changed between the drawing and now
    return store.subscribe(update);
  }, [store]);
  return value;
}

/** The time, to the second, while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
