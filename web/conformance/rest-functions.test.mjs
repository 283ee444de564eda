// Functions of the database as supabase-js calls them, their errors, and the cache of the schema.

import assert from 'node:assert/strict';

import { failsWith, gives, named } from './claims.mjs';
import { legacyKey, mintToken, publishableKey } from './settings.mjs';
import { must, refused } from './stage.mjs';
import { suite } from './suite.mjs';
import { eventually } from './wait.mjs';

suite('functions', {
  'are called by POST': gives((db) => db.rpc('atlas_add', { a: 1, b: 2 }), 3),
  'are called by GET': gives((db) => db.rpc('atlas_add', { a: 1, b: 2 }, { get: true }), 3),
  'take defaults': gives((db) => db.rpc('atlas_add', { a: 1 }), 11),
  'return nothing as null': async (stage) => {
    const answer = await stage.client().rpc('atlas_nothing');
    assert.deepEqual([answer.data, answer.error, answer.status], [null, null, 204]);
  },
  'take and return JSON': gives((db) => db.rpc('atlas_document', { body: { a: [1, null] } }), { a: [1, null] }),
  'return rows that can be filtered, ordered and cut': gives(
    (db) => db.rpc('atlas_cities_of', { country: 'de' }).select('name').gt('population', 1).order('name').limit(1),
    named('Berlin'),
  ),
  'return rows that can be embedded in': gives(
    (db) => db.rpc('atlas_cities_of', { country: 'fr' }).select('name, atlas_rivers(name)').single(),
    { name: 'Paris', atlas_rivers: [{ name: 'Seine' }] },
  ),
  'count their rows': async (stage) => {
    const answer = await stage.client().rpc('atlas_cities_of', { country: 'de' }, { count: 'exact', head: true });
    assert.equal(answer.count, 2);
  },
  'write when they are volatile': async (stage) => {
    const album = stage.unique('album');
    assert.equal(must(await stage.client().rpc('atlas_stamp', { album, label: 'x' })).album, album);
  },
  'cannot write when they are stable': failsWith((db) => db.rpc('atlas_write_in_reader'), {
    code: '25006',
    status: 405,
  }),
  'know who asks and how': async (stage) => {
    const visitor = await stage.visitor({ global: { headers: { 'x-conformance': 'yes' } } });
    assert.deepEqual(must(await visitor.rpc('atlas_whoami')), {
      role: 'authenticated',
      uid: visitor.userId,
      jwt_role: 'authenticated',
      anonymous: 'true',
      method: 'POST',
      path: '/rpc/atlas_whoami',
      header: 'yes',
    });
  },
  ...Object.fromEntries(
    [
      ['the publishable key', publishableKey, 'anon'],
      ['the legacy anon key', legacyKey('anon'), 'anon'],
      ['the legacy service_role key', legacyKey('service_role'), 'service_role'],
    ].map(([name, key, role]) => [
      `run as ${role} with ${name}`,
      async (stage) => assert.equal(must(await stage.client(key).rpc('atlas_whoami')).role, role),
    ]),
  ),
  'run as service_role with the secret key': async (stage) => {
    assert.equal(must(await stage.admin().rpc('atlas_whoami')).role, 'service_role');
  },
  'run as the role of a minted token': async (stage) => {
    const token = mintToken({ role: 'authenticated', sub: '00000000-0000-4000-8000-00000000000a' });
    const client = stage.client(publishableKey, { accessToken: async () => token });
    assert.equal(must(await client.rpc('atlas_whoami')).uid, '00000000-0000-4000-8000-00000000000a');
  },
});

const raise =
  (state, message, detail = '', hint = '') =>
  (db) =>
    db.rpc('atlas_raise', { state, message, detail, hint });

suite('errors of functions', {
  'P0001 is 400, with detail and hint': failsWith(raise('P0001', 'no room', 'd', 'h'), {
    code: 'P0001',
    status: 400,
    message: 'no room',
    details: 'd',
    hint: 'h',
  }),
  'PT409 is 409': failsWith(raise('PT409', 'taken'), { code: 'PT409', status: 409, message: 'taken' }),
  'PT402 is 402': failsWith(raise('PT402', 'pay'), { code: 'PT402', status: 402 }),
  '42501 is 401 to whoever is not signed in': failsWith(raise('42501', 'no'), { code: '42501', status: 401 }),
  '42501 is 403 to a user': async (stage) =>
    refused(await raise('42501', 'no')(await stage.visitor()), { code: '42501', status: 403 }),
  '23505 is 409': failsWith(raise('23505', 'twice'), { code: '23505', status: 409 }),
  '53400 is 500': failsWith(raise('53400', 'limit'), { code: '53400', status: 500 }),
  '57014 is 500': failsWith(raise('57014', 'slow'), { code: '57014', status: 500 }),
  'a code of our own is 400': failsWith(raise('HX001', 'own'), { code: 'HX001', status: 400 }),
  'PGRST gives the whole answer': failsWith((db) => db.rpc('atlas_busy'), {
    code: 'busy',
    status: 429,
    message: 'Come back later',
    details: 'd',
    hint: 'h',
  }),
  'PGRST that is no JSON is PGRST121': failsWith(raise('PGRST', 'no json'), { code: 'PGRST121', status: 500 }),
  'an unknown function is PGRST202': failsWith((db) => db.rpc('atlas_ad', { a: 1 }), { code: 'PGRST202', status: 404 }),
  'unknown arguments are PGRST202': failsWith((db) => db.rpc('atlas_add', { x: 1 }), { code: 'PGRST202', status: 404 }),
  'a missing grant is 42501': async (stage) => {
    const name = `atlas_${stage.unique('f').replaceAll('-', '_')}`;
    await stage.sql(`create function public.${name}() returns int language sql as 'select 1';
      revoke all on function public.${name}() from public, anon, authenticated;
      notify pgrst, 'reload schema';`);
    const client = stage.client();
    await eventually(async () => refused(await client.rpc(name), { code: '42501', status: 401 }));
  },
});

suite('the schema cache', {
  'learns of a new table, and of a new column, when it is told to reload': async (stage) => {
    const name = `atlas_${stage.unique('t').replaceAll('-', '_')}`;
    const client = stage.client();
    await stage.sql(`create table public.${name} (id int); grant select, insert on public.${name} to anon;
      notify pgrst, 'reload schema';`);
    await eventually(async () => must(await client.from(name).insert({ id: 1 })));
    await stage.sql(`alter table public.${name} add column word text; notify pgrst, 'reload schema';`);
    await eventually(async () => {
      assert.deepEqual(must(await client.from(name).insert({ id: 2, word: 'w' }).select()), [{ id: 2, word: 'w' }]);
    });
  },
});
