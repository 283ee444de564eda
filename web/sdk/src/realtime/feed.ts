import type { SupabaseClient } from '@supabase/supabase-js';

import type { VisitorConversation } from '../conversation.js';
import { backoffMs, pause } from '../core/backoff.js';
import { asHandoffError, rpc } from '../core/call.js';
import type { HandoffError } from '../core/errors.js';
import { isConversationEvent, topics, type ConversationEvent } from '../protocol.js';
import type { Link, Topic } from './link.js';
import { SeenIds } from './seen.js';

/** While broadcasts do not arrive, the database is asked this often. */
const POLL_DISCONNECTED_MS = 5_000;
/** While they do: in case the very last one was lost, which no later number reveals. */
const POLL_CONNECTED_MS = 60_000;

/** The answer of `conversation_sync`. */
export interface SyncAnswer {
  conversation: VisitorConversation;
  event_seq: number;
  complete: boolean;
  events: ConversationEvent[];
}

export interface FeedListener {
  /** Each fact once and in the order of its number; state (`queue_position`, `presence_demand`) as it comes. */
  onEvent(event: ConversationEvent): void;
  /** Events that were missed are no longer kept: read everything again, and go on from `answer.event_seq`. */
  onLost(answer: SyncAnswer): void;
  /** The database was asked; this is where the conversation stands. */
  onSynced?(answer: SyncAnswer): void;
  /** The conversation cannot be read any more. */
  onRefused?(error: HandoffError): void;
}

export interface FeedOptions {
  /** Its topic may be refused without the connection counting as lost, and whoever made it calls `expect` in place of polls. */
  background?: boolean;
}

/**
 * The events of one conversation without gap or repeat, by the rule of docs/events.md: an id that was seen is dropped; a
 * number that is not the next one makes the database be asked for everything after the last. Goes on, slower, when
 * Realtime is away.
 */
export class ConversationFeed {
  readonly conversationId: string;
  readonly #supabase: SupabaseClient;
  readonly #link: Link;
  readonly #listener: FeedListener;
  readonly #seen = new SeenIds();
  readonly #ending = new AbortController();
  readonly #topic: Topic;
  #unwatch: () => void = () => undefined;
  #lastSeq: number;
  /** The highest number that is known to exist. */
  #announced = 0;
  #healing = false;
  #healAgain = false;
  #poll: ReturnType<typeof setTimeout> | undefined;

  /** @param since the number of the last event that is known already */
  constructor(
    supabase: SupabaseClient,
    link: Link,
    conversationId: string,
    since: number,
    listener: FeedListener,
    { background = false }: FeedOptions = {},
  ) {
    this.#supabase = supabase;
    this.#link = link;
    this.conversationId = conversationId;
    this.#lastSeq = since;
    this.#listener = listener;
    this.#topic = link.join({
      topic: topics.conversation(conversationId),
      optional: background,
      onEvent: (event, payload) => this.#receive(event, payload),
      onJoined: () => this.heal(),
    });
    if (background) return;
    this.#unwatch = link.status.subscribe(() => this.#planPoll());
    this.#planPoll();
  }

  /** Number of the last event that was passed on. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The event with this number is known to exist: if it has not arrived, the database is asked. */
  expect(seq: number): void {
    if (seq <= this.#lastSeq) return;
    this.#announced = Math.max(this.#announced, seq);
    this.heal();
  }

  /** Asks the database for what was missed. Calls during a running question are folded into one more after it. */
  heal(): void {
    if (this.#ending.signal.aborted) return;
    this.#healAgain = true;
    if (this.#healing) return;
    void this.#healUntilDone();
  }

  stop(): void {
    this.#ending.abort();
    this.#unwatch();
    clearTimeout(this.#poll);
    this.#topic.leave();
  }

  #receive(name: string, payload: unknown): void {
    const event = { event: name, payload };
    if (!isConversationEvent(event)) return;
    if (!('seq' in event.payload)) return this.#listener.onEvent(event);
    if (event.payload.seq > this.#lastSeq + 1) return this.expect(event.payload.seq);
    this.#accept(event);
  }

  #accept(event: ConversationEvent): void {
    if (!('seq' in event.payload)) return;
    if (event.payload.seq !== this.#lastSeq + 1 || !this.#seen.add(event.payload.id)) return;
    this.#lastSeq = event.payload.seq;
    this.#listener.onEvent(event);
  }

  async #healUntilDone(): Promise<void> {
    this.#healing = true;
    try {
      for (let attempt = 0; this.#healAgain && !this.#ending.signal.aborted;) {
        this.#healAgain = false;
        attempt = (await this.#tryToHeal()) ? 0 : attempt + 1;
        if (attempt > 0) await pause(backoffMs(attempt), this.#ending.signal);
      }
    } finally {
      this.#healing = false;
    }
  }

  /** False: there was no answer, or not all of it yet; ask again. */
  async #tryToHeal(): Promise<boolean> {
    try {
      await this.#fetchMissed();
      // An event may arrive a moment before other sessions see its transaction: what is known to exist is asked for again.
      this.#healAgain ||= this.#lastSeq < this.#announced;
      return this.#lastSeq >= this.#announced;
    } catch (error) {
      const failure = asHandoffError(error);
      this.#healAgain = failure.retryable;
      if (!failure.retryable) this.#listener.onRefused?.(failure);
      return !failure.retryable;
    }
  }

  async #fetchMissed(): Promise<void> {
    const answer = await rpc<SyncAnswer>(this.#supabase, 'conversation_sync', {
      p_conversation_id: this.conversationId,
      p_since: this.#lastSeq,
    });
    if (this.#ending.signal.aborted) return;
    if (answer.complete) {
      for (const event of answer.events) if (isConversationEvent(event)) this.#accept(event);
    } else if (answer.event_seq > this.#lastSeq) {
      this.#lastSeq = answer.event_seq;
      this.#listener.onLost(answer);
    }
    this.#listener.onSynced?.(answer);
  }

  #planPoll(): void {
    clearTimeout(this.#poll);
    const connected = this.#link.status.getSnapshot().state === 'connected';
    this.#poll = setTimeout(
      () => {
        this.heal();
        this.#planPoll();
      },
      connected ? POLL_CONNECTED_MS : POLL_DISCONNECTED_MS,
    );
  }
}
