// Waiting for what comes by itself, with a deadline and never by guessing a delay.

import { EventEmitter, on } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const DEADLINE_MS = 10_000;
const POLL_MS = 25;

/** Tries until `attempt` no longer throws; then the last error is thrown. For what sends no signal when it is done. */
export async function eventually(attempt, deadlineMs = DEADLINE_MS) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(POLL_MS);
  }
}

/** Keeps what arrives, and lets a test wait for the one it is after. */
export class Inbox {
  #items = [];
  #arrivals = new EventEmitter();

  /** Everything that arrived, oldest first. */
  get items() {
    return this.#items;
  }

  /** Takes an item; fit to be handed over as a callback. */
  put = (item) => {
    this.#items.push(item);
    this.#arrivals.emit('arrival');
  };

  /** The first item that matches, if it has arrived or arrives in time. */
  async find(matches = () => true, deadlineMs = DEADLINE_MS) {
    const signal = AbortSignal.timeout(deadlineMs);
    const arrivals = on(this.#arrivals, 'arrival', { signal });
    try {
      for (;;) {
        const found = this.#items.find(matches);
        if (found !== undefined) return found;
        await arrivals.next();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Error(`what was waited for did not come; there is ${JSON.stringify(this.#items)}`, { cause: error });
    } finally {
      await arrivals.return();
    }
  }

  /** Waits until that many have arrived. */
  async count(number, deadlineMs = DEADLINE_MS) {
    await this.find(() => this.#items.length >= number, deadlineMs);
    return this.#items;
  }
}
