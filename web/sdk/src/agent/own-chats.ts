import type { SupabaseClient } from '@supabase/supabase-js';

import { run } from '../core/call.js';
import { Resource } from '../core/resource.js';
import type { ConversationEvent } from '../protocol.js';
import { ConversationFeed } from '../realtime/feed.js';
import type { Link } from '../realtime/link.js';

/** An agent's limit is 50 chats, and a socket has 100 channels. */
const MOST = 50;
const REFRESH_MS = 60_000;

interface OwnChat {
  id: string;
  event_seq: number;
}

/**
 * Listens to every conversation that is the agent's now, so that the dashboard hears customers in chats that are not open. What
 * a customer writes before the topic is joined, or while it is away, is healed like in an open chat: it is news all the same.
 */
export class OwnChats {
  readonly #supabase: SupabaseClient;
  readonly #link: Link;
  readonly #onEvent: (event: ConversationEvent) => void;
  readonly #feeds = new Map<string, ConversationFeed>();
  readonly #chats: Resource<OwnChat[]>;
  readonly #unfollow: () => void;

  constructor(
    supabase: SupabaseClient,
    link: Link,
    userId: string,
    projectId: string,
    onEvent: (event: ConversationEvent) => void,
  ) {
    this.#supabase = supabase;
    this.#link = link;
    this.#onEvent = onEvent;
    this.#chats = new Resource({
      load: () =>
        run<OwnChat[]>(
          supabase
            .from('conversations')
            .select('id, event_seq')
            .eq('project_id', projectId)
            .eq('assigned_agent_id', userId)
            .eq('status', 'agent_active')
            .order('last_message_at', { ascending: false })
            .limit(MOST),
        ),
      everyMs: REFRESH_MS,
    });
    this.#unfollow = this.#chats.subscribe(() => this.#follow());
  }

  invalidate(): void {
    this.#chats.invalidate();
  }

  /** A chat that is the agent's since this event of its topic: what the customer writes from there on is heard. */
  gained(id: string, since: number): void {
    if (!this.#feeds.has(id)) this.#feeds.set(id, this.#listen(id, since));
  }

  stop(): void {
    this.#unfollow();
    for (const feed of this.#feeds.values()) feed.stop();
    this.#feeds.clear();
  }

  #follow(): void {
    const { data, loading } = this.#chats.getSnapshot();
    const chats = data ?? [];
    // While it loads, the list may be older than a chat that was gained.
    if (!loading) this.#leaveAllBut(chats);
    for (const { id, event_seq: known } of chats) {
      const feed = this.#feeds.get(id);
      if (feed === undefined) this.#feeds.set(id, this.#listen(id, known));
      else feed.expect(known);
    }
  }

  #leaveAllBut(chats: OwnChat[]): void {
    for (const [id, feed] of this.#feeds) {
      if (chats.some((chat) => chat.id === id)) continue;
      feed.stop();
      this.#feeds.delete(id);
    }
  }

  /** The list, read again every minute, says how far each chat is: that replaces a question for each. */
  #listen(id: string, since: number): ConversationFeed {
    const listener = { onEvent: (event: ConversationEvent) => this.#hear(event), onLost: () => this.invalidate() };
    return new ConversationFeed(this.#supabase, this.#link, id, since, listener, { background: true });
  }

  #hear(event: ConversationEvent): void {
    this.#onEvent(event);
    if (event.event === 'status_changed') this.invalidate();
  }
}
