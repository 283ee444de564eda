// The widget on other people's pages: hostile ones, reloads, tabs, bad networks, keyboards; and how much it weighs.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { BUDGET_KB, LAUNCHER_BUDGET_KB, sizes } from '../widget/size.mjs';
import { assertAccessible, assertNoFaults, launch, pagesUrl, person, picture } from './browser.mjs';
import { startHost } from './host-page.mjs';
import { admin, everybodyLeaves, PROJECT, serverUrl } from './people.mjs';
import { aiSays, ok, tidyUp } from './scene.mjs';
import { Chat, shopper, Teammate } from './widget.mjs';

let browser;
let host;
let sarah;
const people = [];

before(async () => {
  await tidyUp();
  host = await startHost();
  browser = await launch();
  sarah = await Teammate.signIn('sarah@example.com');
});
beforeEach(async () => {
  await tidyUp();
  await sarah.setStatus('online');
});
afterEach(async () => {
  for (const one of people.splice(0)) {
    assertNoFaults(one);
    await one.close();
  }
});
after(async () => {
  await browser?.close();
  await host?.close();
  await tidyUp();
  await everybodyLeaves();
});

/** Somebody on one of the pages of host-page.mjs, or in the shop. */
async function visitor(path, options = {}) {
  if (path.startsWith('/shop')) {
    const chat = await shopper(browser, { path, ...options });
    people.push(chat);
    return chat;
  }
  const one = await person(browser, { locale: 'en-GB', ...options });
  const chat = new Chat(one);
  people.push(chat);
  chat.requests = [];
  one.page.on('request', (request) => chat.requests.push(request.url()));
  await one.page.goto(host.url + path);
  return chat;
}

/** Asks for a person and waits until Sarah is there. */
async function withSarah(path, options) {
  const chat = await visitor(path, options);
  return { chat, id: await reachesSarah(chat) };
}

async function reachesSarah(chat) {
  await chat.open();
  await chat.say('Is Luna dimmable?');
  await chat.button('Talk to a human').click();
  await chat.isTitled(/^Chatting with Sarah/u);
  return (await chat.conversation()).id;
}

/** Makes the page's network one that can be cut: Chromium's own switch leaves open sockets alone. */
async function cuttable(chat) {
  const sockets = new Set();
  let isCut = false;
  await chat.context.routeWebSocket(/realtime/u, (socket) => {
    if (isCut) {
      void socket.close();
      return;
    }
    socket.connectToServer();
    sockets.add(socket);
  });
  await chat.page.reload();
  return {
    cut: async () => {
      isCut = true;
      await chat.goOffline(true);
      for (const socket of sockets) await socket.close();
    },
    mend: async () => {
      isCut = false;
      await chat.goOffline(false);
    },
  };
}

test('it fits into its budget, and a page that nobody chats on loads only the button', async () => {
  const { widget, launcher, supabase } = await sizes();
  assert.ok(widget <= BUDGET_KB, `${widget} kB beside supabase-js (${supabase} kB)`);
  assert.ok(launcher <= LAUNCHER_BUDGET_KB, `${launcher} kB before the chat is opened`);
  const chat = await visitor('/plain');
  await chat.launcher.waitFor();
  await chat.page.waitForLoadState('networkidle');
  const loaded = chat.requests.filter((url) => !url.startsWith(host.url) && !url.startsWith('data:'));
  assert.deepEqual(loaded, [`${pagesUrl()}/widget/widget.js`]);
});

test('a hostile page neither hides it, nor restyles it, nor breaks it', async () => {
  const chat = await visitor('/hostile');
  await chat.open();
  await chat.say('Hello from a hostile page');
  const seen = await chat.composer.evaluate((element) => {
    const { fontSize, color, visibility, textTransform } = getComputedStyle(element);
    return { fontSize, color, visibility, textTransform };
  });
  assert.deepEqual(seen, { fontSize: '15px', color: 'rgb(21, 24, 35)', visibility: 'visible', textTransform: 'none' });
  const box = await chat.panel.boundingBox();
  assert.deepEqual([box.width, box.height], [400, 680]);
  assert.deepEqual(
    await chat.page.evaluate(() => globalThis.pressed),
    [],
    'typing in the chat is no shortcut of the page',
  );
  await chat.button('Talk to a human').click();
  await chat.isTitled(/^Chatting with Sarah/u);
  await picture(chat.page, 'widget-hostile');
});

test('a strict content security policy is enough for it', async () => {
  const chat = await visitor('/strict');
  await chat.open();
  await chat.say('Hello from a strict page');
  assert.equal(await chat.panel.evaluate((element) => getComputedStyle(element).borderRadius), '20px', 'styles arrive');
});

test('the page’s own sign-in is not touched, and a second tag does nothing', async () => {
  const chat = await visitor('/twice');
  const key = `sb-${new URL(serverUrl()).hostname.split('.')[0]}-auth-token`;
  await chat.page.evaluate((name) => localStorage.setItem(name, '"the page’s own"'), key);
  assert.equal(await chat.page.getByRole('button', { name: 'Open chat' }).count(), 1);
  await chat.open();
  await chat.say('Hello');
  assert.equal(await chat.page.evaluate((name) => localStorage.getItem(name), key), '"the page’s own"');
});

test('the page’s script opens it, hears it and words it', async () => {
  const chat = await visitor('/queued');
  assert.equal(await chat.launcher.count(), 0, 'the page has a button of its own');
  await chat.page.evaluate(() => globalThis.SupportBase.open());
  await chat.isTitled('Ada');
  const box = await chat.panel.boundingBox();
  assert.equal(box.x, 20, 'on the left');
  await chat.page.evaluate(() => globalThis.SupportBase.send('Sent by the page'));
  await chat.shows('Sent by the page');
  const { id } = await chat.conversation();
  await chat.page.evaluate(() => globalThis.SupportBase.close());
  await aiSays(id, 'Answer', 0.9);
  await chat.page.waitForFunction(() =>
    globalThis.heard.some(([name, detail]) => name === 'unread' && detail.count === 1),
  );
  const heard = await chat.page.evaluate(() => globalThis.heard);
  assert.deepEqual(
    heard.filter(([name]) => name === 'message').map(([, { from, content }]) => [from, content]),
    [
      ['customer', 'Sent by the page'],
      ['ai', 'Answer'],
    ],
  );
  assert.deepEqual(
    heard.filter(([name]) => name === 'open' || name === 'close').map(([name]) => name),
    ['open', 'close'],
  );
});

test('a reload and another page go on with the chat, and the team sees the way', async () => {
  const { chat, id } = await withSarah('/shop/luna.html');
  await sarah.send(id, 'Have a look at Sol as well.');
  await chat.shows('Have a look at Sol');
  await chat.page.goto(`${pagesUrl()}/shop/sol.html`);
  await chat.isTitled(/^Chatting with Sarah/u);
  await chat.shows('Have a look at Sol');
  await chat.shows('Is Luna dimmable?');
  await chat.page.reload();
  await chat.shows('Have a look at Sol');
  assert.equal((await chat.conversation()).id, id);
  const { visitor_id: visitorId } = await chat.conversation();
  await chat.say('I am on the page of Sol now');
  const visits = await ok(admin().from('web_visits').select('*').eq('visitor_id', visitorId).order('created_at'));
  const pages = new Set(visits.map(({ url }) => new URL(url).pathname));
  assert.ok(pages.has('/shop/luna.html') && pages.has('/shop/sol.html'), [...pages].join(' '));
});

test('a visitor is the same one next time, by localStorage or by cookie, and the team knows their browser', async () => {
  const chat = await visitor('/shop/luna.html');
  await chat.open();
  await chat.say('Hello');
  const { visitor_id: visitorId } = await chat.conversation();
  const cookies = await chat.context.cookies();
  const cookie = cookies.find(({ name }) => name === `sb_visitor_${PROJECT}`);
  assert.equal(cookie.value, visitorId);
  assert.ok(cookie.expires * 1000 > Date.now() + 360 * 86_400_000, 'kept for a year');
  await chat.page.evaluate((key) => localStorage.removeItem(key), `sb_visitor_${PROJECT}`);
  await chat.page.goto(`${pagesUrl()}/shop/sol.html`);
  await chat.say('Hello again');
  assert.equal((await chat.conversation()).visitor_id, visitorId, 'the cookie remembers');
  const [visit] = await ok(admin().from('web_visits').select('*').eq('visitor_id', visitorId).limit(1));
  const { browser: name, device, os, language } = visit;
  assert.deepEqual(
    { name, device, os, language },
    { name: 'Chrome', device: 'Desktop', os: 'Linux', language: 'en-GB' },
  );
  assert.ok(
    visit.timezone && /^[0-9]+x[0-9]+$/u.test(visit.screen) && visit.title.startsWith('Luna'),
    JSON.stringify(visit),
  );
});

test('two tabs show one chat, and the closed one counts what is new', async () => {
  const { chat, id } = await withSarah('/shop/');
  const second = new Chat({ ...chat, page: await chat.context.newPage() });
  await second.page.goto(`${pagesUrl()}/shop/noor.html`);
  await second.launcher.click();
  await second.shows('Is Luna dimmable?');
  await second.write('From the second tab');
  await chat.shows('From the second tab');
  await second.page.keyboard.press('Escape');
  // A window shows one tab; without a screen both would be in view, and what is read in one is not news in the other.
  await chat.page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' }));
  await sarah.send(id, 'For both tabs');
  await chat.shows('For both tabs');
  await second.page.getByRole('button', { name: 'Open chat, 1 unread' }).waitFor();
  await second.page.getByRole('button', { name: /^Sarah Miller ?For both tabs/u }).waitFor();
  await picture(second.page, 'widget-unread');
  await assertAccessible(second.page, 'a preview of a message');
  await second.page.getByRole('button', { name: /^Sarah Miller ?For both tabs/u }).click();
  await second.shows('For both tabs');
  await second.page.getByRole('button', { name: 'Close chat', exact: true }).first().waitFor();
});

test('without a network it says so, keeps what is written, and catches up', async () => {
  const chat = await visitor('/shop/');
  const network = await cuttable(chat);
  const id = await reachesSarah(chat);
  await network.cut();
  await chat.shows(/You are offline/u);
  await chat.write('Written in a tunnel');
  await sarah.send(id, 'Said meanwhile');
  await picture(chat.page, 'widget-no-network');
  assert.equal(await chat.panel.getByText('Said meanwhile').count(), 0, 'there was no way to hear it');
  await network.mend();
  await chat.shows('Said meanwhile');
  await chat.hides(/You are offline/u);
  await chat.panel
    .getByText(/ · Sent$/u)
    .last()
    .waitFor();
  const said = await ok(
    admin().from('messages').select('content').eq('conversation_id', id).eq('content', 'Written in a tunnel'),
  );
  assert.equal(said.length, 1, 'once');
});

test('a keyboard is enough', async () => {
  const chat = await visitor('/plain');
  await chat.launcher.waitFor();
  await chat.page.keyboard.press('Tab');
  await chat.page.keyboard.press('Enter');
  await chat.panel.waitFor();
  await chat.page.keyboard.type('Typed at once');
  await chat.page.keyboard.press('Enter');
  await chat.panel.getByText(/ · Sent$/u).waitFor();
  await chat.page.keyboard.press('Escape');
  await chat.panel.waitFor({ state: 'hidden' });
  const name = await chat.page.evaluate(() => {
    const { shadowRoot } = document.activeElement;
    return shadowRoot?.activeElement?.getAttribute('aria-label');
  });
  assert.equal(name, 'Open chat', 'the focus is back where it came from');
});
