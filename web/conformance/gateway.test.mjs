// What stands before the services: keys, and what a browser asks before it asks.

import assert from 'node:assert/strict';

import { legacyKey, mintToken, publishableKey, secretKey, url } from './settings.mjs';
import { must, refused } from './stage.mjs';
import { suite } from './suite.mjs';

const CITIES = `${url}/rest/v1/atlas_cities?select=name&limit=1`;

const request = (headers, address = CITIES, options = {}) => fetch(address, { headers, ...options });

suite('keys', {
  ...Object.fromEntries(
    [
      ['publishable', publishableKey],
      ['secret', secretKey],
      ['legacy anon', legacyKey('anon')],
      ['legacy service_role', legacyKey('service_role')],
    ].map(([name, key]) => [
      `the ${name} one opens the API`,
      async (stage) => {
        const client = stage.client(key);
        assert.equal(must(await client.from('atlas_rivers').select('name').eq('id', 1).single()).name, 'Rhine');
        must(await client.auth.signInAnonymously());
      },
    ]),
  ),
  'none is 401 and says so': async () => {
    const answer = await request({});
    assert.equal(answer.status, 401);
    assert.equal((await answer.json()).message, 'No API key found in request');
  },
  'an unknown one is 401 and says so': async (stage) => {
    for (const key of ['sb_publishable_unknown', 'nonsense', mintToken({ role: 'anon' }, 'another-secret')]) {
      const { error, status } = await stage.client(key).from('atlas_cities').select();
      assert.equal(status, 401);
      assert.equal(error.message, 'Invalid API key');
    }
  },
  'may stand in the address': async () => {
    const answer = await request({}, `${CITIES}&apikey=${publishableKey}`);
    assert.equal(answer.status, 200);
  },
  'of the new kind are no bearer tokens of another key': async () => {
    const answer = await request({ apikey: publishableKey, Authorization: `Bearer ${secretKey}` });
    assert.equal(answer.status, 401);
  },
  'the secret one is refused to what calls itself a browser': async () => {
    const answer = await request({ apikey: secretKey, 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)' });
    assert.equal(answer.status, 401);
  },
  'a user is whom the token names, whatever the key': async (stage) => {
    const { session, userId } = await stage.user();
    const headers = { Authorization: `Bearer ${session.access_token}` };
    const client = stage.client(secretKey, { global: { headers } });
    assert.equal(must(await client.rpc('atlas_whoami')).uid, userId);
  },
  'are not needed for the key set and the health': async () => {
    const published = await (await fetch(`${url}/auth/v1/.well-known/jwks.json`)).json();
    assert.deepEqual(
      published.keys.map(({ alg, kty, use }) => [alg, kty, use]),
      [['ES256', 'EC', 'sig']],
    );
    assert.ok(!('d' in published.keys[0]), 'the private half is published');
    assert.equal((await fetch(`${url}/health`)).status, 200);
  },
});

/** What a browser sends before a page of another origin may make the request. */
const preflight = (address, method, headers) =>
  fetch(address, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://shop.example',
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': headers,
    },
  });

const listed = (answer, name) => (answer.headers.get(name) ?? '').split(',').map((entry) => entry.trim().toLowerCase());

suite('browsers', {
  ...Object.fromEntries(
    [
      [
        '/auth/v1/token?grant_type=password',
        'POST',
        'apikey,authorization,content-type,x-client-info,x-supabase-api-version',
      ],
      ['/rest/v1/atlas_cities?select=*', 'GET', 'accept-profile,apikey,authorization,x-client-info,x-retry-count'],
      ['/rest/v1/atlas_stamps', 'PATCH', 'apikey,authorization,content-profile,content-type,prefer,x-client-info'],
      ['/rest/v1/atlas_stamps', 'DELETE', 'apikey,authorization,prefer'],
      ['/realtime/v1/api/broadcast', 'POST', 'apikey,authorization,content-type'],
      ['/realtime/v1/api/broadcast/a%2Fb/events/e?apikey=k&vsn=2.0.0', 'POST', 'apikey,authorization,content-type'],
    ].map(([path, method, headers]) => [
      `may ${method} ${path.split('?')[0]} from any origin, and need no key to ask`,
      async () => {
        const answer = await preflight(url + path, method, headers);
        assert.ok([200, 204].includes(answer.status), `${answer.status}`);
        assert.equal(answer.headers.get('access-control-allow-origin'), '*');
        assert.ok(listed(answer, 'access-control-allow-methods').includes(method.toLowerCase()));
        const allowed = listed(answer, 'access-control-allow-headers');
        for (const header of headers.split(',')) assert.ok(allowed.includes(header), header);
      },
    ]),
  ),
  'may read answers, errors and the headers that clients need': async () => {
    for (const headers of [{ apikey: publishableKey }, {}]) {
      const answer = await request({ Origin: 'https://shop.example', ...headers });
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      const exposed = listed(answer, 'access-control-expose-headers');
      for (const header of ['content-range', 'retry-after', 'x-total-count', 'link']) {
        assert.ok(exposed.includes(header), header);
      }
    }
  },
  'see how long to wait after a refusal of a function': async () => {
    const answer = await request(
      { apikey: publishableKey, 'Content-Type': 'application/json' },
      `${url}/rest/v1/rpc/atlas_busy`,
      {
        method: 'POST',
        body: '{}',
      },
    );
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('retry-after'), '30');
    assert.ok(listed(answer, 'access-control-expose-headers').includes('retry-after'));
  },
  'are sent to no service that does not exist': async () => {
    const answer = await request({ apikey: publishableKey }, `${url}/nowhere/v1/bucket`);
    assert.equal(answer.status, 404);
  },
  'see the code of an error in a header': async (stage) => {
    const client = stage.client();
    refused(await client.from('nowhere').select(), { code: 'PGRST205', status: 404 });
    const answer = await request({ apikey: publishableKey }, `${url}/rest/v1/nowhere`);
    assert.equal(answer.headers.get('proxy-status'), 'PostgREST; error=PGRST205');
  },
});
