// Channels as a page meets them: who may join, and what broadcasts do.

import assert from 'node:assert/strict';

import { joinPrivate, joinPublic, Subscription } from './channel.mjs';
import { mintToken, publishableKey, secondsFromNow } from './settings.mjs';
import { socketSuite } from './suite.mjs';
import { eventually } from './wait.mjs';

/** Above what a plan takes for one message, below what one frame may have. */
const TOO_LARGE = 'x'.repeat(3_100_000);

socketSuite('joining', {
  'a public topic needs no user': async (stage) => {
    await joinPublic(stage.client(), stage.unique('plaza'));
  },
  'a private topic is for whom the policies let in': async (stage) => {
    await joinPrivate(await stage.visitor(), `lounge:${stage.unique()}`);
  },
  'a private topic is refused with the reason, and asked for again': async (stage) => {
    const topic = `vault:${stage.unique()}`;
    const refused = new Subscription(await stage.visitor(), topic, { private: true }).subscribe();
    const { error } = await refused.status('CHANNEL_ERROR');
    const reason = `Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`;
    assert.ok(error.includes(reason), error);
    await eventually(() => {
      const errors = refused.statuses.items.filter(({ status }) => status === 'CHANNEL_ERROR');
      assert.ok(errors.length >= 2);
    });
  },
  'a private topic is refused to the publishable key alone': async (stage) => {
    const refused = new Subscription(stage.client(), `lounge:${stage.unique()}`, { private: true }).subscribe();
    const { error } = await refused.status('CHANNEL_ERROR');
    assert.match(error, /Unauthorized/);
  },
  'a private topic opens to the secret key, which no policy holds up': async (stage) => {
    await joinPrivate(stage.admin(), `vault:${stage.unique()}`);
  },
  'a refused topic opens by itself once a policy lets the user in': async (stage) => {
    const topic = `club:${stage.unique()}`;
    const client = await stage.visitor();
    const waiting = new Subscription(client, topic, { private: true }).subscribe();
    await waiting.status('CHANNEL_ERROR');
    await stage.sql('insert into public.atlas_members values ($1, $2)', [topic, client.userId]);
    await waiting.status('SUBSCRIBED');
  },
  'a forged token is refused with the reason': async (stage) => {
    const client = stage.client();
    await client.realtime.setAuth(mintToken({ role: 'authenticated' }, 'another-secret-of-at-least-32-characters'));
    const refused = new Subscription(client, stage.unique('plaza')).subscribe();
    const { error } = await refused.status('CHANNEL_ERROR');
    assert.match(error, /JwtSignatureError: Failed to validate JWT signature/);
  },
  'an expired token is refused with the reason': async (stage) => {
    const client = stage.client();
    await client.realtime.setAuth(mintToken({ role: 'authenticated', exp: secondsFromNow(-60) }));
    const refused = new Subscription(client, stage.unique('plaza')).subscribe();
    const { error } = await refused.status('CHANNEL_ERROR');
    assert.match(error, /InvalidJWTToken: Token has expired \d+ seconds ago/);
  },
  'a token of the legacy secret is taken': async (stage) => {
    const client = stage.client();
    await client.realtime.setAuth(mintToken({ role: 'authenticated', sub: '00000000-0000-4000-8000-00000000000a' }));
    await joinPrivate(client, `lounge:${stage.unique()}`);
  },
  'the one topic is two, public and private': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const inside = await joinPrivate(await stage.visitor(), topic);
    const outside = await joinPublic(stage.client(), topic, { broadcast: { ack: true, self: true } });
    await outside.send('shout', { a: 1 });
    await outside.message('shout');
    assert.deepEqual(inside.messages.items, []);
  },
  'a topic may hold colons and slashes, a payload any letter': async (stage) => {
    const topic = `lounge:a:b/c?d#e%20:${stage.unique()}`;
    const here = await joinPrivate(await stage.visitor(), topic, { broadcast: { self: true } });
    assert.equal(await here.send('wort', { wort: 'schön 東京 \u{1f98a}' }), 'ok');
    assert.deepEqual((await here.message('wort')).payload, { wort: 'schön 東京 \u{1f98a}' });
  },
  // By HTTP: the older client cannot encode such a topic into a binary frame.
  'a topic may hold letters of any language': async (stage) => {
    const topic = `lounge:größe:東京:${stage.unique()}`;
    const here = await joinPrivate(await stage.visitor(), topic);
    await stage
      .admin()
      .channel(topic, { config: { private: true } })
      .httpSend('grüße', { n: 1 });
    assert.deepEqual((await here.message('grüße')).payload, { n: 1 });
  },
  'leaving ends the messages, and the topic may be joined again': async (stage) => {
    const topic = stage.unique('plaza');
    const client = stage.client();
    const left = await joinPublic(client, topic);
    const other = await joinPublic(stage.client(), topic, { broadcast: { ack: true } });
    assert.equal(await client.removeChannel(left.channel), 'ok');
    await left.status('CLOSED');
    // Frames of one socket are handled in their order: once this one is joined, the other is left.
    await joinPublic(client, stage.unique('barrier'));
    await other.send('one', {});
    const again = await joinPublic(client, topic);
    await other.send('two', {});
    await again.message('two');
    assert.deepEqual(left.messages.items, []);
    assert.equal(again.messages.items.length, 1);
  },
  'a hundred channels on one socket, and no more': async (stage) => {
    const client = stage.client();
    const prefix = stage.unique('plaza');
    await Promise.all(Array.from({ length: 100 }, (_, i) => joinPublic(client, `${prefix}-${i}`)));
    const refused = new Subscription(client, `${prefix}-more`).subscribe();
    const { error } = await refused.status('CHANNEL_ERROR');
    assert.match(error, /ChannelRateLimitReached: Too many channels/);
  },
});

socketSuite('broadcasts', {
  'reach the others in the order they were sent, and not the sender': async (stage) => {
    const topic = stage.unique('plaza');
    const [one, two] = [await joinPublic(stage.client(), topic), await joinPublic(stage.client(), topic)];
    for (let number = 0; number < 20; number += 1) assert.equal(await one.send('count', { number }), 'ok');
    await two.messages.count(20);
    assert.deepEqual(
      two.messages.items.map(({ payload }) => payload.number),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.deepEqual(one.messages.items, []);
  },
  'reach the sender who asks for them, before the acknowledgement': async (stage) => {
    const here = await joinPublic(stage.client(), stage.unique('plaza'), { broadcast: { self: true, ack: true } });
    assert.equal(await here.send('echo', { a: [1, null, 'ü'] }), 'ok');
    assert.deepEqual(here.messages.items, [{ type: 'broadcast', event: 'echo', payload: { a: [1, null, 'ü'] } }]);
  },
  'go between the serializers': async (stage) => {
    const topic = stage.unique('plaza');
    const [old, recent] = [
      await joinPublic(stage.client(publishableKey, { realtime: { vsn: '1.0.0' } }), topic),
      await joinPublic(stage.client(publishableKey, { realtime: { vsn: '2.0.0' } }), topic),
    ];
    await old.send('up', { n: 1 });
    await recent.send('down', { n: 2 });
    assert.deepEqual((await recent.message('up')).payload, { n: 1 });
    assert.deepEqual((await old.message('down')).payload, { n: 2 });
  },
  'are chosen by event, whatever its case': async (stage) => {
    const topic = stage.unique('plaza');
    const sender = await joinPublic(stage.client(), topic);
    const receiver = new Subscription(stage.client(), topic);
    const heard = [];
    receiver.channel.on('broadcast', { event: 'chosen' }, ({ payload }) => heard.push(payload.n));
    await receiver.join();
    await sender.send('other', { n: 1 });
    await sender.send('Chosen', { n: 2 });
    await sender.send('last', {});
    await receiver.message('last');
    assert.deepEqual(heard, [2]);
  },
  'that are too large are refused to who waits for an acknowledgement': async (stage) => {
    const here = await joinPublic(stage.client(), stage.unique('plaza'), { broadcast: { ack: true, self: true } });
    assert.equal(await here.send('big', { text: TOO_LARGE }), 'error');
    assert.equal(await here.send('small', {}), 'ok');
    assert.deepEqual(
      here.messages.items.map(({ event }) => event),
      ['small'],
    );
  },
  'without permission are dropped without a word': async (stage) => {
    const topic = `hall:${stage.unique()}`;
    const listener = await joinPrivate(await stage.visitor(), topic);
    const speaker = await joinPrivate(await stage.visitor({ realtime: { timeout: 1000 } }), topic, {
      broadcast: { ack: true },
    });
    assert.equal(await speaker.send('shout', {}), 'timed out');
    const admin = await joinPrivate(stage.admin(), topic, { broadcast: { ack: true } });
    assert.equal(await admin.send('announce', {}), 'ok');
    await listener.message('announce');
    assert.equal(listener.messages.items.length, 1);
  },
  'before the join go by HTTP': async (stage) => {
    const topic = stage.unique('plaza');
    const receiver = await joinPublic(stage.client(), topic);
    const channel = stage.client().channel(topic);
    assert.equal(await channel.send({ type: 'broadcast', event: 'early', payload: { n: 1 } }), 'ok');
    assert.deepEqual((await receiver.message('early')).payload, { n: 1 });
  },
  'by httpSend reach a public topic': async (stage) => {
    const topic = stage.unique('plaza/with a slash');
    const receiver = await joinPublic(stage.client(), topic);
    const answer = await stage.client().channel(topic).httpSend('post', { n: 1 });
    assert.equal(answer.success, true);
    assert.deepEqual((await receiver.message('post')).payload, { n: 1 });
  },
  'by httpSend reach a private topic by the policy for writing': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const receiver = await joinPrivate(await stage.visitor(), topic);
    const sender = await stage.visitor();
    const answer = await sender.channel(topic, { config: { private: true } }).httpSend('post', { n: 1 });
    assert.equal(answer.success, true);
    assert.deepEqual((await receiver.message('post')).payload, { n: 1 });
  },
  'by httpSend are refused aloud without permission': async (stage) => {
    const sender = await stage.visitor();
    const channel = sender.channel(`hall:${stage.unique()}`, { config: { private: true } });
    await assert.rejects(channel.httpSend('post', {}), /Unauthorized/);
  },
  'by httpSend are refused aloud when they are too large': async (stage) => {
    const channel = stage.client().channel(stage.unique('plaza'));
    await assert.rejects(
      channel.httpSend('post', { text: TOO_LARGE }),
      /Unprocessable|Payload size exceeds tenant limit|422/,
    );
  },
});

socketSuite('broadcasts of bytes', {
  'arrive as bytes with serializer 2, by socket and by HTTP': async (stage) => {
    const topic = stage.unique('plaza');
    const options = { realtime: { vsn: '2.0.0' } };
    const receiver = await joinPublic(stage.client(publishableKey, options), topic);
    const sender = await joinPublic(stage.client(publishableKey, options), topic);
    await sender.send('socket', new Uint8Array([1, 2, 3]).buffer);
    await sender.channel.httpSend('http', new Uint8Array([4, 5, 6]).buffer);
    assert.deepEqual([...new Uint8Array((await receiver.message('socket')).payload)], [1, 2, 3]);
    assert.deepEqual([...new Uint8Array((await receiver.message('http')).payload)], [4, 5, 6]);
  },
});
