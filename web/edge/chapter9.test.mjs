// F001 section 9, case by case. The name of a test begins with the case it is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { World } from './world.mjs';

const timeout = 60_000;

describe('9.1 agent goes offline mid-conversation', () => {
  test(
    '9.1 agent goes offline mid-conversation: the customer is told, the chat stays, and the agent who returns goes on',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const ann = await world.served(sarah);
      await sarah.setStatus('offline');
      assert.equal((await ann.told('agent_disconnected')).content, 'Agent disconnected. Waiting for reconnection...');
      assert.equal(await ann.status(), 'agent_active');
      assert.equal(await sarah.load(), 1);

      await sarah.setStatus('online');
      await sarah.write(ann.chat, 'Back again');
      await ann.events.find(({ event, payload }) => event === 'message' && payload.message.content === 'Back again');
      assert.equal(ann.toldOf('agent_disconnected'), 1, 'told once');
    },
  );

  test(
    '9.1 agent goes offline mid-conversation: the heartbeat stops, and within 5 minutes the agent is offline; the next beat brings the agent back',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      await sarah.opensPage();
      const ann = await world.served(sarah);
      await world.clock('sweep_presence', 1);
      assert.equal((await sarah.line()).effective_status, 'online', 'a page that is a minute late may be a hidden tab');
      await world.sweep(5);
      await ann.told('agent_disconnected');
      const { status, effective_status: effective } = await sarah.line();
      assert.deepEqual([status, effective], ['online', 'offline'], 'what the agent wants is kept');
      assert.equal(await ann.status(), 'agent_active');
      await sarah.opensPage();
      assert.equal((await sarah.line()).effective_status, 'online');
      await sarah.write(ann.chat, 'Sorry, my train was in a tunnel');
    },
  );

  test(
    '9.1 agent goes offline mid-conversation: nobody else takes the chat from the agent meanwhile',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const ann = await world.served(sarah);
      await sarah.setStatus('offline');
      await ann.told('agent_disconnected');
      const mike = await world.agent('Mike');
      assert.equal((await mike.claim(ann.chat)).error, 'ALREADY_CLAIMED');
      assert.equal(await mike.load(), 0);
    },
  );

  test(
    '9.1 agent goes offline mid-conversation: after 10 minutes the customer may return to the queue, and another agent gets the chat',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const ann = await world.served(sarah);
      const { rows: before } = await world.sql('select queue_entered_at from public.conversations where id = $1', [
        ann.chat,
      ]);
      await sarah.setStatus('offline');
      await ann.told('agent_disconnected');
      const { error } = await ann.client.rpc('return_to_queue', { p_conversation_id: ann.chat });
      assert.equal(error.details, 'agent_is_here', 'not before');
      await world.clock('offer_requeue', 9.9);
      assert.equal(ann.toldOf('requeue_offer'), 0);
      await world.clock('offer_requeue', 10.1);
      await ann.told('requeue_offer');

      await world.goneFor(sarah, 10);
      assert.equal((await ann.call('return_to_queue', { p_conversation_id: ann.chat })).status, 'waiting');
      const mike = await world.agent('Mike');
      await ann.events.find(({ event, payload }) => event === 'agent_assigned' && payload.agent.id === mike.id);
      const { rows: after } = await world.sql('select queue_entered_at from public.conversations where id = $1', [
        ann.chat,
      ]);
      assert.deepEqual(after, before, 'the place in line is the old one');
      assert.equal(await sarah.load(), 0);
    },
  );

  test(
    '9.1 agent goes offline mid-conversation: a chat that the agent never answered waits again at once',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const ann = await world.waiting();
      await ann.agentJoined();
      const mike = await world.agent('Mike');
      await sarah.setStatus('offline');
      await ann.events.find(({ event, payload }) => event === 'agent_assigned' && payload.agent.id === mike.id);
      assert.equal(ann.toldOf('agent_disconnected'), 0);
    },
  );
});

describe('9.2 customer closes browser during queue', () => {
  test(
    '9.2 customer closes browser during queue: the conversation stays in the queue, and who is back finds it',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah', 1);
      await world.served(sarah);
      const ann = await world.waiting();
      await world.leaves(ann);
      await world.clock('close_abandoned', 29);
      assert.equal(await ann.status(), 'waiting');
      const chat = ann.chat;
      assert.equal(await ann.start(), chat);
    },
  );

  test(
    '9.2 customer closes browser during queue: after 30 minutes it is closed, and the customer begins afresh',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah', 1);
      await world.served(sarah);
      const ann = await world.waiting();
      await world.leaves(ann);
      await world.clock('close_abandoned', 31);
      const { payload } = await ann.events.find(
        ({ event, payload }) => event === 'status_changed' && payload.new_status === 'closed',
      );
      assert.equal(payload.conversation_id, ann.chat);
      const gone = ann.chat;
      assert.notEqual(await ann.start(), gone);
      assert.equal(await ann.status(), 'ai_active');
    },
  );

  test(
    '9.2 customer closes browser during queue: a browser that says no goodbye is missed, and then the same holds',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah', 1);
      await world.served(sarah);
      const ann = await world.waiting();
      await world.presence(ann, 'online');
      await world.sweep(5);
      await world.clock('close_abandoned', 29);
      assert.equal(await ann.status(), 'waiting');
      await world.clock('close_abandoned', 36);
      assert.equal(await ann.status(), 'closed');
    },
  );

  test('9.2 customer closes browser during queue: who is there all the time is not closed', { timeout }, async (t) => {
    const world = await World.open(t);
    const sarah = await world.agent('Sarah', 1);
    await world.served(sarah);
    const ann = await world.waiting();
    await world.clock('close_abandoned', 31);
    assert.equal(await ann.status(), 'waiting');
  });
});

describe('9.3 multiple agents claim the same conversation', () => {
  test(
    '9.3 race condition: of two agents who claim at the same moment one succeeds, the other is told and sees who has it',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const agents = [await world.agent('Sarah'), await world.agent('Mike')];
      const dashboards = await Promise.all(agents.map((agent) => agent.listen(`project:${world.project}:agents`)));
      for (let round = 0; round < 5; round += 1) {
        const ann = await world.visitor();
        // It leaves the AI by the claim, so that the worker is not a third who takes it.
        const answers = await Promise.all(
          agents.map((agent) => agent.call('take_over_conversation', { p_conversation_id: ann.chat })),
        );
        const winner = agents[answers.findIndex(({ success }) => success)];
        const [refusal] = answers.filter(({ success }) => !success);
        assert.equal(answers.filter(({ success }) => success).length, 1);
        assert.deepEqual(
          [refusal.error, refusal.message],
          ['ALREADY_CLAIMED', 'This conversation was claimed by another agent'],
        );
        for (const dashboard of dashboards) {
          const claimed = await dashboard.find(
            ({ event, payload }) => event === 'conversation_claimed' && payload.conversation_id === ann.chat,
          );
          assert.equal(claimed.payload.agent_id, winner.id);
        }
        const { conversations } = await agents[0].call('inbox', { p_project_id: world.project });
        assert.equal(conversations.find(({ id }) => id === ann.chat).assigned_agent_id, winner.id);
      }
    },
  );

  test(
    '9.3 race condition: an agent who claims from the queue while the worker assigns does not get it twice, nor somebody else',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah', 50);
      const mike = await world.agent('Mike', 50);
      const visitors = await Promise.all(Array.from({ length: 6 }, () => world.visitor()));
      await Promise.all(visitors.flatMap((ann) => [ann.ask(), sarah.claim(ann.chat), mike.claim(ann.chat)]));
      await Promise.all(visitors.map((ann) => ann.agentJoined()));
      assert.equal((await sarah.load()) + (await mike.load()), visitors.length);
      for (const ann of visitors) {
        assert.equal(ann.events.items.filter(({ event }) => event === 'agent_assigned').length, 1);
      }
    },
  );
});

describe('9.4 customer messages during handoff transition', () => {
  test(
    '9.4 customer messages during handoff transition: all of them are there when the agent joins, in order',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const desk = await sarah.listen(`agent:${sarah.id}`);
      const ann = await world.visitor();
      const written = [];
      const write = async (text) => {
        written.push(text);
        await ann.send(text);
      };
      await write('before');
      const asking = ann.ask();
      for (let number = 1; number <= 8; number += 1) await write(`during ${number}`);
      await asking;
      await desk.find(
        ({ event, payload }) => event === 'conversation_assigned' && payload.conversation_id === ann.chat,
      );
      const { data } = await sarah.client
        .from('messages')
        .select('content, seq')
        .eq('conversation_id', ann.chat)
        .eq('sender_type', 'customer')
        .order('seq');
      assert.deepEqual(
        data.map(({ content }) => content),
        written,
      );
    },
  );

  test(
    '9.4 customer messages during handoff transition: what is sent again after a lost answer is there once',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah');
      const ann = await world.visitor();
      const call = {
        p_conversation_id: ann.chat,
        p_content: 'A human, please',
        p_client_message_id: crypto.randomUUID(),
      };
      await Promise.all([
        ann.call('send_message', call),
        ann.call('send_message', call),
        ann.call('send_message', call),
      ]);
      assert.equal((await ann.agentJoined()).id, sarah.id, 'the keyword has handed it off');
      const { data } = await sarah.client.from('messages').select('content').eq('conversation_id', ann.chat);
      assert.deepEqual(data, [{ content: 'A human, please' }]);
    },
  );
});

/** Settings by which it is about noon in the project, and work from 9 to 17. */
function noon() {
  const ahead = 12 - new Date().getUTCHours();
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  return {
    business_hours_enabled: true,
    // The names of these zones count westward.
    timezone: ahead === 0 ? 'UTC' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`,
    business_hours: Object.fromEntries(days.map((day) => [day, { start: '09:00', end: '17:00', enabled: true }])),
  };
}

describe('9.5 business hours edge cases', () => {
  /** The team has gone home at 17:00 while Ann waits: her agent went offline in the afternoon. */
  async function closing(t) {
    const world = await World.open(t, noon());
    const sarah = await world.agent('Sarah');
    const ann = await world.served(sarah);
    await sarah.setStatus('offline');
    await ann.told('agent_disconnected');
    await world.goneFor(sarah, 10);
    await ann.call('return_to_queue', { p_conversation_id: ann.chat });
    const evening = `(select handoff.closes_at(settings, now()) + interval '1 minute' from public.handoff_settings as settings
                       where settings.project_id = '${world.project}')`;
    await world.clock('pass_edges', evening);
    await world.clock('tell_closed', evening);
    return { world, ann, evening };
  }

  test('9.5 business hours: who waits at closing time is shown the offline message, once', { timeout }, async (t) => {
    const { world, ann, evening } = await closing(t);
    const message = await ann.told('team_offline');
    assert.equal(message.metadata.show_offline_form, true);
    assert.equal(new Date(message.metadata.opens_at).getTime() > Date.now(), true);
    await world.clock('tell_closed', evening);
    assert.equal(ann.toldOf('team_offline'), 1);
    assert.equal(await ann.status(), 'waiting');
  });

  test('9.5 business hours: the customer can leave an e-mail address for a follow-up', { timeout }, async (t) => {
    const { world, ann } = await closing(t);
    await ann.told('team_offline');
    const answer = await ann.call('submit_offline_form', {
      p_conversation_id: ann.chat,
      p_email: 'ann@example.com',
      p_name: 'Ann',
      p_message: 'Please write to me',
      p_client_message_id: crypto.randomUUID(),
    });
    assert.equal(answer.status, 'waiting');
    const { data } = await world.owner.client.from('lead_captures').select('user_email').eq('session_id', ann.chat);
    assert.deepEqual(data, [{ user_email: 'ann@example.com' }]);
  });

  test(
    '9.5 business hours: the conversation waits for the next business day and is served then',
    { timeout },
    async (t) => {
      const { world, ann } = await closing(t);
      await world.leaves(ann);
      await world.clock('close_abandoned', 12 * 60);
      await world.clock('time_out_waiting', 16 * 60);
      assert.equal(await ann.status(), 'waiting', 'a night is no time that the team let pass');
      const mike = await world.agent('Mike');
      await ann.events.find(({ event, payload }) => event === 'agent_assigned' && payload.agent.id === mike.id);
      await ann.becomes('agent_active');
    },
  );
});

describe('9.6 agent at capacity, all agents full', () => {
  test(
    '9.6 all agents full: the conversation enters the queue, the customer sees the place, and the first free slot serves it',
    { timeout },
    async (t) => {
      const world = await World.open(t);
      const sarah = await world.agent('Sarah', 1);
      const mike = await world.agent('Mike', 1);
      const first = await world.visitor();
      await first.ask();
      await first.agentJoined();
      const second = await world.visitor();
      await second.ask();
      const owner = (await second.agentJoined()).id === sarah.id ? sarah : mike;

      const ann = await world.visitor();
      assert.deepEqual((({ status, queue_position: place }) => [status, place])(await ann.ask()), ['waiting', 1]);
      const bob = await world.visitor();
      assert.deepEqual((({ status, queue_position: place }) => [status, place])(await bob.ask()), ['waiting', 2]);
      await bob.events.find(({ event, payload }) => event === 'queue_position' && payload.position === 2);

      await owner.resolve(second.chat);
      assert.equal((await ann.agentJoined()).id, owner.id);
      await bob.events.find(({ event, payload }) => event === 'queue_position' && payload.position === 1);
      assert.equal(await bob.status(), 'waiting');
      assert.deepEqual([await sarah.load(), await mike.load()], [1, 1]);
    },
  );
});
