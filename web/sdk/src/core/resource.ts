import { asHandoffError } from './call.js';
import type { HandoffError } from './errors.js';
import { isHidden, onPageSignal } from './page.js';
import { createStore, type Store, type WritableStore } from './store.js';

/** A value that is loaded and kept fresh. `data` stays while it is loaded again. */
export interface Loadable<T> {
  data: T | null;
  loading: boolean;
  error: { code: string; message: string } | null;
}

export interface ResourceOptions<T> {
  load: () => Promise<T>;
  /** Loads again as often while somebody subscribes and the page is shown: for what no event tells. */
  everyMs?: number;
}

/** News come in bursts; one load answers those of as long. */
const GATHER_MS = 300;

/**
 * Something of the database, loaded when the first subscriber comes, again whenever it may have changed, and not at all while
 * nobody looks.
 */
export class Resource<T> implements Store<Loadable<T>> {
  readonly subscribe: Store<Loadable<T>>['subscribe'];
  readonly getSnapshot: Store<Loadable<T>>['getSnapshot'];
  readonly #store: WritableStore<Loadable<T>>;
  readonly #options: ResourceOptions<T>;
  #active = false;
  #stale = true;
  #loading: Promise<void> | null = null;
  #gather: ReturnType<typeof setTimeout> | undefined;
  #every: ReturnType<typeof setInterval> | undefined;
  #unlisten: (() => void) | null = null;

  constructor(options: ResourceOptions<T>) {
    this.#options = options;
    this.#store = createStore<Loadable<T>>(
      { data: null, loading: false, error: null },
      { onActive: () => this.#wake(), onInactive: () => this.stop() },
    );
    this.subscribe = this.#store.subscribe;
    this.getSnapshot = this.#store.getSnapshot;
  }

  /** It may have changed: load it again soon, if anybody looks. */
  invalidate(): void {
    this.#stale = true;
    if (!this.#active || this.#gather !== undefined) return;
    this.#gather = setTimeout(() => {
      this.#gather = undefined;
      void this.refresh();
    }, GATHER_MS);
  }

  /** Loads it now. Does not reject: the failure is in the snapshot. */
  refresh(): Promise<void> {
    this.#stale = true;
    this.#loading ??= this.#loadUntilFresh().finally(() => (this.#loading = null));
    return this.#loading;
  }

  /** Changes what is shown at once, before it is loaded again. */
  change(update: (data: T) => T): void {
    const { data } = this.getSnapshot();
    if (data !== null) this.#store.patch({ data: update(data) });
  }

  stop(): void {
    this.#active = false;
    clearTimeout(this.#gather);
    clearInterval(this.#every);
    this.#gather = undefined;
    this.#unlisten?.();
    this.#unlisten = null;
  }

  #wake(): void {
    this.#active = true;
    if (this.#stale) void this.refresh();
    this.#unlisten = onPageSignal((signal) => {
      if (signal === 'visible' || signal === 'online') this.invalidate();
    });
    if (this.#options.everyMs === undefined) return;
    this.#every = setInterval(() => {
      if (!isHidden()) this.invalidate();
    }, this.#options.everyMs);
  }

  async #loadUntilFresh(): Promise<void> {
    this.#store.patch({ loading: true });
    let error: HandoffError | null = null;
    // What is asked for during a load may not be in its answer.
    while (this.#stale && error === null) {
      this.#stale = false;
      try {
        this.#store.patch({ data: await this.#options.load(), error: null });
      } catch (cause) {
        error = asHandoffError(cause);
        this.#stale = true;
      }
    }
    this.#store.patch({ loading: false, error: error && { code: error.code, message: error.message } });
    if (error?.retryable) this.invalidate();
  }
}
