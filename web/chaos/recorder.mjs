// An inbox that also remembers what the socket itself brought, so that a report can tell what was broadcast from what
// the gap rule had to fetch.

import { Inbox } from '../demo/inbox.mjs';

export class Recorder extends Inbox {
  /** Ids of all broadcasts that arrived, in time or not. */
  heard = new Set();
  /** When a broadcast arrived before the one it should follow: { at, after, got }, numbers of events. */
  gaps = [];

  receive(event, payload) {
    // What has no number is state: only the latest matters, and what it overtakes is left out.
    if (!payload.seq) return;
    this.heard.add(String(payload.id));
    if (payload.seq > this.lastSeq + 1) this.gaps.push({ at: Date.now(), after: this.lastSeq, got: payload.seq });
    super.receive(event, payload);
  }

  /** One line of the report. */
  account(conversationId) {
    const { events, duplicates, healed, gaps } = this;
    return { conversation_id: conversationId, events, duplicates, healed, gaps, heard: [...this.heard] };
  }
}
