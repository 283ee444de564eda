// Broadcasts that the database sends, and those that are sent again.

import assert from 'node:assert/strict';

import { joinPrivate, joinPublic, Subscription } from './channel.mjs';
import { secretKey } from './settings.mjs';
import { must, refused } from './stage.mjs';
import { socketSuite } from './suite.mjs';
import { eventually, Inbox } from './wait.mjs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Sends from SQL as postgres. */
const send = (stage, topic, event, payload, isPrivate = true) =>
  stage.sql('select realtime.send($1::jsonb, $2, $3, $4)', [JSON.stringify(payload), event, topic, isPrivate]);

/**
 * Joins a private topic so that messages of the database arrive from now on: Realtime begins to read the database with
 * the first join, so the test sends until one has come through.
 */
async function joinFed(stage, topic, config = {}) {
  const here = await joinPrivate(await stage.visitor(), topic, config);
  await eventually(async () => {
    await send(stage, topic, 'probe', {});
    await here.messages.find(({ event }) => event === 'probe', 250);
  });
  return here;
}

socketSuite('messages from the database', {
  'by realtime.send arrive with an id': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const here = await joinFed(stage, topic);
    await send(stage, topic, 'news', { n: 1 });
    const { payload, meta, type } = await here.message('news');
    assert.equal(type, 'broadcast');
    assert.equal(payload.n, 1);
    assert.match(payload.id, UUID);
    assert.equal(meta.id, payload.id);
  },
  'keep the id that their payload has': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const here = await joinFed(stage, topic);
    await send(stage, topic, 'news', { id: 'mine' });
    const { payload, meta } = await here.message('news');
    assert.deepEqual(payload, { id: 'mine' });
    assert.match(meta.id, UUID);
  },
  'by realtime.send_binary arrive as bytes with serializer 2': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    await joinFed(stage, topic);
    const here = await joinPrivate(stage.client(secretKey, { realtime: { vsn: '2.0.0' } }), topic);
    await stage.sql(`select realtime.send_binary('\\x010203', 'bytes', $1)`, [topic]);
    const { payload, meta } = await here.message('bytes');
    assert.deepEqual([...new Uint8Array(payload)], [1, 2, 3]);
    assert.match(meta.id, UUID);
  },
  'reach public topics when they are public': async (stage) => {
    const topic = stage.unique('plaza');
    await joinFed(stage, `lounge:${stage.unique()}`);
    const here = await joinPublic(stage.client(), topic);
    await send(stage, topic, 'hidden', {}, true);
    await send(stage, topic, 'open', {}, false);
    await here.message('open');
    assert.equal(here.messages.items.length, 1);
  },
  'arrive in the order of their commits, and only when there is one': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const here = await joinFed(stage, topic);
    await assert.rejects(
      stage.sql(`begin; select realtime.send('{}', 'never', '${topic}'); select 1 / 0; commit`),
      /division by zero/,
    );
    for (const event of ['one', 'two', 'three']) await send(stage, topic, event, {});
    await here.message('three');
    const events = here.messages.items.map(({ event }) => event).filter((event) => event !== 'probe');
    assert.deepEqual(events, ['one', 'two', 'three']);
  },
  'by broadcast_changes tell of a row': async (stage) => {
    const album = stage.unique('album');
    const here = await joinFed(stage, `lounge:${album}`);
    must(await stage.admin().from('atlas_stamps').insert({ album, label: 'broadcast', value: 4 }));
    const { payload } = await here.message('INSERT');
    assert.deepEqual(
      [payload.operation, payload.table, payload.schema, payload.old_record],
      ['INSERT', 'atlas_stamps', 'public', null],
    );
    assert.equal(payload.record.value, 4);
  },
  'by the API of a user need the policy for writing, and are lost without it': async (stage) => {
    const name = `atlas_${stage.unique('say').replaceAll('-', '_')}`;
    await stage.sql(`create function public.${name}(topic text) returns void language sql volatile
      as $$ select realtime.send('{}', 'said', topic, true) $$; notify pgrst, 'reload schema';`);
    const [lounge, hall] = [`lounge:${stage.unique()}`, `hall:${stage.unique()}`];
    const [inLounge, inHall] = [await joinFed(stage, lounge), await joinFed(stage, hall)];
    const speaker = await stage.visitor();
    await eventually(async () => must(await speaker.rpc(name, { topic: hall })));
    must(await speaker.rpc(name, { topic: lounge }));
    await inLounge.message('said');
    await send(stage, hall, 'last', {});
    await inHall.message('last');
    assert.ok(!inHall.messages.items.some(({ event }) => event === 'said'));
  },
  'announce that they flow, when that is asked for': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const config = { broadcast: { replication_ready: true } };
    const here = await joinPrivate(await stage.visitor(), topic, config);
    const { status, message } = await here.system.find();
    assert.deepEqual([status, message], ['ok', 'Replication connection established']);
    await send(stage, topic, 'first', {});
    await here.message('first');
  },
});

/** A second before now by the clock of the database, as a page remembers when it last heard something. */
const beforeNow = () => Date.now() - 60_000;

socketSuite('replay', {
  'gives the last private messages, oldest first, and says that they are old': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    for (const n of [1, 2, 3, 4]) await send(stage, topic, 'past', { n });
    const config = { broadcast: { replay: { since: beforeNow(), limit: 3 } } };
    const here = await joinPrivate(await stage.visitor(), topic, config);
    const messages = await here.messages.count(3);
    assert.deepEqual(
      messages.map(({ payload, meta }) => [payload.n, meta.replayed]),
      [2, 3, 4].map((n) => [n, true]),
    );
  },
  'leaves out what is older than asked for': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    await send(stage, topic, 'past', { n: 1 });
    const config = { broadcast: { replay: { since: Date.now() + 30_000, limit: 5 } } };
    const here = await joinFed(stage, topic, config);
    assert.ok(here.messages.items.every(({ event }) => event === 'probe'));
  },
  'gives no more than twenty-five': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    await stage.sql(`select realtime.send(jsonb_build_object('n', n), 'past', $1) from generate_series(1, 30) as n`, [
      topic,
    ]);
    await send(stage, topic, 'last', {});
    const config = { broadcast: { replay: { since: beforeNow(), limit: 100 } } };
    const here = await joinPrivate(await stage.visitor(), topic, config);
    await here.message('last');
    assert.equal(here.messages.items.length, 25);
  },
  'with parameters that are not valid refuses the join': async (stage) => {
    const config = { private: true, broadcast: { replay: { since: 'yesterday' } } };
    const here = new Subscription(await stage.visitor(), `lounge:${stage.unique()}`, config).subscribe();
    const { error } = await here.status('CHANNEL_ERROR');
    assert.match(error, /UnableToReplayMessages: Replay params are not valid/);
  },
});

/** Joins a public channel that is told of changes, and waits until they flow. */
async function watch(client, topic, filters) {
  const here = new Subscription(client, topic);
  const changes = new Inbox();
  for (const filter of filters) here.channel.on('postgres_changes', { schema: 'public', ...filter }, changes.put);
  await here.join();
  const { message } = await here.system.find(({ extension }) => extension === 'postgres_changes');
  return { ...here, here, message, changes };
}

socketSuite('changes of tables', {
  'tell of each kind, with the row as it is and was': async (stage) => {
    const album = stage.unique('album');
    const admin = stage.admin();
    const filter = { event: '*', table: 'atlas_stamps', filter: `album=eq.${album}` };
    const { changes, message } = await watch(admin, stage.unique('changes'), [filter]);
    assert.equal(message, 'Subscribed to PostgreSQL');
    const stamps = () => admin.from('atlas_stamps');
    const { id } = must(await stamps().insert({ album, label: 'a', value: 1 }).select().single());
    const inserted = await changes.find(({ eventType }) => eventType === 'INSERT');
    assert.deepEqual(
      [inserted.table, inserted.new.id, inserted.new.value, inserted.errors],
      ['atlas_stamps', id, 1, null],
    );
    must(await stamps().update({ value: 2 }).eq('id', id));
    const updated = await changes.find(({ eventType }) => eventType === 'UPDATE');
    assert.equal(updated.new.value, 2);
    assert.equal(updated.old.id, id);
  },
  'are chosen by kind and by filter': async (stage) => {
    const [mine, other] = [stage.unique('album'), stage.unique('album')];
    const admin = stage.admin();
    const filter = { event: 'INSERT', table: 'atlas_stamps', filter: `album=eq.${mine}` };
    const { changes } = await watch(admin, stage.unique('changes'), [filter]);
    const insert = (album, label) => admin.from('atlas_stamps').insert({ album, label });
    must(await insert(other, 'a'));
    must(await insert(mine, 'a'));
    must(await admin.from('atlas_stamps').update({ value: 3 }).eq('album', mine));
    must(await insert(mine, 'b'));
    await changes.find((change) => change.new.label === 'b');
    assert.deepEqual(
      changes.items.map((change) => [change.eventType, change.new.label]),
      [
        ['INSERT', 'a'],
        ['INSERT', 'b'],
      ],
    );
  },
  'are told to whom the policies show the row': async (stage) => {
    const [one, two] = [await stage.visitor(), await stage.visitor()];
    const filters = [{ event: 'INSERT', table: 'atlas_visits' }];
    const ones = await watch(one, stage.unique('changes'), filters);
    const twos = await watch(two, stage.unique('changes'), filters);
    for (const { message } of [ones, twos]) assert.equal(message, 'Subscribed to PostgreSQL');
    must(await one.from('atlas_visits').insert({ place: 'Berlin' }));
    must(await two.from('atlas_visits').insert({ place: 'Paris' }));
    await ones.changes.find((change) => change.new.place === 'Berlin');
    await twos.changes.find((change) => change.new.place === 'Paris');
    for (const { changes, client } of [ones, twos]) {
      assert.ok(changes.items.every((change) => change.new.visitor === client.userId));
    }
  },
  'of what is not there are refused, and the channel stays': async (stage) => {
    const filters = [{ event: '*', table: 'atlas_nowhere' }];
    const { here, message } = await watch(stage.client(), stage.unique('changes'), filters);
    assert.match(message, /^Unable to subscribe to changes with given parameters/);
    assert.equal(here.statuses.items.at(-1).status, 'SUBSCRIBED');
  },
});

socketSuite('what the database refuses', {
  'is a warning there and nothing here': async (stage) => {
    const topic = `lounge:${stage.unique()}`;
    const here = await joinFed(stage, topic);
    await stage.sql(`select realtime.send('[1]', 'array', $1)`, [topic]);
    await send(stage, topic, 'last', {});
    await here.message('last');
    assert.ok(!here.messages.items.some(({ event }) => event === 'array'));
  },
  'is not for the API to read': async (stage) => {
    refused(await stage.client().schema('realtime').from('messages').select(), { code: 'PGRST106', status: 406 });
  },
});
