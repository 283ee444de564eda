// What visitor and agent have in common: the conversation's topic and how to be sure nothing of it is missing.

import { call, subscribe } from './client.mjs';
import { Inbox } from './inbox.mjs';

/** The events of a conversation after number `since`, and where it stands now. */
export function fetchEvents(client, conversationId, since) {
  return call(client, 'conversation_sync', { p_conversation_id: conversationId, p_since: since });
}

/** Subscribes to a conversation. The returned inbox fetches what it missed by itself. */
export async function joinConversation(client, conversationId, deadlineMs) {
  const topic = `conversation:${conversationId}`;
  const inbox = new Inbox(topic, async (since) => {
    const { complete, events } = await fetchEvents(client, conversationId, since);
    // A page would read the transcript again and go on from event_seq; the demo is never away for that long.
    if (!complete) throw new Error(`events after ${since} are no longer kept`);
    return events;
  });
  await subscribe(client, topic, inbox, deadlineMs);
  return inbox;
}
