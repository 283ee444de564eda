/**
 * A timer that keeps time in a hidden tab. Browsers slow the timers of hidden pages, down to one a minute; those of a Web
 * Worker are left alone. Where a worker cannot be had (a content security policy without `worker-src blob:`, no browser), and in
 * case it dies, the page's own timer goes along: late by up to a minute then, never missing.
 */
export interface BeatTimer {
  /** Calls back once after `ms`; a call before replaces the one that waits. */
  schedule(ms: number): void;
  cancel(): void;
  stop(): void;
}

/** The page's own timer goes off a little later, so that it does nothing when the worker has. */
const FALLBACK_LATE_MS = 250;

const WORKER_SOURCE = `
let timer;
onmessage = ({ data }) => {
  clearTimeout(timer);
  if (data.ms !== null) timer = setTimeout(() => postMessage(data.id), data.ms);
};`;

export function createBeatTimer(onDue: () => void): BeatTimer {
  let current = 0;
  let fallback: ReturnType<typeof setTimeout> | undefined;
  const fire = (id: number) => {
    if (id !== current) return;
    current += 1; // whichever of the two comes second finds nothing to do
    clearTimeout(fallback);
    onDue();
  };
  let worker = startWorker(fire, () => (worker = null));
  return {
    schedule(ms) {
      const id = ++current;
      clearTimeout(fallback);
      fallback = setTimeout(() => fire(id), worker === null ? ms : ms + FALLBACK_LATE_MS);
      worker?.postMessage({ id, ms });
    },
    cancel() {
      current += 1;
      clearTimeout(fallback);
      worker?.postMessage({ id: current, ms: null });
    },
    stop() {
      current += 1;
      clearTimeout(fallback);
      worker?.terminate();
      worker = null;
    },
  };
}

function startWorker(onTick: (id: number) => void, onDead: () => void): Worker | null {
  if (typeof Worker === 'undefined' || typeof Blob === 'undefined' || typeof URL.createObjectURL !== 'function') {
    return null;
  }
  try {
    const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onmessage = (event: MessageEvent<number>) => onTick(event.data);
    // A policy that forbids the worker is told here, not by the constructor.
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      onDead();
    };
    return worker;
  } catch {
    return null;
  }
}
