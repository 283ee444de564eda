import { HandoffError } from '../core/errors.js';
import type { AgentClient, AgentOptions } from './types.js';

/** A client for one signed-in member of the team; see {@link AgentClient}. */
export function createAgentClient(_options: AgentOptions): AgentClient {
  throw new HandoffError('createAgentClient follows', { code: 'unknown' });
}
