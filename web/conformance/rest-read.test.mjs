// PostgREST as supabase-js asks it to read: filters, selections, embeds, and what it refuses.

import assert from 'node:assert/strict';

import { failsWith, gives, named } from './claims.mjs';
import { mintToken, publishableKey, secondsFromNow } from './settings.mjs';
import { must, refused } from './stage.mjs';
import { suite } from './suite.mjs';

/** The names of the cities that a filter leaves, in the order of their names. */
const cities = (db) => db.from('atlas_cities').select('name').order('name');

suite('filters', {
  eq: gives((db) => cities(db).eq('name', 'Paris'), named('Paris')),
  neq: gives((db) => cities(db).neq('name', 'Paris'), named('Atlantis', 'Berlin', 'Cologne')),
  'gt and lte': gives((db) => cities(db).gt('population', 1_080_000).lte('population', 2_100_000), named('Paris')),
  'gte and lt': gives((db) => cities(db).gte('population', 1_080_000).lt('population', 2_100_000), named('Cologne')),
  like: gives((db) => cities(db).like('name', '%lo%'), named('Cologne')),
  ilike: gives((db) => cities(db).ilike('name', 'B%'), named('Berlin')),
  likeAnyOf: gives((db) => cities(db).likeAnyOf('name', ['B%', 'P%']), named('Berlin', 'Paris')),
  likeAllOf: gives((db) => cities(db).likeAllOf('name', ['%e%', 'C%']), named('Cologne')),
  'is null': gives((db) => cities(db).is('population', null), named('Atlantis')),
  in: gives((db) => cities(db).in('name', ['Paris', 'Berlin', 'a,b"c']), named('Berlin', 'Paris')),
  contains: gives((db) => cities(db).contains('tags', ['capital']), named('Berlin', 'Paris')),
  'contains of JSON': gives((db) => cities(db).contains('details', { trams: true }), named('Berlin', 'Cologne')),
  containedBy: gives((db) => cities(db).containedBy('tags', ['capital', 'x']).neq('tags', '{}'), named('Paris')),
  overlaps: gives((db) => cities(db).overlaps('tags', ['flat', 'cathedral']), named('Berlin', 'Cologne')),
  match: gives((db) => cities(db).match({ country_code: 'de', population: 3_700_000 }), named('Berlin')),
  not: gives((db) => cities(db).not('population', 'is', null).not('name', 'in', '(Paris,Berlin)'), named('Cologne')),
  or: gives((db) => cities(db).or('name.eq.Paris,population.is.null'), named('Atlantis', 'Paris')),
  'or with and inside': gives(
    (db) => cities(db).or('and(country_code.eq.de,population.gt.2000000),name.eq.Paris'),
    named('Berlin', 'Paris'),
  ),
  'or with not inside': gives((db) => cities(db).or('name.not.like.%i%,name.eq.Paris'), named('Cologne', 'Paris')),
  filter: gives((db) => cities(db).filter('name', 'in', '("Paris")'), named('Paris')),
  'a value with every special character': gives((db) => cities(db).eq('name', `a,b.c:(d)"e"\\f%&=+ ü`), []),
  'a JSON path': gives((db) => cities(db).eq('details->mayor->>since', '2023'), named('Berlin')),
  'a column of an embedded table': gives(
    (db) => db.from('atlas_cities').select('name, atlas_rivers!inner(name)').eq('atlas_rivers.name', 'Rhine'),
    [{ name: 'Cologne', atlas_rivers: [{ name: 'Rhine' }] }],
  ),
  textSearch: gives((db) => cities(db).textSearch('name', 'paris', { config: 'simple' }), named('Paris')),
});

suite('reading', {
  'orders, nulls where they are told': gives(
    (db) =>
      db
        .from('atlas_cities')
        .select('name')
        .order('country_code', { ascending: false, nullsFirst: false })
        .order('population'),
    named('Paris', 'Cologne', 'Berlin', 'Atlantis'),
  ),
  limits: gives((db) => cities(db).limit(2), named('Atlantis', 'Berlin')),
  'gives a range': gives((db) => cities(db).range(1, 2), named('Berlin', 'Cologne')),
  'counts exactly beside a range': async (stage) => {
    const db = stage.client();
    const answer = await db.from('atlas_cities').select('name', { count: 'exact' }).order('name').range(0, 1);
    assert.equal(answer.count, 4);
    assert.equal(answer.status, 206);
    assert.equal(answer.data.length, 2);
  },
  'counts without rows': async (stage) => {
    const answer = await stage.client().from('atlas_cities').select('*', { count: 'exact', head: true });
    assert.equal(answer.error, null);
    assert.deepEqual([answer.count, answer.data, answer.status], [4, null, 200]);
  },
  'estimates and plans counts': async (stage) => {
    for (const count of ['planned', 'estimated']) {
      const answer = await stage.client().from('atlas_cities').select('*', { count });
      assert.equal(typeof answer.count, 'number', count);
    }
  },
  'renames, casts and reaches into JSON': gives(
    (db) =>
      db
        .from('atlas_cities')
        .select('title:name, population::text, since:details->mayor->since, details->>trams')
        .eq('name', 'Berlin'),
    [{ title: 'Berlin', population: '3700000', since: 2023, trams: 'true' }],
  ),
  'embeds the parent': gives(
    (db) =>
      db.from('atlas_cities').select('name, atlas_countries!atlas_cities_country_code_fkey(name)').eq('name', 'Paris'),
    [{ name: 'Paris', atlas_countries: { name: 'France' } }],
  ),
  'embeds by column name and under another name': gives(
    (db) =>
      db
        .from('atlas_cities')
        .select('name, country:country_code(name)')
        .in('name', ['Paris', 'Atlantis'])
        .order('name'),
    [
      { name: 'Atlantis', country: null },
      { name: 'Paris', country: { name: 'France' } },
    ],
  ),
  'embeds the children, ordered and limited': gives(
    (db) =>
      db
        .from('atlas_countries')
        .select('name, cities:atlas_cities!atlas_cities_country_code_fkey(name)')
        .eq('code', 'de')
        .order('name', { referencedTable: 'cities', ascending: false })
        .limit(1, { referencedTable: 'cities' }),
    [{ name: 'Germany', cities: [{ name: 'Cologne' }] }],
  ),
  'embeds across a junction': gives(
    (db) => db.from('atlas_rivers').select('name, atlas_cities(name)').eq('name', 'Spree'),
    [{ name: 'Spree', atlas_cities: [{ name: 'Berlin' }] }],
  ),
  'embeds one to one as an object': gives(
    (db) => db.from('atlas_cities').select('name, atlas_mayors(name)').eq('name', 'Berlin'),
    [{ name: 'Berlin', atlas_mayors: { name: 'Kai' } }],
  ),
  'embeds in what is embedded': gives(
    (db) => db.from('atlas_mayors').select('name, atlas_cities(name, country:country_code(code))'),
    [{ name: 'Kai', atlas_cities: { name: 'Berlin', country: { code: 'de' } } }],
  ),
  'spreads a parent': gives(
    (db) => db.from('atlas_mayors').select('name, ...atlas_cities(city:name)'),
    [{ name: 'Kai', city: 'Berlin' }],
  ),
  'counts children': gives(
    (db) => db.from('atlas_countries').select('code, atlas_cities!atlas_cities_country_code_fkey(count)').order('code'),
    [
      { code: 'de', atlas_cities: [{ count: 2 }] },
      { code: 'fr', atlas_cities: [{ count: 1 }] },
      { code: 'xx', atlas_cities: [{ count: 0 }] },
    ],
  ),
  'keeps parents that have a child': gives(
    (db) =>
      db.from('atlas_countries').select('code, atlas_cities!atlas_cities_country_code_fkey!inner()').order('code'),
    [{ code: 'de' }, { code: 'fr' }],
  ),
  'finds parents that have none': gives(
    (db) =>
      db.from('atlas_countries').select('code, atlas_cities!atlas_cities_country_code_fkey()').is('atlas_cities', null),
    [{ code: 'xx' }],
  ),
  'gives a single row as an object': gives((db) => cities(db).eq('name', 'Paris').single(), { name: 'Paris' }),
  'gives no row as null to maybeSingle': gives((db) => cities(db).eq('name', 'Rome').maybeSingle(), null),
  'gives CSV': gives((db) => db.from('atlas_rivers').select('id,name').eq('id', 1).csv(), 'id,name\n1,Rhine'),
  'gives CSV with quotes where they are needed': gives(
    (db) =>
      db.from('atlas_cities').select('name,tags,population').in('name', ['Atlantis', 'Berlin']).order('name').csv(),
    'name,tags,population\nAtlantis,{},\nBerlin,"{capital,flat}",3700000',
  ),
  'leaves nulls out when it is asked to': gives(
    (db) => db.from('atlas_cities').select('name, population').eq('name', 'Atlantis').stripNulls(),
    [{ name: 'Atlantis' }],
  ),
  'gives up with an aborted signal': async (stage) => {
    const { error } = await cities(stage.client()).abortSignal(AbortSignal.abort());
    assert.match(error.message, /abort/i);
  },
});

suite('refusals of reading', {
  'single of no row': failsWith((db) => cities(db).eq('name', 'Rome').single(), {
    code: 'PGRST116',
    status: 406,
    details: 'The result contains 0 rows',
  }),
  'single of several': failsWith((db) => cities(db).single(), {
    code: 'PGRST116',
    status: 406,
    details: 'The result contains 4 rows',
  }),
  'maybeSingle of several': failsWith((db) => cities(db).maybeSingle(), { code: 'PGRST116', status: 406 }),
  'an unknown table': failsWith((db) => db.from('atlas_citys').select(), {
    code: 'PGRST205',
    status: 404,
    hint: "Perhaps you meant the table 'public.atlas_cities'",
  }),
  'an unknown column': failsWith((db) => db.from('atlas_cities').select('mayor'), { code: '42703', status: 400 }),
  'an unknown relationship': failsWith((db) => db.from('atlas_rivers').select('atlas_mayors(name)'), {
    code: 'PGRST200',
    status: 400,
  }),
  'an ambiguous relationship': failsWith((db) => db.from('atlas_cities').select('atlas_countries(name)'), {
    code: 'PGRST201',
    status: 300,
  }),
  'an unknown operator': failsWith((db) => cities(db).filter('name', 'resembles', 'x'), {
    code: 'PGRST100',
    status: 400,
  }),
  'a filter on what is not embedded': failsWith((db) => cities(db).eq('atlas_rivers.name', 'Rhine'), {
    code: 'PGRST108',
    status: 400,
  }),
  'a value of the wrong type': failsWith((db) => cities(db).eq('population', 'many'), { code: '22P02', status: 400 }),
  'a range behind the end': failsWith(
    (db) => db.from('atlas_cities').select('name', { count: 'exact' }).range(100, 110),
    { code: 'PGRST103', status: 416 },
  ),
  'a plan, which projects do not show unless they are told to': failsWith((db) => cities(db).explain(), {
    code: 'PGRST107',
    status: 406,
  }),
  'a schema that is not exposed': failsWith((db) => db.schema('auth').from('users').select(), {
    code: 'PGRST106',
    status: 406,
  }),
  'a table without a grant, to whoever is not signed in': failsWith((db) => db.from('atlas_secrets').select(), {
    code: '42501',
    status: 401,
  }),
  'a table without a grant, to a user': async (stage) => {
    const visitor = await stage.visitor();
    refused(await visitor.from('atlas_secrets').select(), { code: '42501', status: 403 });
  },
  'an expired token': async (stage) => {
    const token = mintToken({ role: 'authenticated', sub: 'x', exp: secondsFromNow(-60) });
    const client = stage.client(publishableKey, { accessToken: async () => token });
    refused(await client.from('atlas_cities').select(), { code: 'PGRST303', status: 401, message: 'JWT expired' });
  },
  'a forged token': async (stage) => {
    const token = mintToken({ role: 'service_role' }, 'another-secret-of-at-least-thirty-two-characters');
    const client = stage.client(publishableKey, { accessToken: async () => token });
    refused(await client.from('atlas_cities').select(), { code: 'PGRST301', status: 401 });
  },
});
