import type { SupabaseClient } from '@supabase/supabase-js';

import { run } from '../core/call.js';
import { Resource } from '../core/resource.js';
import { isConversationEvent, topics, type ConversationEvent } from '../protocol.js';
import type { Link, Topic } from '../realtime/link.js';
import { SeenIds } from '../realtime/seen.js';

/** An agent's limit is 50 chats, and a socket has 100 channels. */
const MOST = 50;
const REFRESH_MS = 60_000;

/** Listens to every conversation that is the agent's now, so that the dashboard hears customers in chats that are not open. */
export class OwnChats {
  readonly #link: Link;
  readonly #onEvent: (event: ConversationEvent) => void;
  readonly #topics = new Map<string, Topic>();
  readonly #seen = new SeenIds(2_000);
  readonly #ids: Resource<{ id: string }[]>;
  readonly #unfollow: () => void;

  constructor(supabase: SupabaseClient, link: Link, userId: string, projectId: string, onEvent: OwnChats['hear']) {
    this.#link = link;
    this.#onEvent = onEvent;
    this.#ids = new Resource({
      load: () =>
        run<{ id: string }[]>(
          supabase
            .from('conversations')
            .select('id')
            .eq('project_id', projectId)
            .eq('assigned_agent_id', userId)
            .eq('status', 'agent_active')
            .order('last_message_at', { ascending: false })
            .limit(MOST),
        ),
      everyMs: REFRESH_MS,
    });
    this.#unfollow = this.#ids.subscribe(() => this.#join((this.#ids.getSnapshot().data ?? []).map(({ id }) => id)));
  }

  invalidate(): void {
    this.#ids.invalidate();
  }

  hear(event: ConversationEvent): void {
    if (this.#seen.add(event.payload.id)) this.#onEvent(event);
    if (event.event === 'status_changed') this.invalidate();
  }

  stop(): void {
    this.#unfollow();
    for (const topic of this.#topics.values()) topic.leave();
    this.#topics.clear();
  }

  #join(ids: string[]): void {
    for (const [id, topic] of this.#topics) {
      if (ids.includes(id)) continue;
      topic.leave();
      this.#topics.delete(id);
    }
    for (const id of ids) {
      if (this.#topics.has(id)) continue;
      const topic = topics.conversation(id);
      this.#topics.set(
        id,
        this.#link.join({ topic, optional: true, onEvent: (event, payload) => this.#receive(event, payload) }),
      );
    }
  }

  #receive(event: string, payload: unknown): void {
    const broadcast = { event, payload };
    if (isConversationEvent(broadcast)) this.hear(broadcast);
  }
}
