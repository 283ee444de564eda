// F001 5.12.10: the table of time-outs, row by row.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { World } from './world.mjs';

const timeout = 60_000;

async function conversation(t, settings) {
  const world = await World.open(t, settings);
  const sarah = await world.agent('Sarah');
  const ann = await world.served(sarah);
  return { world, sarah, ann, desk: await sarah.listen(`agent:${sarah.id}`) };
}

// That it is two minutes, and three seconds, is the widget's rule: web/sdk/src/presence.
describe('5.12.10 customer idle detection and typing indicator', () => {
  test(
    '5.12.10 customer idle detection: the agent sees idle when the widget has noticed no activity, and that it is back',
    { timeout },
    async (t) => {
      const { world, ann, desk } = await conversation(t);
      const seen = (status) =>
        desk.find(({ event, payload }) => event === 'customer_presence_update' && payload.status === status);
      await world.presence(ann, 'online');
      await seen('online');
      await world.presence(ann, 'idle');
      const { payload } = await seen('idle');
      assert.equal(payload.conversation_id, ann.chat);
      await world.presence(ann, 'online');
      await desk.find(
        () =>
          desk.items.filter(
            ({ event, payload: told }) => event === 'customer_presence_update' && told.status === 'online',
          ).length === 2,
      );
    },
  );

  test(
    '5.12.10 typing indicator: the agent sees typing while the widget says so, and no longer',
    { timeout },
    async (t) => {
      const { world, ann, desk } = await conversation(t);
      const statuses = () =>
        desk.items.filter(({ event }) => event === 'customer_presence_update').map(({ payload }) => payload.status);
      for (const status of ['online', 'typing', 'online']) await world.presence(ann, status);
      await desk.find(() => statuses().length === 3);
      assert.deepEqual(statuses(), ['online', 'typing', 'online']);
    },
  );
});

describe('5.12.10 trigger inactivity warning: 5 min offline/idle', () => {
  for (const state of ['idle', 'offline']) {
    test(
      `5.12.10 trigger inactivity warning: a customer who is ${state} is asked after 5 minutes, not before`,
      { timeout },
      async (t) => {
        const { world, ann } = await conversation(t);
        await world.presence(ann, 'online');
        await world.presence(ann, state);
        await world.clock('warn_inactive', 4.9);
        assert.equal(ann.toldOf('inactivity_warning'), 0);
        await world.clock('warn_inactive', 5.1);
        const { content } = await ann.told('inactivity_warning');
        const minutes = state === 'idle' ? 5 : 10;
        assert.equal(
          content,
          `Are you still there? This chat will close in ${minutes} minutes if we don't hear from you.`,
        );
        await world.clock('warn_inactive', 6);
        assert.equal(ann.toldOf('inactivity_warning'), 1, 'asked once');
      },
    );
  }

  test('5.12.10 trigger inactivity warning: a customer who is there is not asked', { timeout }, async (t) => {
    const { world, ann } = await conversation(t);
    await world.presence(ann, 'online');
    await world.clock('warn_inactive', 60);
    assert.equal(ann.toldOf('inactivity_warning'), 0);
  });

  test('5.12.10 trigger inactivity warning: the time is configurable', { timeout }, async (t) => {
    const { world, ann } = await conversation(t, { inactivity_timeout_minutes: 20 });
    await world.presence(ann, 'idle');
    await world.clock('warn_inactive', 19.9);
    assert.equal(ann.toldOf('inactivity_warning'), 0);
    await world.clock('warn_inactive', 20.1);
    await ann.told('inactivity_warning');
  });
});

describe('5.12.10 auto-close after warning: 5 min no response', () => {
  test(
    '5.12.10 auto-close after warning: closed 5 minutes later; the agent is told and has the slot back',
    { timeout },
    async (t) => {
      const { world, sarah, ann, desk } = await conversation(t);
      await world.presence(ann, 'idle');
      await world.clock('warn_inactive', 5.1);
      await ann.told('inactivity_warning');
      await world.clock('close_inactive', 10);
      assert.equal(await ann.status(), 'agent_active', 'not before');
      await world.clock('close_inactive', 10.2);
      assert.equal(
        (await ann.told('auto_closed')).content,
        'This chat has been closed due to inactivity. Start a new chat anytime if you need more help!',
      );
      assert.equal(await ann.status(), 'closed');
      const { payload } = await desk.find(({ event }) => event === 'conversation_auto_closed');
      assert.deepEqual([payload.conversation_id, payload.reason], [ann.chat, 'customer_inactive']);
      assert.equal(await sarah.load(), 0);
    },
  );

  for (const [sign, give] of Object.entries({
    'a message': (ann) => ann.send('Yes, I am'),
    '"I\'m still here"': (ann) => ann.call('still_here', { p_conversation_id: ann.chat }),
    'typing again': (ann) => ann.world.presence(ann, 'typing'),
  })) {
    test(
      `5.12.10 auto-close after warning: ${sign} cancels it, and the silence begins anew`,
      { timeout },
      async (t) => {
        const { world, ann } = await conversation(t);
        await world.presence(ann, 'idle');
        await world.clock('warn_inactive', 5.1);
        await ann.told('inactivity_warning');
        await give(ann);
        await world.presence(ann, 'idle');
        await world.clock('close_inactive', 10.2);
        assert.equal(await ann.status(), 'agent_active');
        await world.clock('warn_inactive', 4.9);
        assert.equal(ann.toldOf('inactivity_warning'), 1);
        await world.clock('warn_inactive', 6);
        await ann.events.find(() => ann.toldOf('inactivity_warning') === 2);
      },
    );
  }

  test(
    '5.12.10 auto-close after warning: the time is configurable, and the warning says it',
    { timeout },
    async (t) => {
      const { world, ann } = await conversation(t, { auto_close_after_warning_minutes: 1 });
      await world.presence(ann, 'idle');
      await world.clock('warn_inactive', 5.1);
      assert.match((await ann.told('inactivity_warning')).content, /will close in 1 minute if/);
      await world.clock('close_inactive', 6.2);
      assert.equal(await ann.status(), 'closed');
    },
  );

  test('5.12.10 auto-close after warning: with warnings off the time runs without a word', { timeout }, async (t) => {
    const { world, ann } = await conversation(t, { send_inactivity_warning: false });
    await world.presence(ann, 'idle');
    await world.clock('warn_inactive', 5.1);
    await world.clock('close_inactive', 10.2);
    assert.equal(await ann.status(), 'closed');
    assert.equal(ann.toldOf('inactivity_warning'), 0);
  });
});

describe('5.12.10 session keep-alive after browser close: 15 min', () => {
  test(
    '5.12.10 session keep-alive after browser close: the chat is kept for 15 minutes, and closed then',
    { timeout },
    async (t) => {
      const { world, ann } = await conversation(t);
      await world.leaves(ann);
      await world.clock('warn_inactive', 5.1);
      await world.clock('close_inactive', 14.9);
      assert.equal(await ann.status(), 'agent_active');
      await world.clock('close_inactive', 15.2);
      assert.equal(await ann.status(), 'closed');
    },
  );

  test(
    '5.12.10 session keep-alive after browser close: who returns goes on in the same chat with the same agent',
    { timeout },
    async (t) => {
      const { world, sarah, ann } = await conversation(t);
      await world.leaves(ann);
      await world.clock('warn_inactive', 5.1);
      const chat = ann.chat;
      assert.equal(await ann.start(), chat);
      await world.presence(ann, 'online');
      await world.clock('close_inactive', 30);
      assert.equal(await ann.status(), 'agent_active');
      assert.equal(await sarah.load(), 1);
    },
  );

  test('5.12.10 session keep-alive after browser close: the time is configurable', { timeout }, async (t) => {
    const { world, ann } = await conversation(t, { session_keep_alive_minutes: 30 });
    await world.leaves(ann);
    await world.clock('warn_inactive', 5.1);
    await world.clock('close_inactive', 29);
    assert.equal(await ann.status(), 'agent_active');
    await world.clock('close_inactive', 30.2);
    assert.equal(await ann.status(), 'closed');
  });
});
