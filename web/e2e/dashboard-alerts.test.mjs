// What reaches agents who look elsewhere, and what warns them before they write to nobody; and an admin who sets their status.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, pagesUrl, PATIENCE_MS, person, picture } from './browser.mjs';
import { openConversation, reply, setStatus, signIn, teammate, transcriptOf } from './dashboard.mjs';
import { startHost } from './host-page.mjs';
import { everybodyLeaves, until } from './people.mjs';
import { guest, tidyUp } from './scene.mjs';
import { Chat } from './widget.mjs';

let browser;
let host;
let sarah;
let boss;

before(async () => {
  await tidyUp();
  host = await startHost();
  browser = await launch();
  sarah = await person(browser);
  await sarah.page.addInitScript(watchNotifications);
  await signIn(sarah.page, 'sarah@example.com');
  boss = await teammate(browser, 'owner@example.com');
});
after(async () => {
  await browser?.close();
  await host?.close();
  await everybodyLeaves();
});

/** Runs in the page: keeps the browser's own notifications, and lets the test hide the page, which headless Chromium never does. */
function watchNotifications() {
  let hidden = false;
  Object.defineProperty(document, 'hidden', { get: () => hidden });
  Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
  window.hide = (now) => {
    hidden = now;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  window.notified = [];
  window.Notification = class extends window.Notification {
    constructor(title, options) {
      super(title, options);
      window.notified.push({ notification: this, text: `${title}: ${options.body}` });
    }
  };
}

const hide = (hidden) => sarah.page.evaluate((now) => window.hide(now), hidden);
const notified = (text) =>
  sarah.page.waitForFunction((wanted) => window.notified.some((one) => one.text === wanted), text);
const texts = () => sarah.page.evaluate(() => window.notified.map(({ text }) => text));
const press = (text) =>
  sarah.page.evaluate(
    (wanted) => window.notified.find((one) => one.text === wanted).notification.dispatchEvent(new Event('click')),
    text,
  );

test('desktop notifications are asked for in the account menu, and only there', async () => {
  const permission = () => sarah.page.evaluate(() => Notification.permission);
  assert.equal(await permission(), 'default', 'the page has not asked by itself');
  const account = sarah.page.getByRole('button', { name: /^Account of/u });
  await account.click();
  const item = sarah.page.getByRole('menuitem', { name: /^Desktop notifications/u });
  await item.waitFor();
  await sarah.context.grantPermissions(['notifications'], { origin: pagesUrl() }); // the press on "Allow"
  await item.click();
  assert.equal(await permission(), 'granted');
  await account.click();
  await sarah.page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
  assert.equal(await item.count(), 0, 'what is allowed is not offered again');
  await sarah.page.keyboard.press('Escape');
});

test('a chat that arrives and what its customer writes are told while the page is hidden, and open it', async () => {
  await setStatus(sarah.page, 'Online');
  const bob = await guest('Bob', { says: 'My lamp flickers' });
  await bob.client.requestHuman();
  await sarah.page.getByRole('status').getByText('Bob is yours').waitFor();
  assert.deepEqual(await texts(), [], 'nothing while the agent looks at the page');
  await hide(true);
  const ann = await guest('Ann', { says: 'Where is my parcel?' });
  await ann.client.requestHuman();
  await notified('Ann is yours: Where is my parcel?');
  await bob.client.send('And it hums');
  await notified('Bob: And it hums');
  await press('Ann is yours: Where is my parcel?');
  await sarah.page.getByRole('heading', { level: 1, name: 'Ann' }).waitFor();
  await hide(false);
  await reply(sarah.page, 'It is on its way');
  await until(ann.client, (s) => s.messages.some((m) => m.content === 'It is on its way'), 'Ann has the answer');
  assert.ok(!(await texts()).some((text) => text.includes('on its way')), 'own messages are no news');
});

const alertOf = ({ page }) => page.getByTestId('presence-alert');

/** Somebody on a website that embeds the widget, in a chat with Sarah that Sarah has open. */
async function customer(name, prepare = async () => {}) {
  const chat = new Chat(await person(browser, { locale: 'en-GB' }));
  await prepare(chat.page);
  await chat.page.goto(`${host.url}/plain`);
  await chat.open();
  await chat.say(`Hello, I am ${name}`);
  await chat.isCalled(name);
  await chat.button('Talk to a human').click();
  await chat.isTitled(/^Chatting with Sarah/u);
  await openConversation(sarah.page, name);
  await sarah.page.getByTestId('presence').getByText('Online').waitFor();
  return chat;
}

test('a customer who touches nothing for two minutes is shown as idle, until they do', async () => {
  const fay = await customer('Fay', (page) => page.clock.install());
  const presence = sarah.page.getByTestId('presence');
  await fay.page.clock.fastForward('02:10');
  await presence.getByText('Idle').waitFor();
  await fay.page.mouse.click(10, 10);
  await presence.getByText('Online').waitFor();
  assertNoFaults(fay);
  await fay.close();
});

test('an agent is warned that the customer switched to a page without the chat, until they are back', async () => {
  const cleo = await customer('Cleo');
  // As a site does that changes pages by itself and has no chat in its checkout.
  await cleo.page.evaluate(() => {
    history.pushState(null, '', '/checkout');
    return window.SupportBase.destroy();
  });
  const warning = alertOf(sarah).getByText('went to another page where this chat is not open');
  await warning.waitFor();
  await sarah.page.getByTestId('presence').getByText('On another page').waitFor();
  await assertAccessible(sarah.page, 'a warning that the customer switched pages');
  await picture(sarah.page, 'dashboard-switched');
  await sarah.page.reload();
  await warning.waitFor();
  await cleo.page.goto(`${host.url}/plain`);
  await warning.waitFor({ state: 'detached' });
  await cleo.isTitled(/^Chatting with Sarah/u);
  assertNoFaults(cleo);
  await cleo.close();
});

test('going on to a page with the chat warns nobody; going to one without it does', async () => {
  const dan = await customer('Dan');
  await dan.page.reload();
  await dan.isTitled(/^Chatting with Sarah/u);
  await dan.say('Still here');
  await transcriptOf(sarah.page).getByText('Still here').waitFor();
  assert.equal(await alertOf(sarah).count(), 0);
  await dan.page.goto(`${host.url}/without`);
  // A reload looks the same for the 15 s that a page's place is kept.
  const warning = alertOf(sarah).getByText('closed the page, or went to one without this chat');
  await warning.waitFor({ timeout: 2 * PATIENCE_MS });
  assertNoFaults(dan);
  await dan.close();
});

test('an admin sets an agent’s status, which the agent’s own page shows and can take back', async () => {
  await tidyUp();
  await setStatus(sarah.page, 'Online');
  await boss.page.goto(`${pagesUrl()}/dashboard/team`);
  const row = boss.page.getByRole('row', { name: /sarah@example.com/u });
  await row.getByText('Online').waitFor();
  await boss.page.getByRole('button', { name: 'Actions for Sarah Miller' }).click();
  await boss.page.getByRole('menuitem', { name: 'Edit' }).click();
  const dialog = boss.page.getByRole('dialog', { name: 'Sarah Miller' });
  await dialog.getByLabel('Status').selectOption('away');
  await assertAccessible(boss.page, 'the dialog of a member');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Away').waitFor();
  await sarah.page.getByRole('button', { name: 'Your status: Away' }).waitFor();
  const eve = await guest('Eve');
  assert.equal((await eve.client.requestHuman()).status, 'offline', 'an agent who is away is given nothing');
  await setStatus(sarah.page, 'Online');
  await row.getByText('Online').waitFor();
  assert.equal((await eve.client.requestHuman()).status, 'agent_active');
});

test('agents cannot set the status of others', async () => {
  await sarah.page.goto(`${pagesUrl()}/dashboard/team`);
  await sarah.page.getByRole('row', { name: /mike@example.com/u }).waitFor();
  assert.equal(await sarah.page.getByRole('button', { name: /^Actions for/u }).count(), 0);
});

test('nobody’s console has complained', () => assertNoFaults(sarah, boss));
