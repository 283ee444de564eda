/**
 * SupportBase Handoff in the browser, over an unmodified supabase-js.
 *
 * @packageDocumentation
 */
export { createAgentClient } from './agent/client.js';
export type * from './agent/types.js';
export { fileSize, isPicture, textOf } from './attachments.js';
export type * from './availability.js';
export type * from './connection.js';
export type * from './conversation.js';
export type * from './customer.js';
export { HandoffError } from './core/errors.js';
export type { HandoffErrorFields } from './core/errors.js';
export { createPresence } from './presence/presence.js';
export type * from './presence/types.js';
export { PROTOCOL_VERSION, topics } from './protocol.js';
export type * from './protocol.js';
export type * from './settings.js';
export type { Loadable } from './core/resource.js';
export type { Store } from './core/store.js';
export type * from './team.js';
export { acceptInvitation, myInvitations } from './invitations.js';
export { createOffers } from './offers.js';
export type * from './offers.js';
export { createPlaybook } from './playbook.js';
export type * from './playbook.js';
export { createVisitorClient } from './visitor/client.js';
export type * from './visitor/types.js';
