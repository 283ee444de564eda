import type { Store } from '@supportbase/handoff';
import { useSyncExternalStore } from 'react';

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** A store for the page's own state. */
export interface Cell<T> extends Store<T> {
  set: (value: T) => void;
}

export function createCell<T>(initial: T): Cell<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    getSnapshot: () => value,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener();
    },
  };
}

const clocks = new Map<number, Store<number>>();

/** The time, one clock for everybody who asks for the same step; rows do not each have a timer. */
export function useNow(stepMs: 1_000 | 15_000): number {
  let clock = clocks.get(stepMs);
  if (clock === undefined) {
    clock = createClock(stepMs);
    clocks.set(stepMs, clock);
  }
  return useStore(clock);
}

function createClock(stepMs: number): Store<number> {
  const cell = createCell(Date.now());
  let timer: ReturnType<typeof setInterval> | undefined;
  let listeners = 0;
  const subscribe = (listener: () => void) => {
    const unsubscribe = cell.subscribe(listener);
    listeners += 1;
    if (listeners === 1) {
      cell.set(Date.now());
      timer = setInterval(() => cell.set(Date.now()), stepMs);
    }
    return () => {
      unsubscribe();
      listeners -= 1;
      if (listeners === 0) clearInterval(timer);
    };
  };
  return { subscribe, getSnapshot: cell.getSnapshot };
}

/** Whether the browser believes that there is a network. */
export const onlineStore: Store<boolean> = {
  getSnapshot: () => navigator.onLine,
  subscribe: (listener) => {
    window.addEventListener('online', listener);
    window.addEventListener('offline', listener);
    return () => {
      window.removeEventListener('online', listener);
      window.removeEventListener('offline', listener);
    };
  },
};
