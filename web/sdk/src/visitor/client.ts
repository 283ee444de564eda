import { HandoffError } from '../errors.js';
import type { VisitorClient, VisitorOptions } from './types.js';

/** A client for one visitor of the website; see {@link VisitorClient}. */
export function createVisitorClient(_options: VisitorOptions): VisitorClient {
  throw new HandoffError('createVisitorClient follows', { code: 'unknown' });
}
