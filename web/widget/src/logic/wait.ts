import type { QueuePlace } from '@supportbase/handoff';

import type { Say } from '../i18n/index.js';

interface Range {
  from: number;
  to: number;
}

/**
 * With even odds somebody is there within `from` minutes, in nine of ten cases within `to`. It counts down from when it was told.
 * Null without a forecast, and where both are the same: then the estimate says as much.
 */
function range(place: QueuePlace, now: number): Range | null {
  const { wait_p50_seconds: p50, wait_p90_seconds: p90, receivedAt } = place;
  if (typeof p50 !== 'number' || typeof p90 !== 'number') return null;
  const passed = Math.max(0, now - receivedAt) / 1000;
  const from = Math.max(1, Math.round((p50 - passed) / 60));
  const to = Math.max(1, Math.ceil((p90 - passed) / 60));
  return to > from ? { from, to } : null;
}

/** How long the visitor will wait, in words. */
export function waitText(place: QueuePlace, now: number, say: Say): string {
  const known = range(place, now);
  if (known) return say('waitRange', { from: known.from, to: known.to });
  const minutes = place.estimatedWaitMinutes;
  if (minutes < 0) return say('waitUnknown');
  if (minutes < 1) return say('waitUnder');
  return minutes === 1 ? say('waitOne') : say('waitMany', { minutes });
}

/** The same for the header. */
export function shortWaitText(place: QueuePlace, now: number, say: Say): string {
  const known = range(place, now);
  if (known) return say('waitShortRange', { from: known.from, to: known.to });
  const minutes = place.estimatedWaitMinutes;
  if (minutes < 0) return say('waitShortUnknown');
  return minutes <= 1 ? say('waitShortOne') : say('waitShortMany', { minutes });
}

/** How far a visitor has come from where they began to wait: more than 0, so that the bar is seen; 1 is never reached. */
export function queueProgress(position: number, firstPosition: number): number {
  const start = Math.max(firstPosition, position);
  return (start - position + 1) / (start + 1);
}
