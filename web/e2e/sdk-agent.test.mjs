// The SDK's agent against a whole server, with an unmodified supabase-js (F001 5.7).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { agent, emptyDesk, everybodyLeaves, until, visitor } from './people.mjs';

let sarah;
let mike;

before(async () => {
  await emptyDesk();
  sarah = (await agent('sarah@example.com')).client;
  mike = (await agent('mike@example.com')).client;
  await Promise.all([sarah.start(), mike.start()]);
  await Promise.all([sarah.setStatus('busy'), mike.setStatus('busy')]);
});
after(everybodyLeaves);

/** A visitor who waits in the queue. */
async function waiting(text) {
  const { client } = visitor(undefined, { assignmentWaitMs: 0 });
  await client.start();
  await client.send(text);
  await client.requestHuman({ email: 'ann@example.com', name: 'Ann' });
  return { client, id: client.getSnapshot().conversation.id };
}

/** The events that a client hears from now on, as something to wait on. */
function ears(client) {
  const events = [];
  const subscribe = (look) => client.onEvent((event) => (events.push(event), look()));
  return { getSnapshot: () => events, subscribe };
}

const has = (id) => (s) => s.lines.some((line) => line.id === id);
const lacks = (id) => (s) => !s.loading && !has(id)(s);

test('the queue is live for everybody, and a claim that cannot be says why', async () => {
  const owner = (await agent('owner@example.com', { presence: false })).client;
  const member = (await owner.members()).find(({ email }) => email === 'sarah@example.com');
  await owner.changeMember(member.id, { maxConcurrentChats: 1 });
  await sarah.setStatus('online');
  const first = await waiting('I am first');
  await until(first.client, (s) => s.phase === 'agent_chat', 'Sarah has her only chat');

  const queues = [sarah.inbox('queue'), mike.inbox('queue')];
  const leave = queues.map((queue) => queue.subscribe(() => {}));
  const second = await waiting('Who takes me?');
  for (const queue of queues) await until(queue, has(second.id), 'it waits');
  await until(mike.counts, (counts) => counts.queue === 1, 'one waits');
  assert.deepEqual((await sarah.claim(second.id)).error, 'NO_CAPACITY');
  assert.deepEqual((await mike.claim(second.id)).error, 'NOT_ONLINE');

  await sarah.resolve(first.id);
  await until(second.client, (s) => s.phase === 'agent_chat', 'the next is served');
  for (const queue of queues) await until(queue, lacks(second.id), 'it waits no more');
  for (const stop of leave) stop();
  await sarah.resolve(second.id);
  await owner.changeMember(member.id, { maxConcurrentChats: 5 });
  await sarah.setStatus('busy');
});

test('a conversation shows what both sides write, notes, tags and typing', async () => {
  await sarah.setStatus('online');
  const { id, client } = await waiting('My order is late');
  await until(client, (s) => s.phase === 'agent_chat', 'an agent came');
  const view = sarah.conversation(id);
  await until(
    view,
    (s) => s.messages.some((m) => m.content === 'My order is late') && s.conversation !== null,
    'the transcript',
  );

  const sent = view.send('I look it up');
  assert.equal(view.getSnapshot().messages.at(-1).delivery, 'sending');
  assert.equal((await sent).delivery, 'sent');
  await until(client, (s) => s.messages.some((m) => m.content === 'I look it up'), 'the visitor reads it');

  // Both typing topics are joined a moment after the chat: typed again until it is heard, as keys are.
  const keys = setInterval(() => (view.typing(), client.typing()), 300);
  await until(client, (s) => s.agentTyping, 'the visitor sees the agent type');
  await until(view, (s) => s.customerTyping, 'the agent sees the visitor type');
  clearInterval(keys);
  await client.send('Thank you');
  await until(view, (s) => !s.customerTyping && s.messages.at(-1)?.content === 'Thank you', 'spoke, so stopped typing');

  const note = await view.addNote('Pays late');
  assert.deepEqual(
    view.getSnapshot().notes.map((n) => n.content),
    ['Pays late'],
  );
  await view.deleteNote(note.id);
  assert.deepEqual(view.getSnapshot().notes, []);
  await view.setTags(['Billing ', 'billing']);
  assert.deepEqual(view.getSnapshot().conversation.tags, ['billing']);
  assert.equal((await until(view, (s) => s.context !== null, 'the context')).context.handoff_reason, 'button_click');
  view.release();
  await sarah.resolve(id);
  await sarah.setStatus('busy');
});

test('a customer who writes in a chat that is not open is heard, from the very moment it is given', async () => {
  await sarah.setStatus('online');
  const { id, client } = await waiting('Are you there?');
  // The topic of a new own chat is joined a moment after it was given: what comes before is healed.
  const said = ({ event, payload }) => event === 'message' && payload.message.content === 'Hello?';
  const heard = until(ears(sarah), (events) => events.some(said), 'it is heard');
  await until(client, (s) => s.phase === 'agent_chat', 'an agent came');
  await client.send('Hello?');
  const [event] = (await heard).filter(said);
  assert.equal(event.payload.message.conversation_id, id);
  await sarah.resolve(id);
  await sarah.setStatus('busy');
});

test('a chat goes to a colleague by transfer, and the decision is explained', async () => {
  await sarah.setStatus('online');
  const { id, client } = await waiting('Wrong department');
  await until(client, (s) => s.agent?.name.startsWith('Sarah'), 'Sarah came');
  await mike.setStatus('online');
  const team = sarah.team;
  const online = (s) => s.data?.find((line) => line.email === 'mike@example.com' && line.effective_status === 'online');
  const colleague = online(await until(team, online, 'Mike is online'));
  await sarah.transfer(id, colleague.user_id);
  await until(client, (s) => s.agent?.name.startsWith('Mike'), 'Mike came');
  await until(mike.inbox('mine'), has(id), 'it is his');
  const { decisions } = await sarah.explainAssignment(id);
  assert.equal(decisions.at(-1).strategy === 'transfer' || decisions[0].strategy === 'transfer', true);
  await mike.resolve(id);
  await Promise.all([sarah.setStatus('busy'), mike.setStatus('busy')]);
});

test('lists, team and numbers are the same object until they change', async () => {
  const { stats, team } = sarah;
  const first = await until(stats, (s) => s.data !== null, 'numbers');
  assert.ok(first.data.resolved >= 0);
  await until(team, (s) => s.data !== null, 'the team');
  assert.equal(sarah.me.getSnapshot(), sarah.me.getSnapshot());
  assert.equal(sarah.me.getSnapshot().data.email, 'sarah@example.com');
});

test('an owner changes settings, and the team hears of it', async () => {
  const owner = (await agent('owner@example.com')).client;
  await owner.start();
  await until(sarah.settings, (s) => s.data !== null, 'settings');
  const stop = sarah.settings.subscribe(() => {});
  const before = sarah.settings.getSnapshot().data.inactivity_timeout_minutes;
  await owner.updateSettings({ inactivity_timeout_minutes: 7 });
  await until(sarah.settings, (s) => s.data.inactivity_timeout_minutes === 7, 'the new setting');
  await owner.updateSettings({ inactivity_timeout_minutes: before });
  stop();
  await assert.rejects(sarah.updateSettings({ enabled: false }), (error) => error.code === 'not_an_admin');
});
