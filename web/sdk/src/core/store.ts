/**
 * A value that changes, and how to hear of it. Fits React's `useSyncExternalStore(store.subscribe, store.getSnapshot)`:
 * both functions may be passed around unbound, and a snapshot is the same object until something in it has changed.
 */
export interface Store<T> {
  /** Calls `listener` after each change, until the returned function is called. */
  subscribe: (listener: () => void) => () => void;
  /** The value now. Never mutated: a change is a new object; parts that did not change keep their identity. */
  getSnapshot: () => T;
}

/** A {@link Store} as its owner sees it. */
export interface WritableStore<T> extends Store<T> {
  /** Replaces the value; the same value again tells nobody. */
  set(value: T): void;
  /** Replaces the fields that differ; when none does, nobody is told. */
  patch(change: Partial<T>): void;
}

export interface StoreHooks {
  /** The first listener has come. */
  onActive?: () => void;
  /** The last listener has gone. */
  onInactive?: () => void;
}

export function createStore<T>(initial: T, hooks: StoreHooks = {}): WritableStore<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  const set = (next: T) => {
    if (Object.is(next, value)) return;
    value = next;
    for (const listener of [...listeners]) notify(listener);
  };
  return {
    getSnapshot: () => value,
    set,
    patch: (change) => {
      const differs = (Object.keys(change) as (keyof T)[]).some((key) => !Object.is(change[key], value[key]));
      if (differs) set({ ...value, ...change });
    },
    subscribe: (listener) => {
      // A wrapper of its own, so that the same function may subscribe twice and leave once.
      const entry = () => listener();
      listeners.add(entry);
      if (listeners.size === 1) hooks.onActive?.();
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) hooks.onInactive?.();
      };
    },
  };
}

/** A listener that throws keeps neither the others nor the store from going on; its error is reported as uncaught. */
export function notify(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
