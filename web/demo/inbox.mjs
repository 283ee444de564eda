// What one client received on one topic, and the rule by which nothing is missing from it.

const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 2_000;

/**
 * Collects broadcasts of one topic.
 *
 * Realtime may lose a broadcast and the worker may repeat one, so every event has an id and events of a conversation
 * are numbered 1, 2, 3, ... The rule: an id seen before is dropped; a number that is not the next one means that
 * something is missing, and `sync` (the RPC conversation_sync) fetches everything after the last number seen. The
 * event that revealed the gap is among what sync returns, because it was committed before it was broadcast: so nothing
 * needs to be kept aside, and events are always accepted in order.
 */
export class Inbox {
  /** Accepted events, in order: { event, payload }, where event is the broadcast's name. */
  events = [];
  /** Number of the last accepted numbered event. */
  lastSeq = 0;
  duplicates = 0;
  healed = 0;

  #topic;
  #sync;
  #ids = new Set();
  #waiting = new Set();
  #healing = null;
  #healAgain = false;
  #closed = false;
  #syncError = null;
  /** The highest number known to exist. */
  #announced = 0;

  /**
   * @param {string} topic for error texts
   * @param {((since: number) => Promise<{ event: string, payload: object }[]>) | undefined} sync returns the events
   *   after number `since`, oldest first. Leave it out for topics whose events are not numbered.
   */
  constructor(topic, sync = undefined) {
    this.#topic = topic;
    this.#sync = sync;
  }

  /** Takes one broadcast as it came from the socket. */
  receive(event, payload) {
    if (this.#isGap(payload)) {
      this.#announced = Math.max(this.#announced, payload.seq);
      this.heal();
      return;
    }
    this.#accept(event, payload);
  }

  /**
   * Fetches what was missed. Call it after every join: events broadcast before it did not arrive.
   * Calls during a running fetch are folded into one more fetch after it.
   */
  heal() {
    if (!this.#sync || this.#closed) return;
    this.#healAgain = true;
    this.#healing ??= this.#healUntilDone().finally(() => {
      this.#healing = null;
    });
  }

  /**
   * Resolves with the payload of the first event, already there or still to come, that has this name and matches.
   * Rejects after the deadline with what did arrive, so that a failure explains itself.
   */
  wait(name, matches, deadlineMs) {
    const there = this.events.find(({ event, payload }) => event === name && matches(payload));
    if (there) return Promise.resolve(there.payload);
    return new Promise((resolve, reject) => {
      const waiter = { name, matches, resolve, timer: undefined };
      waiter.timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(new Error(`no ${name} on ${this.#topic} within ${deadlineMs / 1000} s; ${this.#account()}`));
      }, deadlineMs);
      this.#waiting.add(waiter);
    });
  }

  /** Ends the fetching and waits for a fetch that is under way. */
  async close() {
    this.#closed = true;
    for (const waiter of this.#waiting) clearTimeout(waiter.timer);
    this.#waiting.clear();
    await this.#healing;
  }

  #isGap(payload) {
    return this.#sync !== undefined && payload.seq > this.lastSeq + 1;
  }

  #accept(event, payload) {
    const id = String(payload.id);
    if (this.#ids.has(id)) {
      this.duplicates += 1;
      return false;
    }
    this.#ids.add(id);
    if (payload.seq) this.lastSeq = payload.seq;
    this.events.push({ event, payload });
    this.#wake(event, payload);
    return true;
  }

  #wake(event, payload) {
    for (const waiter of this.#waiting) {
      if (waiter.name !== event || !waiter.matches(payload)) continue;
      this.#waiting.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(payload);
    }
  }

  async #healUntilDone() {
    let retryMs = FIRST_RETRY_MS;
    while (this.#healAgain && !this.#closed) {
      this.#healAgain = false;
      if (await this.#fetchMissed()) continue;
      this.#healAgain = true;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }

  /** Says whether everything known to exist is here now. */
  async #fetchMissed() {
    try {
      this.#acceptMissed(await this.#sync(this.lastSeq));
      this.#syncError = null;
      return this.lastSeq >= this.#announced;
    } catch (error) {
      this.#syncError = error; // The server may be restarting; wait() reports it if it never comes back.
      return false;
    }
  }

  #acceptMissed(missed) {
    for (const { event, payload } of missed) {
      if (payload.seq === this.lastSeq + 1 && this.#accept(event, payload)) this.healed += 1;
    }
  }

  /** What did arrive, for error texts. */
  #account() {
    const names = this.events.map(({ event, payload }) => (payload.seq ? `${event}#${payload.seq}` : event));
    const failure = this.#syncError ? `; the last fetch failed: ${this.#syncError.message}` : '';
    return `received: ${names.join(', ') || 'nothing'}${failure}`;
  }
}
