// Storage as supabase-js asks it for files: what it keeps, for whom, and how it refuses.

import assert from 'node:assert/strict';

import { legacyKey, publishableKey, url } from './settings.mjs';
import { must, refused } from './stage.mjs';
import { suite } from './suite.mjs';

const BUCKET = 'atlas-files';

const picture = (size = 100) => new Blob([new Uint8Array(size).fill(7)], { type: 'image/png' });

/** A signed-in visitor and a path in their folder that is this test's alone. */
async function drawer(stage) {
  const client = await stage.visitor();
  return { client, files: client.storage.from(BUCKET), path: `${client.userId}/${stage.unique('map')}.png` };
}

/** What Storage refuses an upload into the folder of somebody else with. */
const NOT_YOURS = { message: /row-level security policy/, statusCode: '403', status: 400 };

function refusedAs(answer, { message, ...rest }) {
  assert.match(answer.error?.message ?? 'no error', message);
  refused(answer, rest);
}

suite('files', {
  'are uploaded as a form and come back as they were': async (stage) => {
    const { files, path } = await drawer(stage);
    const kept = must(await files.upload(path, picture()));
    assert.deepEqual([kept.path, kept.fullPath, typeof kept.id], [path, `${BUCKET}/${path}`, 'string']);
    const back = must(await files.download(path));
    assert.deepEqual([back.size, back.type], [100, 'image/png']);
    assert.deepEqual(new Uint8Array(await back.arrayBuffer()), new Uint8Array(100).fill(7));
  },
  'are uploaded as a body, with their type beside it': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, new TextEncoder().encode('Grüße'), { contentType: 'text/plain' }));
    assert.equal(await must(await files.download(path)).text(), 'Grüße');
  },
  'are described in the table, with who sent them': async (stage) => {
    const { client, files, path } = await drawer(stage);
    must(await files.upload(path, picture(), { cacheControl: '60' }));
    const { rows } = await stage.sql('select owner_id, metadata from storage.objects where name = $1', [path]);
    const [{ owner_id: owner, metadata }] = rows;
    assert.equal(owner, client.userId);
    const { size, mimetype, cacheControl } = metadata;
    assert.deepEqual(
      { size, mimetype, cacheControl },
      { size: 100, mimetype: 'image/png', cacheControl: 'max-age=60' },
    );
  },
  'are not replaced by a second upload': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    refused(await files.upload(path, picture()), {
      message: 'The resource already exists',
      statusCode: '409',
      status: 400,
    });
  },
  'are not replaced where a policy does not let them': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    refusedAs(await files.upload(path, picture(50), { upsert: true }), NOT_YOURS);
    refused(await files.update(path, picture(50)), { message: 'Object not found', statusCode: '404', status: 400 });
    assert.equal(must(await files.download(path)).size, 100);
  },
  'may be as large as the bucket says': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture(1000)));
    refused(await files.upload(`${path}2`, picture(1001)), {
      message: 'The object exceeded the maximum allowed size',
      statusCode: '413',
      status: 400,
    });
    refused(await files.download(`${path}2`), { status: 400 });
  },
  'are of the types that the bucket takes': async (stage) => {
    const { files, path } = await drawer(stage);
    refused(await files.upload(path, new Blob(['<p>'], { type: 'text/html' })), {
      message: 'mime type text/html is not supported',
      statusCode: '415',
      status: 400,
    });
  },
  'have names that Storage takes': async (stage) => {
    const { client, files } = await drawer(stage);
    const path = `${client.userId}/für.png`;
    refused(await files.upload(path, picture()), { message: `Invalid key: ${path}`, statusCode: '400', status: 400 });
  },
  'need a bucket': async (stage) => {
    const { client, path } = await drawer(stage);
    refused(await client.storage.from('nowhere').upload(path, picture()), {
      message: 'Bucket not found',
      statusCode: '404',
      status: 400,
    });
  },
  'of others are refused, and do not exist': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    const stranger = (await stage.visitor()).storage.from(BUCKET);
    const anonymous = stage.client().storage.from(BUCKET);
    for (const other of [stranger, anonymous]) {
      refusedAs(await other.upload(`${path}2`, picture()), NOT_YOURS);
      refused(await other.download(path), { status: 400 });
      refused(await other.createSignedUrl(path, 60), { message: 'Object not found', statusCode: '404', status: 400 });
      assert.deepEqual(must(await other.list()), []);
      assert.deepEqual(must(await other.list(path.split('/')[0])), []);
      assert.deepEqual(must(await other.remove([path])), []);
    }
    assert.equal(must(await files.download(path)).size, 100);
  },
  'of a private bucket have no public address': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    const answer = await fetch(files.getPublicUrl(path).data.publicUrl);
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).message, 'Bucket not found');
  },
  'of a public bucket have one': async (stage) => {
    const files = stage.admin().storage.from('atlas-open');
    const path = `${stage.unique('page')}.html`;
    must(await files.upload(path, new Blob(['<p>'], { type: 'text/html' })));
    const answer = await fetch(files.getPublicUrl(path).data.publicUrl);
    assert.deepEqual([answer.status, await answer.text()], [200, '<p>']);
    assert.match(answer.headers.get('content-type'), /^text\/plain/, 'a page is shown as text');
  },
  'are listed by folder, folders without an id': async (stage) => {
    const { client, files } = await drawer(stage);
    for (const name of ['b.png', 'a.png', 'drafts/c.png', 'drafts/d.png']) {
      must(await files.upload(`${client.userId}/${name}`, picture()));
    }
    const shown = (list) => list.map(({ name, id, metadata }) => [name, id !== null, metadata?.size ?? null]);
    const folder = must(await files.list(client.userId));
    assert.deepEqual(shown(folder), [
      ['a.png', true, 100],
      ['b.png', true, 100],
      ['drafts', false, null],
    ]);
    assert.deepEqual(shown(must(await files.list(client.userId, { limit: 1, offset: 1 }))), [['b.png', true, 100]]);
    assert.deepEqual(shown(must(await files.list(`${client.userId}/drafts`))).length, 2);
    assert.deepEqual(shown(must(await files.list())), [[client.userId, false, null]]);
  },
  'are deleted where a policy lets them': async (stage) => {
    const { client, files, path } = await drawer(stage);
    const draft = `${client.userId}/drafts/a.png`;
    must(await files.upload(path, picture()));
    must(await files.upload(draft, picture()));
    assert.deepEqual(
      must(await files.remove([path, draft])).map(({ name }) => name),
      [draft],
    );
    refused(await files.download(draft), { status: 400 });
    assert.equal(must(await files.download(path)).size, 100);
  },
  'are not deleted behind the back of Storage': async (stage) => {
    await assert.rejects(stage.sql("delete from storage.objects where name = 'a'"), /Use the Storage API instead/);
  },
});

suite('signed addresses', {
  'are for everybody, until they expire': async (stage) => {
    const { client, files } = await drawer(stage);
    const path = `${client.userId}/a map.png`;
    must(await files.upload(path, picture()));
    const { signedUrl } = must(await files.createSignedUrl(path, 60));
    assert.ok(signedUrl.startsWith(`${url}/storage/v1/object/sign/${BUCKET}/`), signedUrl);
    const answer = await fetch(signedUrl);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png']);
    assert.equal(answer.headers.get('content-disposition'), null);
    const short = must(await files.createSignedUrl(path, 1)).signedUrl;
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    const late = await fetch(short);
    assert.deepEqual([late.status, (await late.json()).error], [400, 'InvalidJWT']);
  },
  'save the file under a name of the signer': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    const under = async (address) => (await fetch(address)).headers.get('content-disposition');
    const { signedUrl } = must(await files.createSignedUrl(path, 60, { download: 'map-1.png' }));
    assert.equal(await under(signedUrl), "attachment; filename=map-1.png; filename*=UTF-8''map-1.png;");
    // The client would escape other letters twice.
    const plain = must(await files.createSignedUrl(path, 60)).signedUrl;
    const name = encodeURIComponent('Übersicht 1.png');
    assert.equal(await under(`${plain}&download=${name}`), `attachment; filename=${name}; filename*=UTF-8''${name};`);
    assert.equal(await under(`${plain}&download=`), 'attachment;');
  },
  'open one file only': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    must(await files.upload(`${path}2`, picture()));
    const { signedUrl } = must(await files.createSignedUrl(path, 60));
    const other = await fetch(signedUrl.replace(path, `${path}2`));
    assert.deepEqual([other.status, (await other.json()).error], [400, 'InvalidSignature']);
    const forged = await fetch(`${url}/storage/v1/object/sign/${BUCKET}/${path}?token=${legacyKey('service_role')}`);
    assert.equal(forged.status, 400);
  },
  'are made for many at once': async (stage) => {
    const { files, path } = await drawer(stage);
    must(await files.upload(path, picture()));
    const [first, second] = must(await files.createSignedUrls([path, `${path}2`], 60));
    assert.equal((await fetch(first.signedUrl)).status, 200);
    assert.deepEqual([second.path, second.signedUrl], [`${path}2`, null]);
    assert.match(second.error, /does not exist/);
  },
});

suite('without a good token', {
  'nothing is kept': async (stage) => {
    const { client, path } = await drawer(stage);
    const address = `${url}/storage/v1/object/${BUCKET}/${path}`;
    for (const token of ['nonsense', `${client.userId}.a.b`, 'sb_secret_of_another_project']) {
      const answer = await fetch(address, {
        method: 'POST',
        headers: { apikey: publishableKey, Authorization: `Bearer ${token}` },
        body: 'x',
      });
      assert.deepEqual([answer.status, (await answer.json()).statusCode], [400, '403'], token);
    }
  },
});
