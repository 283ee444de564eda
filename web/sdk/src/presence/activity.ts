/** What counts as the user doing something. */
const EVENTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'scroll', 'touchstart', 'input'] as const;
/** Mice move a hundred times a second; once a second is enough to know. */
const THROTTLE_MS = 1_000;
/** Nothing done for as long: idle (F001 5.12.2). */
export const IDLE_AFTER_MS = 120_000;

/** When the user last did something on this page. */
export class Activity {
  #lastAt = Date.now();
  readonly #onActive: (wasIdle: boolean) => void;
  readonly #ending = new AbortController();

  constructor(onActive: (wasIdle: boolean) => void) {
    this.#onActive = onActive;
    if (typeof window === 'undefined') return;
    for (const name of EVENTS) {
      window.addEventListener(name, () => this.touch(), { passive: true, capture: true, signal: this.#ending.signal });
    }
  }

  touch(): void {
    const now = Date.now();
    if (now - this.#lastAt < THROTTLE_MS) return;
    const wasIdle = this.isIdle();
    this.#lastAt = now;
    this.#onActive(wasIdle);
  }

  isIdle(): boolean {
    return Date.now() - this.#lastAt >= IDLE_AFTER_MS;
  }

  get idleSeconds(): number {
    // A clock that was put back must not make it negative.
    return Math.max(0, Math.round((Date.now() - this.#lastAt) / 1000));
  }

  stop(): void {
    this.#ending.abort();
  }
}
