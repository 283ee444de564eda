import type { SupabaseClient } from '@supabase/supabase-js';

import type { InboxCounts, InboxLine, InboxList } from '../conversation.js';
import { rpc } from '../core/call.js';
import { Resource } from '../core/resource.js';
import { createStore, type Store, type WritableStore } from '../core/store.js';
import type { InboxSnapshot, InboxView } from './types.js';

const PAGE = 50;
/** The most that one answer has. */
const MOST = 200;
/** Messages of chats that are not one's own are not broadcast to the team. */
const REFRESH_MS = 15_000;

interface InboxAnswer {
  conversations: InboxLine[];
  counts: InboxCounts;
}

export interface InboxContext {
  supabase: SupabaseClient;
  projectId: string;
  onCounts(counts: InboxCounts): void;
}

/** One list: its newest lines are kept fresh, older ones stay as they were read until they change. */
export class Inbox implements InboxView {
  readonly list: InboxList;
  readonly subscribe: Store<InboxSnapshot>['subscribe'];
  readonly getSnapshot: Store<InboxSnapshot>['getSnapshot'];
  readonly #context: InboxContext;
  readonly #fresh: Resource<InboxLine[]>;
  readonly #store: WritableStore<InboxSnapshot>;
  #older: InboxLine[] = [];
  /** Whether the last page that was read was the last there is. */
  #ended = false;
  #size = PAGE;
  #unfollow: (() => void) | null = null;

  constructor(list: InboxList, context: InboxContext) {
    this.list = list;
    this.#context = context;
    this.#fresh = new Resource({ load: () => this.#read(this.#size, null), everyMs: REFRESH_MS });
    this.#store = createStore<InboxSnapshot>(
      { lines: [], loading: true, hasMore: false, error: null },
      {
        onActive: () => (this.#unfollow = this.#fresh.subscribe(() => this.#report())),
        onInactive: () => this.#unfollow?.(),
      },
    );
    this.subscribe = this.#store.subscribe;
    this.getSnapshot = this.#store.getSnapshot;
  }

  refresh(): Promise<void> {
    return this.#fresh.refresh();
  }

  invalidate(): void {
    this.#fresh.invalidate();
  }

  async loadMore(): Promise<void> {
    const { lines, hasMore } = this.getSnapshot();
    const last = lines.at(-1);
    if (!hasMore || last === undefined) return;
    if (this.list === 'queue' || this.#size < MOST) {
      this.#size = Math.min(this.#size + PAGE, MOST);
      return this.refresh();
    }
    const more = await this.#read(PAGE, last.last_message_at);
    this.#older = [...this.#older, ...more];
    // A page may be longer than asked for: lines of one instant stay together.
    this.#ended = more.length < PAGE;
    this.#report();
  }

  /** Shows a change of one line at once. */
  change(id: string, update: (line: InboxLine) => InboxLine): void {
    const changed = (lines: InboxLine[]) => lines.map((line) => (line.id === id ? update(line) : line));
    this.#older = changed(this.#older);
    this.#fresh.change((lines) => (lines.some((line) => line.id === id) ? changed(lines) : lines));
    this.#report();
  }

  stop(): void {
    this.#unfollow?.();
    this.#fresh.stop();
  }

  async #read(limit: number, before: string | null): Promise<InboxLine[]> {
    const { conversations, counts } = await rpc<InboxAnswer>(this.#context.supabase, 'inbox', {
      p_project_id: this.#context.projectId,
      p_list: this.list,
      p_limit: limit,
      p_before: before,
    });
    this.#context.onCounts(counts);
    return conversations;
  }

  #report(): void {
    const { data, loading, error } = this.#fresh.getSnapshot();
    const fresh = data ?? [];
    const ids = new Set(fresh.map(({ id }) => id));
    // Without older lines the list is the resource's own array: unchanged means unchanged.
    const lines = this.#older.length === 0 ? fresh : [...fresh, ...this.#older.filter(({ id }) => !ids.has(id))];
    const canGrow = this.list !== 'queue' || this.#size < MOST;
    this.#store.patch({
      lines,
      error,
      loading: loading && data === null,
      hasMore: canGrow && this.#mayHaveMore(fresh),
    });
  }

  #mayHaveMore(fresh: InboxLine[]): boolean {
    if (this.#older.length > 0 || this.#ended) return !this.#ended;
    return fresh.length >= this.#size;
  }
}
