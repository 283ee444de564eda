// Offers through the eyes of an agent's page: where assignment_mode is 'offer', the agent is asked first.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { World } from './world.mjs';

const timeout = 60_000;

async function asking(t, settings = {}) {
  const world = await World.open(t, { assignment_mode: 'offer', ...settings });
  // More free slots: Sarah is asked first.
  const sarah = await world.agent('Sarah', 5);
  const mike = await world.agent('Mike', 1);
  const desks = { sarah: await sarah.listen(`agent:${sarah.id}`), mike: await mike.listen(`agent:${mike.id}`) };
  const ann = await world.waiting();
  const offered = (desk) =>
    desk.find(({ event, payload }) => event === 'conversation_offered' && payload.conversation_id === ann.chat);
  const ended = async (desk) => (await desk.find(({ event }) => event === 'offer_ended')).payload.outcome;
  return { world, sarah, mike, ann, desks, offered, ended };
}

describe('offers', () => {
  test('offers: who accepts has the conversation, which waited in its place until then', { timeout }, async (t) => {
    const { world, sarah, ann, desks, offered, ended } = await asking(t);
    const { payload } = await offered(desks.sarah);
    assert.equal(payload.expires_in_seconds, 30);
    assert.equal((await ann.call('queue_status', { p_conversation_id: ann.chat })).queue_position, 1);
    const { offers } = await sarah.call('my_offers', { p_project_id: world.project });
    assert.deepEqual(
      offers.map((offer) => offer.conversation_id),
      [ann.chat],
    );
    assert.equal((await sarah.call('accept_offer', { p_conversation_id: ann.chat })).success, true);
    assert.equal((await ann.agentJoined()).id, sarah.id);
    assert.equal(await ended(desks.sarah), 'accepted');
  });

  test('offers: who declines is not asked again, and the next one is asked at once', { timeout }, async (t) => {
    const { sarah, mike, ann, desks, offered, ended } = await asking(t);
    await offered(desks.sarah);
    assert.equal(
      (await sarah.call('decline_offer', { p_conversation_id: ann.chat, p_reason: 'Not my field' })).success,
      true,
    );
    await offered(desks.mike);
    assert.equal(await ended(desks.sarah), 'declined');
    assert.equal((await mike.call('accept_offer', { p_conversation_id: ann.chat })).success, true);
    assert.equal((await ann.agentJoined()).id, mike.id);
  });

  test('offers: who does not answer in time has missed it, without a tick or an event', { timeout }, async (t) => {
    const { sarah, ann, desks, offered, ended } = await asking(t, { offer_timeout_seconds: 5 });
    await offered(desks.sarah);
    await offered(desks.mike);
    assert.equal(await ended(desks.sarah), 'missed');
    assert.equal((await sarah.call('accept_offer', { p_conversation_id: ann.chat })).error, 'NO_OFFER');
  });

  test(
    'offers: who goes away loses the offer to the next one, and closing the chat withdraws it',
    { timeout },
    async (t) => {
      const { sarah, ann, desks, offered, ended } = await asking(t);
      await offered(desks.sarah);
      await sarah.setStatus('away');
      await offered(desks.mike);
      assert.equal(await ended(desks.sarah), 'withdrawn');
      await ann.call('close_conversation', { p_conversation_id: ann.chat });
      assert.equal(await ended(desks.mike), 'withdrawn');
    },
  );
});
