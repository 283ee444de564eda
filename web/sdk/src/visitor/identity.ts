import { uuid } from '../core/ids.js';
import type { SafeStorage } from './storage.js';

/** What the database takes (`visitor_id` has 1 to 200 characters); a hostile page may have put anything there. */
const PLAUSIBLE = /^[\w.:-]{1,200}$/;

/** This browser's ids with one project (F001 5.11.3). */
export class Identity {
  readonly visitorId: string;
  readonly #storage: SafeStorage;
  readonly #conversationKey: string;
  readonly #ratedKey: string;

  constructor(storage: SafeStorage, projectId: string) {
    this.#storage = storage;
    this.#conversationKey = `sb_conversation_${projectId}`;
    this.#ratedKey = `sb_rated_${projectId}`;
    const visitorKey = `sb_visitor_${projectId}`;
    const known = storage.get(visitorKey);
    this.visitorId = known !== null && PLAUSIBLE.test(known) ? known : uuid();
    // Written each time: it renews the cookie, and brings back whichever of the two places was cleared.
    storage.set(visitorKey, this.visitorId, { cookie: true });
  }

  get conversationKey(): string {
    return this.#conversationKey;
  }

  get conversationId(): string | null {
    return this.#storage.get(this.#conversationKey);
  }

  set conversationId(id: string | null) {
    if (id === null) this.#storage.remove(this.#conversationKey);
    else this.#storage.set(this.#conversationKey, id);
  }

  hasRated(conversationId: string): boolean {
    return this.#storage.get(this.#ratedKey) === conversationId;
  }

  rated(conversationId: string): void {
    this.#storage.set(this.#ratedKey, conversationId);
  }
}
