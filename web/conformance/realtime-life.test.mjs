// What happens to a channel in the course of time: people come and go, tokens end, sockets are lost.

import assert from 'node:assert/strict';

import { joinPrivate, joinPublic, Subscription } from './channel.mjs';
import { mintToken, publishableKey, secondsFromNow, secretKey } from './settings.mjs';
import { must } from './stage.mjs';
import { socketSuite } from './suite.mjs';
import { eventually } from './wait.mjs';

/** Cuts the socket as a lost network does: without a goodbye. */
const loseSocket = (client) => client.sockets.at(-1).terminate();

/** The keys of who is present. */
const present = ({ channel }) => Object.keys(channel.presenceState()).sort();

socketSuite('presence', {
  'is empty at first, and says so': async (stage) => {
    const here = await joinPublic(stage.client(), stage.unique('plaza'), {}, { presence: true });
    await here.presence.find(({ kind }) => kind === 'sync');
    assert.deepEqual(present(here), []);
  },
  'shows who comes, to those who were there and to those who come later': async (stage) => {
    const topic = stage.unique('plaza');
    const early = await joinPublic(stage.client(), topic, { presence: { key: 'early' } }, { presence: true });
    const sarah = await joinPublic(stage.client(), topic, { presence: { key: 'sarah' } }, { presence: true });
    assert.equal(await sarah.channel.track({ mood: 'fine' }), 'ok');
    const { newPresences, key } = await early.presence.find(({ kind }) => kind === 'join');
    assert.equal(key, 'sarah');
    assert.equal(newPresences[0].mood, 'fine');
    const late = await joinPublic(stage.client(), topic, { presence: { key: 'late' } }, { presence: true });
    await late.presence.find(({ kind }) => kind === 'sync');
    assert.deepEqual(present(late), ['sarah']);
  },
  'shows who goes, by untrack, by leaving and by a lost socket': async (stage) => {
    const topic = stage.unique('plaza');
    const watcher = await joinPublic(stage.client(), topic, {}, { presence: true });
    const ways = {
      untracks: ({ channel }) => channel.untrack(),
      leaves: ({ channel, client }) => client.removeChannel(channel),
      vanishes: ({ client }) => client.realtime.disconnect(),
    };
    for (const [key, go] of Object.entries(ways)) {
      const guest = await joinPublic(stage.client(), topic, { presence: { key } }, { presence: true });
      await guest.channel.track({});
      await watcher.presence.find((message) => message.kind === 'join' && message.key === key);
      await go(guest);
      await watcher.presence.find((message) => message.kind === 'leave' && message.key === key);
    }
    assert.deepEqual(present(watcher), []);
  },
  'shows a change of what is tracked': async (stage) => {
    const topic = stage.unique('plaza');
    const watcher = await joinPublic(stage.client(), topic, {}, { presence: true });
    const guest = await joinPublic(stage.client(), topic, { presence: { key: 'guest' } }, { presence: true });
    await guest.channel.track({ mood: 'fine' });
    await guest.channel.track({ mood: 'busy' });
    const { leftPresences } = await watcher.presence.find(({ kind }) => kind === 'leave');
    assert.equal(leftPresences[0].mood, 'fine');
    // The last one alone: 2.109 keeps what has left in its own state, whatever it is sent.
    assert.equal(watcher.channel.presenceState().guest.at(-1).mood, 'busy');
  },
  'gathers the sockets of one key': async (stage) => {
    const topic = stage.unique('plaza');
    const config = { presence: { key: 'sarah' } };
    for (const tab of [1, 2]) {
      const here = await joinPublic(stage.client(), topic, config, { presence: true });
      await here.channel.track({ tab });
    }
    const watcher = await joinPublic(stage.client(), topic, {}, { presence: true });
    await eventually(() => assert.equal(watcher.channel.presenceState().sarah?.length, 2));
  },
  'on a private topic is for whom the policies let in': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const [one, two] = [await stage.visitor(), await stage.visitor()];
    const watcher = await joinPrivate(one, topic, {}, { presence: true });
    const guest = await joinPrivate(two, topic, { presence: { key: 'guest' } }, { presence: true });
    assert.equal(await guest.channel.track({}), 'ok');
    await watcher.presence.find(({ kind, key }) => kind === 'join' && key === 'guest');
  },
  'on a private topic is refused without permission': async (stage) => {
    const here = await joinPrivate(await stage.visitor(), `hall:${stage.unique()}`, {}, { presence: true });
    assert.equal(await here.channel.track({}), 'error');
  },
});

/** A token for a user of that id, which ends so many seconds from now. */
const tokenFor = (sub, seconds) => mintToken({ role: 'authenticated', sub, exp: secondsFromNow(seconds) });

socketSuite('tokens of joined channels', {
  'close the channel when they expire, and the socket stays': async (stage) => {
    const client = stage.client();
    const other = await joinPublic(client, stage.unique('plaza'), { broadcast: { ack: true } });
    await client.realtime.setAuth(tokenFor('00000000-0000-4000-8000-00000000000a', 2));
    const here = await joinPrivate(client, `lounge:${stage.unique()}`);
    const { message, status } = await here.system.find();
    assert.equal(status, 'error');
    assert.match(message, /Token has expired \d+ seconds ago/);
    await here.status('CLOSED');
    assert.equal(client.realtime.isConnected(), true);
    assert.ok(other);
  },
  'keep it open when they are replaced in time': async (stage) => {
    const client = stage.client();
    const user = '00000000-0000-4000-8000-00000000000b';
    await client.realtime.setAuth(tokenFor(user, 2));
    const here = await joinPrivate(client, `lounge:${stage.unique()}`, { broadcast: { ack: true } });
    await client.realtime.setAuth(tokenFor(user, 60));
    // A second channel with the short token shows when its time is over.
    const clock = stage.client();
    await clock.realtime.setAuth(tokenFor(user, 3));
    const short = await joinPrivate(clock, `lounge:${stage.unique()}`);
    await short.status('CLOSED');
    assert.equal(await here.send('still', {}), 'ok');
  },
  'close it when the new one may no longer read': async (stage) => {
    const topic = `club:${stage.unique()}`;
    const client = await stage.visitor();
    await stage.sql('insert into public.atlas_members values ($1, $2)', [topic, client.userId]);
    const member = await joinPrivate(client, topic);
    await stage.sql('delete from public.atlas_members where topic = $1', [topic]);
    must(await client.auth.refreshSession());
    await client.realtime.setAuth();
    const { message } = await member.system.find(({ status }) => status === 'error');
    assert.match(message, /permissions? to read from this Channel topic/);
    await member.status('CLOSED');
  },
  'come with the session of the client by themselves': async (stage) => {
    const client = stage.client();
    must(await client.auth.signInAnonymously());
    const here = new Subscription(client, `lounge:${stage.unique()}`, { private: true }).subscribe();
    await here.status('SUBSCRIBED');
  },
  'come from a callback of the application': async (stage) => {
    const client = stage.client(publishableKey, {
      accessToken: async () => tokenFor('00000000-0000-4000-8000-00000000000c', 60),
    });
    const here = new Subscription(client, `lounge:${stage.unique()}`, { private: true }).subscribe();
    await here.status('SUBSCRIBED');
  },
});

socketSuite('a lost socket', {
  'is opened again, and its channels are joined again': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const client = await stage.visitor();
    const here = await joinPrivate(client, topic);
    loseSocket(client);
    await here.status('CHANNEL_ERROR');
    await eventually(() => {
      const joins = here.statuses.items.filter(({ status }) => status === 'SUBSCRIBED');
      assert.equal(joins.length, 2);
    });
    const other = await joinPrivate(await stage.visitor(), topic);
    await other.send('back', {});
    await here.message('back');
  },
  'harms nobody else': async (stage) => {
    const topic = stage.unique('plaza');
    const [lost, one, two] = await Promise.all([1, 2, 3].map(() => joinPublic(stage.client(), topic)));
    loseSocket(lost.client);
    await one.send('on', {});
    await two.message('on');
  },
});

socketSuite('the socket', {
  'answers heartbeats': async (stage) => {
    const client = stage.client(publishableKey, { realtime: { heartbeatIntervalMs: 200 } });
    const beats = [];
    client.realtime.onHeartbeat((status) => beats.push(status));
    await joinPublic(client, stage.unique('plaza'));
    await eventually(() => assert.ok(beats.filter((status) => status === 'ok').length >= 3, beats.join()));
    assert.ok(!beats.includes('timeout'));
  },
  'takes the secret key of a server': async (stage) => {
    await joinPublic(stage.client(secretKey), stage.unique('plaza'));
  },
  'refuses an unknown key, and no channel is joined': async (stage) => {
    const refused = new Subscription(stage.client('sb_publishable_unknown'), stage.unique('plaza')).subscribe();
    await refused.statuses.find(({ status }) => status !== 'SUBSCRIBED');
    assert.ok(!refused.statuses.items.some(({ status }) => status === 'SUBSCRIBED'));
  },
});
