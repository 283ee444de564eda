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
