// Files, from one side to the other and to nobody else: a picture of the visitor's, a document of the agent's.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { assertAccessible, assertNoFaults, launch, picture } from './browser.mjs';
import { openConversation, setStatus, teammate, transcriptOf } from './dashboard.mjs';
import { admin, connect, everybodyLeaves, member, visitor } from './people.mjs';
import { ok, tidyUp } from './scene.mjs';
import { shopper } from './widget.mjs';

const BUCKET = 'handoff-attachments';
const PHOTO = { name: 'Übersicht für Sarah.png', mimeType: 'image/png', buffer: png(40, 30) };
const INVOICE = { name: 'Rechnung 7.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 an invoice') };

let browser;
let ann;
let sarah;

before(async () => {
  await tidyUp();
  browser = await launch();
  sarah = await teammate(browser, 'sarah@example.com');
  await setStatus(sarah.page, 'Online');
  ann = await shopper(browser);
  await ann.open();
  await ann.say('My map is wrong');
  await ann.isCalled('Ann');
  await ann.button('Talk to a human').click();
  await ann.isTitled('Chatting with Sarah Miller');
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

/** A picture of one colour. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(sumOf(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * 3), 120);
  for (let row = 0; row < height; row += 1) rows[row * (1 + width * 3)] = 0;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The check sum of a chunk of a PNG: Node 20 has none. */
function sumOf(body) {
  let sum = 0xffffffff;
  for (const byte of body) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

const choose = (scope, files) => scope.locator('input[type=file]').setInputFiles(files);

/** The picture is really drawn. */
async function isDrawn(page, scope, name) {
  const image = scope.getByAltText(name); // inside of a button it is no image of its own
  await image.waitFor();
  await page.waitForFunction((element) => element.complete && element.naturalWidth === 40, await image.elementHandle());
}

/** Presses the card of a file, and says how the server answers what the browser asks for then. */
async function download({ context }, card) {
  const [asked] = await Promise.all([
    context.waitForEvent('request', (request) => /\/object\/sign\/.*[?&]download=/u.test(request.url())),
    card.click(),
  ]);
  const answer = await fetch(asked.url());
  return { status: answer.status, saved: answer.headers.get('content-disposition') };
}

async function attachments() {
  const { id } = await ann.conversation();
  const rows = await ok(admin().from('messages').select('attachments').eq('conversation_id', id).order('seq'));
  return { id, files: rows.flatMap((row) => row.attachments) };
}

test("the visitor's picture is drawn on both sides, under its own name", async () => {
  await choose(ann.panel, PHOTO);
  await isDrawn(ann.page, ann.transcript, PHOTO.name);
  await openConversation(sarah.page, 'Ann');
  await isDrawn(sarah.page, transcriptOf(sarah.page), PHOTO.name);
  const { id, files } = await attachments();
  const [{ path, ...described }] = files;
  assert.deepEqual(described, { name: PHOTO.name, mime_type: 'image/png', size: PHOTO.buffer.length });
  assert.match(path, new RegExp(`^${id}/[0-9a-f-]{36}/Ubersicht_fur_Sarah\\.png$`, 'u'));
  await picture(ann.page, 'widget-attachment');
  await picture(sarah.page, 'dashboard-attachment');
});

test('a picture can be pasted', async () => {
  await ann.composer.focus();
  await ann.composer.evaluate(
    (element, bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], 'pasted.png', { type: 'image/png' }));
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    },
    [...PHOTO.buffer],
  );
  await isDrawn(sarah.page, transcriptOf(sarah.page), 'pasted.png');
});

test("the agent's document is saved by the visitor, never shown", async () => {
  await choose(sarah.page.locator('body'), INVOICE);
  const card = ann.button(`Download ${INVOICE.name}`);
  const { status, saved } = await download(ann, card);
  assert.equal(status, 200);
  assert.match(saved, /^attachment; filename=Rechnung%207\.pdf;/u);
  const again = await download(sarah, sarah.page.getByRole('button', { name: `Download ${INVOICE.name}` }));
  assert.match(again.saved, /^attachment;/u);
});

test('what is shown of files can be used without eyes and mouse, and the console is silent', async () => {
  await assertAccessible(ann.page, 'the widget with files');
  await assertAccessible(sarah.page, 'the dashboard with files');
  assertNoFaults(ann, sarah);
});

test('a stranger reads, lists, signs and adds nothing', async () => {
  const { id, files } = await attachments();
  const { client, supabase } = visitor();
  await client.start();
  await client.send('I am somebody else');
  const { path } = files[0];
  const plain = await member('owner@example.com');
  await plain.auth.signOut();
  for (const stranger of [supabase, plain, connect()]) {
    const bucket = stranger.storage.from(BUCKET);
    assert.notEqual((await bucket.download(path)).error, null);
    assert.equal((await bucket.createSignedUrl(path, 60)).error.message, 'Object not found');
    assert.deepEqual((await bucket.list(id)).data, []);
    assert.deepEqual(
      (await bucket.list()).data.filter(({ name }) => name === id),
      [],
    );
    const added = await bucket.upload(`${id}/${randomUUID()}/a.png`, new Blob([PHOTO.buffer], { type: 'image/png' }));
    assert.match(added.error.message, /row-level security/u);
    assert.notEqual(
      (await stranger.rpc('send_attachments', { p_conversation_id: id, p_files: [{ path }] })).error,
      null,
    );
    assert.deepEqual((await bucket.remove([path])).data ?? [], []);
  }
  const address = supabase.storage.from(BUCKET).getPublicUrl(path).data.publicUrl;
  assert.equal((await fetch(address)).status, 400);
  await client.stop();
});

test('a file that is no such file is refused in words, and can be discarded', async () => {
  await choose(ann.panel, {
    name: 'page.html',
    mimeType: 'text/html',
    buffer: Buffer.from('<script>alert(1)</script>'),
  });
  await ann.shows('Files of this type are not accepted.');
  await ann.button('Discard').click();
  await ann.hides('Files of this type are not accepted.');
  await choose(sarah.page.locator('body'), { name: 'a.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
  await transcriptOf(sarah.page).getByText('Files of this type are not accepted').waitFor();
});

test('what says that it is a picture and is none is a card', async () => {
  await choose(ann.panel, {
    name: 'not a picture.png',
    mimeType: 'image/png',
    buffer: Buffer.from('<svg onload=alert(1)>'),
  });
  const card = transcriptOf(sarah.page).getByRole('button', { name: 'Download not a picture.png' });
  await card.getByText('not a picture.png').waitFor();
  assert.match((await download(sarah, card)).saved, /^attachment;/u);
});

test('a German visitor reads German', async () => {
  const jan = await shopper(browser, { locale: 'de-DE' });
  await jan.open();
  await jan.button('Datei anhängen').waitFor();
  await choose(jan.panel, { name: 'a.zip', mimeType: 'application/zip', buffer: Buffer.from('PK') });
  await jan.shows('Dateien dieser Art werden nicht angenommen.');
  await jan.close();
});
