/** Ticks are this far apart; a browser that throttles a hidden page lets one through a minute. */
const TICK_MS = 15_000;
/** A gap longer than throttling explains: the machine or the process slept. */
const SLEPT_AFTER_MS = 90_000;

/** Notices that the machine slept or the process was stopped: no event says so everywhere. */
export class SleepWatch {
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(onWake: (sleptMs: number) => void) {
    let last = Date.now();
    this.#timer = setInterval(() => {
      const gap = Date.now() - last;
      last = Date.now();
      if (gap > SLEPT_AFTER_MS) onWake(gap);
    }, TICK_MS);
    unref(this.#timer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** In Node a timer that only watches must not keep the process alive. */
export function unref(timer: ReturnType<typeof setInterval>): void {
  if (typeof timer === 'object' && 'unref' in timer) (timer as { unref(): void }).unref();
}
