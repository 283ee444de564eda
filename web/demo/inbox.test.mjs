import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Inbox } from './inbox.mjs';

/** A conversation's event as it is broadcast: numbered, with an id of its own. */
const event = (seq) => ({ event: 'message', payload: { id: `event-${seq}`, seq } });

/** An inbox over a "table" of `count` events, and what it fetched. */
function conversation(count) {
  const fetchedSince = [];
  const sync = async (since) => {
    fetchedSince.push(since);
    return Array.from({ length: count - since }, (_, index) => event(since + 1 + index));
  };
  return { inbox: new Inbox('conversation:1', sync), fetchedSince };
}

const receive = (inbox, seq) => inbox.receive('message', event(seq).payload);
const seqs = (inbox) => inbox.events.map(({ payload }) => payload.seq);

test('accepts events in order without fetching', () => {
  const { inbox, fetchedSince } = conversation(2);
  receive(inbox, 1);
  receive(inbox, 2);
  assert.deepEqual(seqs(inbox), [1, 2]);
  assert.deepEqual(fetchedSince, []);
});

test('drops an event that came before', () => {
  const { inbox } = conversation(2);
  for (const seq of [1, 2, 2, 1]) receive(inbox, seq);
  assert.deepEqual(seqs(inbox), [1, 2]);
  assert.equal(inbox.duplicates, 2);
});

test('fetches what a gap hides, in order', async () => {
  const { inbox, fetchedSince } = conversation(4);
  receive(inbox, 1);
  receive(inbox, 4);
  await inbox.wait('message', (payload) => payload.seq === 4, 1_000);
  assert.deepEqual(seqs(inbox), [1, 2, 3, 4]);
  assert.deepEqual(fetchedSince, [1]);
  assert.equal(inbox.healed, 3);
});

test('accepts what arrives during a fetch only once', async () => {
  const { inbox } = conversation(3);
  inbox.heal();
  for (const seq of [1, 2, 3]) receive(inbox, seq);
  await inbox.close();
  assert.deepEqual(seqs(inbox), [1, 2, 3]);
});

test('keeps fetching while the server is away', async () => {
  let calls = 0;
  const inbox = new Inbox('conversation:1', async () => {
    calls += 1;
    if (calls < 3) throw new Error('connection refused');
    return [event(1)];
  });
  inbox.heal();
  await inbox.wait('message', () => true, 5_000);
  assert.equal(calls, 3);
});

test('fetches again when the first answer is behind the broadcast', async () => {
  const answers = [[event(1)], [event(2), event(3)]];
  const inbox = new Inbox('conversation:1', async () => answers.shift());
  receive(inbox, 3);
  await inbox.wait('message', (payload) => payload.seq === 3, 5_000);
  assert.deepEqual(seqs(inbox), [1, 2, 3]);
});

test('says why nothing could be fetched', async () => {
  const inbox = new Inbox('conversation:1', async () => {
    throw new Error('connection refused');
  });
  inbox.heal();
  await assert.rejects(
    inbox.wait('resolved', () => true, 10),
    /received: nothing; the last fetch failed: connection refused/,
  );
  await inbox.close();
});

test('finds an event that is there already', async () => {
  const inbox = new Inbox('agent:1');
  inbox.receive('conversation_assigned', { id: '1', conversation_id: 'c' });
  const payload = await inbox.wait('conversation_assigned', ({ conversation_id: id }) => id === 'c', 1_000);
  assert.equal(payload.id, '1');
});

test('says what did arrive when the deadline passes', async () => {
  const { inbox } = conversation(1);
  receive(inbox, 1);
  await assert.rejects(
    inbox.wait('resolved', () => true, 10),
    /no resolved on conversation:1 within 0.01 s; received: message#1/,
  );
});
