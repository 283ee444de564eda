import type { Link, Topic } from '../realtime/link.js';
import { topics } from '../protocol.js';

export type TypingSide = 'customer' | 'agent';

/** While somebody types, this is told as often (F001 5.9.3). */
const TELL_EVERY_MS = 2_000;
/** Nothing typed for as long: it is taken back (F001 5.12.3). */
const STOPS_AFTER_MS = 3_000;
/** Nothing heard for as long: the other side's page may be gone without saying so. */
const FORGET_AFTER_MS = 5_000;

/**
 * Who is typing in one conversation: client to client, on a private topic of its own where both sides may send. It is a hint and nothing
 * hangs on it: what arrives can show or hide an indicator of the *other* side, and nothing else.
 */
export class Typing {
  readonly #side: TypingSide;
  readonly #topic: Topic;
  readonly #onChange: (typing: boolean) => void;
  #toldAt = Number.NEGATIVE_INFINITY;
  #stopTimer: ReturnType<typeof setTimeout> | undefined;
  #forgetTimer: ReturnType<typeof setTimeout> | undefined;
  #other = false;

  constructor(link: Link, conversationId: string, side: TypingSide, onChange: (typing: boolean) => void) {
    this.#side = side;
    this.#onChange = onChange;
    this.#topic = link.join({
      topic: topics.typing(conversationId),
      optional: true,
      onEvent: (event, payload) => this.#hear(event, payload),
    });
  }

  /** A key was pressed on this side. */
  typed(): void {
    const now = Date.now();
    clearTimeout(this.#stopTimer);
    this.#stopTimer = setTimeout(() => this.stopped(), STOPS_AFTER_MS);
    if (now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    this.#tell(true);
  }

  /** The message was sent, or the field was left. */
  stopped(): void {
    clearTimeout(this.#stopTimer);
    if (this.#toldAt === Number.NEGATIVE_INFINITY) return;
    this.#toldAt = Number.NEGATIVE_INFINITY;
    this.#tell(false);
  }

  /** The other side has spoken, so it has stopped typing. */
  otherSpoke(): void {
    this.#set(false);
  }

  stop(): void {
    clearTimeout(this.#stopTimer);
    clearTimeout(this.#forgetTimer);
    this.#topic.leave();
  }

  #tell(isTyping: boolean): void {
    this.#topic.send('typing', { v: 1, user_type: this.#side, is_typing: isTyping });
  }

  #hear(event: string, payload: unknown): void {
    const { user_type, is_typing } = (payload ?? {}) as { user_type?: unknown; is_typing?: unknown };
    const other: TypingSide = this.#side === 'customer' ? 'agent' : 'customer';
    if (event === 'typing' && user_type === other) this.#set(is_typing === true);
  }

  #set(typing: boolean): void {
    clearTimeout(this.#forgetTimer);
    if (typing) this.#forgetTimer = setTimeout(() => this.#set(false), FORGET_AFTER_MS);
    if (typing === this.#other) return;
    this.#other = typing;
    this.#onChange(typing);
  }
}
