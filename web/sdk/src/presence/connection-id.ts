import { uuid } from '../core/ids.js';

/**
 * The id of this tab's connection. It outlives a reload and a walk to the next page of the site, so neither is a leave and an
 * enter. sessionStorage holds it only between two pages: a duplicated tab copies sessionStorage, and would else be taken for the
 * tab it came from.
 */
export class ConnectionId {
  readonly #key: string;
  #id: string;
  /** The id came from the page before, which may still be saying good-bye. */
  readonly inherited: boolean;
  /** How many beats the page before had sent: the count of a connection goes on. */
  readonly beats: number;

  constructor(key: string) {
    this.#key = key;
    const handedOver = this.#pickUp();
    this.inherited = handedOver !== null;
    this.#id = handedOver?.id ?? uuid();
    this.beats = handedOver?.beats ?? 0;
  }

  get current(): string {
    return this.#id;
  }

  /** Another user or project has this id: take one of our own. */
  renew(): void {
    this.#id = uuid();
  }

  /** The page goes: the next one in this tab may go on with the id. */
  handOver(beats: number): void {
    attempt(() => sessionStorage.setItem(this.#key, `${this.#id} ${beats}`));
  }

  /** The page came back: nobody else may go on with it. */
  takeBack(): void {
    attempt(() => sessionStorage.removeItem(this.#key));
  }

  #pickUp(): { id: string; beats: number } | null {
    const kept = attempt(() => sessionStorage.getItem(this.#key)) ?? '';
    this.takeBack();
    const [, id, beats] = /^([0-9a-f-]{36}) (\d{1,9})$/.exec(kept) ?? [];
    return id === undefined ? null : { id, beats: Number(beats) };
  }
}

/** sessionStorage is missing in Node and blocked in some browsers: then each load is a connection of its own. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
