// An inbox that also remembers what the socket itself brought, so that a report can tell what was broadcast from what
// the gap rule had to fetch.

import { Inbox } from '../demo/inbox.mjs';

export class Recorder extends Inbox {
  /** Ids of all broadcasts that arrived, in time or not. */
  heard = new Set();

  receive(event, payload) {
    this.heard.add(String(payload.id));
    super.receive(event, payload);
  }

  /** One line of the report. */
  account(conversationId) {
    const { events, duplicates, healed } = this;
    return { conversation_id: conversationId, events, duplicates, healed, heard: [...this.heard] };
  }
}
