// PostgREST as supabase-js asks it to write, and the policies that decide about it.

import assert from 'node:assert/strict';

import { must, refused } from './stage.mjs';
import { suite } from './suite.mjs';

/** A table to write to, and an album that is this test's alone. */
const stamps = (stage, client = stage.client()) => ({
  album: stage.unique('album'),
  from: () => client.from('atlas_stamps'),
});

suite('writing', {
  'inserts without an answer': async (stage) => {
    const { album, from } = stamps(stage);
    const answer = await from().insert({ album, label: 'a' });
    assert.deepEqual([answer.error, answer.data, answer.status], [null, null, 201]);
    assert.equal(must(await from().select().eq('album', album)).length, 1);
  },
  'inserts and gives the row back, with the columns that were asked for': async (stage) => {
    const { album, from } = stamps(stage);
    const row = must(await from().insert({ album, label: 'a', value: 7 }).select('label, value').single());
    assert.deepEqual(row, { label: 'a', value: 7 });
  },
  'inserts many, defaults for what some lack': async (stage) => {
    const { album, from } = stamps(stage);
    const rows = [
      { album, label: 'a', value: 2 },
      { album, label: 'b' },
    ];
    const inserted = must(await from().insert(rows, { defaultToNull: false }).select('label, value').order('label'));
    assert.deepEqual(inserted, [
      { label: 'a', value: 2 },
      { label: 'b', value: 1 },
    ]);
  },
  'inserts null for what some lack, unless told otherwise': async (stage) => {
    const { album, from } = stamps(stage);
    refused(
      await from().insert([
        { album, label: 'a', value: 2 },
        { album, label: 'b' },
      ]),
      {
        code: '23502',
        status: 400,
      },
    );
  },
  'counts what it inserted': async (stage) => {
    const { album, from } = stamps(stage);
    const answer = await from().insert(
      [
        { album, label: 'a' },
        { album, label: 'b' },
      ],
      { count: 'exact' },
    );
    assert.equal(answer.count, 2);
  },
  'embeds in what it gives back': async (stage) => {
    const { album, from } = stamps(stage);
    const row = must(
      await from().insert({ album, label: 'a', country_code: 'fr' }).select('label, atlas_countries(name)').single(),
    );
    assert.deepEqual(row, { label: 'a', atlas_countries: { name: 'France' } });
  },
  'upserts by a unique key': async (stage) => {
    const { album, from } = stamps(stage);
    must(await from().insert({ album, label: 'a', value: 1 }));
    const options = { onConflict: 'album,label' };
    const rows = must(
      await from()
        .upsert(
          [
            { album, label: 'a', value: 5 },
            { album, label: 'b', value: 6 },
          ],
          options,
        )
        .select('label, value')
        .order('label'),
    );
    assert.deepEqual(rows, [
      { label: 'a', value: 5 },
      { label: 'b', value: 6 },
    ]);
  },
  'upserts and leaves what was there': async (stage) => {
    const { album, from } = stamps(stage);
    must(await from().insert({ album, label: 'a', value: 1 }));
    const options = { onConflict: 'album,label', ignoreDuplicates: true };
    assert.deepEqual(must(await from().upsert({ album, label: 'a', value: 5 }, options).select('value')), []);
    assert.equal(must(await from().select('value').eq('album', album).single()).value, 1);
  },
  'updates what the filter leaves': async (stage) => {
    const { album, from } = stamps(stage);
    must(
      await from().insert([
        { album, label: 'a' },
        { album, label: 'b' },
      ]),
    );
    const changed = must(await from().update({ value: 9 }).eq('album', album).eq('label', 'a').select('label, value'));
    assert.deepEqual(changed, [{ label: 'a', value: 9 }]);
    const silent = await from().update({ value: 8 }, { count: 'exact' }).eq('album', album);
    assert.deepEqual([silent.status, silent.count, silent.data], [204, 2, null]);
  },
  'deletes what the filter leaves': async (stage) => {
    const { album, from } = stamps(stage);
    must(
      await from().insert([
        { album, label: 'a' },
        { album, label: 'b' },
      ]),
    );
    assert.deepEqual(must(await from().delete().eq('album', album).eq('label', 'a').select('label')), [{ label: 'a' }]);
    assert.equal((await from().delete({ count: 'exact' }).eq('album', album)).count, 1);
  },
  'refuses a second row of a unique key': async (stage) => {
    const { album, from } = stamps(stage);
    must(await from().insert({ album, label: 'a' }));
    refused(await from().insert({ album, label: 'a' }), { code: '23505', status: 409 });
  },
  'refuses a parent that is not there': async (stage) => {
    const { album, from } = stamps(stage);
    refused(await from().insert({ album, label: 'a', country_code: 'zz' }), { code: '23503', status: 409 });
  },
  'refuses a column that is not there': async (stage) => {
    const { album, from } = stamps(stage);
    refused(await from().insert({ album, label: 'a', colour: 'red' }), { code: 'PGRST204', status: 400 });
  },
  'refuses to change everything by accident': async (stage) => {
    const { from } = stamps(stage);
    refused(await from().update({ value: 0 }), { code: '21000', status: 400 });
    refused(await from().delete(), { code: '21000', status: 400 });
  },
  'refuses who has no grant': async (stage) => {
    refused(await stage.client().from('atlas_cities').insert({ name: 'Rome' }), { code: '42501', status: 401 });
  },
});

suite('row level security', {
  'shows each user their own rows': async (stage) => {
    const [one, two] = [await stage.visitor(), await stage.visitor()];
    must(await one.from('atlas_visits').insert({ place: 'Berlin' }));
    assert.deepEqual(must(await one.from('atlas_visits').select('visitor, place')), [
      { visitor: one.userId, place: 'Berlin' },
    ]);
    assert.deepEqual(must(await two.from('atlas_visits').select()), []);
  },
  'refuses a row in the name of another': async (stage) => {
    const [one, two] = [await stage.visitor(), await stage.visitor()];
    refused(await one.from('atlas_visits').insert({ place: 'Berlin', visitor: two.userId }), {
      code: '42501',
      status: 403,
    });
  },
  'does not hold the secret key up': async (stage) => {
    const visitor = await stage.visitor();
    must(await visitor.from('atlas_visits').insert({ place: 'Paris' }));
    const seen = must(await stage.admin().from('atlas_visits').select('place').eq('visitor', visitor.userId));
    assert.deepEqual(seen, [{ place: 'Paris' }]);
  },
});
