import { HandoffError } from '../errors.js';
import type { Presence, PresenceOptions } from './types.js';

/** The presence of one connection; see {@link Presence}. Clients make their own: this is for pages that use neither. */
export function createPresence(_options: PresenceOptions): Presence {
  throw new HandoffError('createPresence follows', { code: 'unknown' });
}
