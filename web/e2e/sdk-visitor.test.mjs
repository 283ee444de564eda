// The SDK's visitor against a whole server, with an unmodified supabase-js (F001 5.6, 5.10, 5.11).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { PROJECT, admin, emptyDesk, everybodyLeaves, memoryStorage, member, until, visitor } from './people.mjs';

const nobodyIsSignedIn = async (supabase) => (await supabase.auth.getSession()).data.session === null;
let sarah;

before(async () => {
  await emptyDesk();
  sarah = await member();
  const { error } = await sarah.rpc('set_agent_status', { p_project_id: PROJECT, p_status: 'online' });
  assert.equal(error, null);
});
after(everybodyLeaves);

test('a page that only looks signs nobody in', async () => {
  const { client, supabase } = visitor();
  await client.start();
  assert.equal(client.getSnapshot().availability.available, true);
  assert.equal(client.getSnapshot().phase, 'ai_chat');
  await until(client, ({ connection }) => connection.state === 'connected', 'connected to the public topic');
  assert.ok(await nobodyIsSignedIn(supabase));
});

test('the first message shows at once, is sent once, and begins the conversation', async () => {
  const { client } = visitor();
  await client.start();
  const sending = client.send('Where is my order?');
  const [shown] = client.getSnapshot().messages;
  assert.deepEqual([shown.content, shown.delivery, shown.seq], ['Where is my order?', 'sending', null]);
  const sent = await sending;
  assert.equal(sent.delivery, 'sent');
  const { messages } = await until(client, (s) => s.messages[0]?.delivery === 'sent', 'confirmed');
  assert.equal(messages.filter(({ content }) => content === 'Where is my order?').length, 1);
});

test('asking for a human brings one, and the two can talk', async () => {
  const { client } = visitor();
  await client.start();
  await client.send('My bike is broken');
  const answer = await client.requestHuman({ email: 'ann@example.com', name: 'Ann' });
  assert.equal(answer.status, 'agent_active');
  assert.match(answer.assigned_agent.name, /^Sarah/);
  const { conversation, phase } = client.getSnapshot();
  assert.equal(phase, 'agent_chat');
  await sarah.rpc('send_message', { p_conversation_id: conversation.id, p_content: 'Hello Ann' });
  await until(
    client,
    (s) => s.messages.some((m) => m.content === 'Hello Ann' && m.sender_type === 'agent'),
    'her answer',
  );
  await sarah.rpc('resolve_conversation', { p_conversation_id: conversation.id });
  await until(client, (s) => s.phase === 'resolved' && s.canRate, 'resolved, with a rating to give');
  await client.rate(5, 'Thanks');
  assert.equal(client.getSnapshot().canRate, false);
});

test('a reload goes on with the conversation, its history and its agent', async () => {
  const storage = memoryStorage();
  const first = visitor(storage, { pageSize: 2 });
  await first.client.start();
  for (const text of ['one', 'two', 'three']) await first.client.send(text);
  await first.client.requestHuman();
  await first.client.stop();

  const second = visitor(storage, { pageSize: 2 });
  assert.equal(second.client.visitorId, first.client.visitorId);
  await second.client.start();
  const { phase, hasOlder } = await until(second.client, (s) => s.messages.length > 0, 'its messages');
  assert.equal(phase, 'agent_chat');
  assert.equal(hasOlder, true);
  while (second.client.getSnapshot().hasOlder) await second.client.loadOlder();
  const own = second.client.getSnapshot().messages.filter((m) => m.sender_type === 'customer');
  assert.deepEqual(
    own.map((m) => m.content),
    ['one', 'two', 'three'],
  );
  await second.client.clear();
  assert.equal(second.client.getSnapshot().conversation, null);
});

test('what Realtime lost is fetched, in order and once', async () => {
  const { client, supabase } = visitor();
  await client.start();
  await client.send('Hello');
  const { conversation } = client.getSnapshot();
  await supabase.realtime.disconnect(); // everything broadcast from here on is lost
  const server = admin();
  for (const text of ['lost one', 'lost two']) {
    const { error } = await server.rpc('post_ai_message', {
      p_conversation_id: conversation.id,
      p_content: text,
      p_confidence: 0.9,
    });
    assert.equal(error, null);
  }
  const { messages } = await until(
    client,
    (s) => s.messages.some((m) => m.content === 'lost two'),
    'what was lost',
    30_000,
  );
  const lost = messages.filter((m) => m.content.startsWith('lost'));
  assert.deepEqual(
    lost.map((m) => m.content),
    ['lost one', 'lost two'],
  );
  await until(client, (s) => s.connection.state === 'connected', 'connected again', 30_000);
});

test('a refused message stays as failed, says why, and can be discarded', async () => {
  const { client } = visitor();
  await client.start();
  await client.send('Hello');
  await assert.rejects(client.send('x'.repeat(10_001)), (error) => error.code === 'invalid' && error.status === 400);
  const failed = client.getSnapshot().messages.at(-1);
  assert.equal(failed.delivery, 'failed');
  client.discard(failed.client_message_id);
  assert.ok(client.getSnapshot().messages.every((m) => m.delivery === 'sent'));
});

test('after the end the next message begins another conversation', async () => {
  const { client } = visitor();
  await client.start();
  await client.send('first');
  const { id } = client.getSnapshot().conversation;
  await client.close();
  await until(client, (s) => s.phase === 'closed', 'closed');
  await client.send('second');
  const next = client.getSnapshot();
  assert.notEqual(next.conversation.id, id);
  assert.deepEqual(
    next.messages.filter((m) => m.sender_type === 'customer').map((m) => m.content),
    ['second'],
  );
});
