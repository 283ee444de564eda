/** When to try again (F001 5.9.6): 2, 4, 8, 16, 30, 30 ... seconds, less up to a fifth so that pages do not come back in step. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const planned = Math.min(1000 * 2 ** Math.max(attempt, 1), 30_000);
  return Math.round(planned * (1 - random() * 0.2));
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
