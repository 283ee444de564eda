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

  constructor(key: string) {
    this.#key = key;
    const handedOver = this.#pickUp();
    this.inherited = handedOver !== null;
    this.#id = handedOver ?? uuid();
  }

  get current(): string {
    return this.#id;
  }

  /** Another user or project has this id: take one of our own. */
  renew(): void {
    this.#id = uuid();
  }

  /** The page goes: the next one in this tab may go on with the id. */
  handOver(): void {
    attempt(() => sessionStorage.setItem(this.#key, this.#id));
  }

  /** The page came back: nobody else may go on with it. */
  takeBack(): void {
    attempt(() => sessionStorage.removeItem(this.#key));
  }

  #pickUp(): string | null {
    const id = attempt(() => sessionStorage.getItem(this.#key)) ?? null;
    this.takeBack();
    return id !== null && /^[0-9a-f-]{36}$/.test(id) ? id : null;
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
