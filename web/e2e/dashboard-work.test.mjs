// What agents do all day besides answering: transfer, notes, tags, canned responses, absence, reload, two tabs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertNoFaults, launch, pagesUrl, picture } from './browser.mjs';
import { chooseAction, lineOf, openConversation, reply, setStatus, teammate, transcriptOf } from './dashboard.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, PROJECT, until } from './people.mjs';
import { guest, ok, tidyUp, waitingGuest } from './scene.mjs';

let browser;
let sarah;
let mike;
let ann;

before(async () => {
  const { owner } = await tidyUp();
  await ok(
    owner.from('canned_responses').insert([
      { project_id: PROJECT, shortcut: 'hello', content: 'Hi {name}, this is {agent}. How can I help?' },
      { project_id: PROJECT, shortcut: 'refund', content: 'I have refunded it.' },
    ]),
  );
  await ok(
    owner.from('quick_actions').insert([
      { project_id: PROJECT, label: 'View account', link: 'https://admin.example.com/users?email={email}' },
      { project_id: PROJECT, label: 'Open order', link: 'https://admin.example.com/orders/{metadata.order}' },
    ]),
  );
  browser = await launch();
  [sarah, mike] = await Promise.all([teammate(browser, 'sarah@example.com'), teammate(browser, 'mike@example.com')]);
  await setStatus(sarah.page, 'Online');
  ann = await guest('Ann', { says: 'Where is my parcel?' });
  await ann.client.requestHuman();
  await openConversation(sarah.page, 'Ann');
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

test('a slash and a shortcut insert a canned response with the names in it', async () => {
  const box = sarah.page.getByRole('textbox', { name: 'Reply' });
  await box.pressSequentially('/he');
  await sarah.page.getByRole('option', { name: /hello/u }).waitFor();
  await picture(sarah.page, 'dashboard-canned');
  await box.press('Enter');
  assert.equal(await box.inputValue(), 'Hi Ann, this is Sarah Miller. How can I help?');
  await box.press('Enter');
  await until(ann.client, (s) => s.messages.some((m) => m.content.startsWith('Hi Ann, this is Sarah')), 'Ann has it');
});

test('quick actions are filled from the customer, and say what is missing', async () => {
  const link = sarah.page.getByRole('link', { name: 'View account' });
  assert.equal(await link.getAttribute('href'), `https://admin.example.com/users?email=${ann.email}`);
  assert.match(await link.getAttribute('rel'), /noopener/u);
  await sarah.page.getByText('no metadata.order').waitFor();
});

test('notes and tags are seen by the team and not by the customer', async () => {
  await sarah.page.keyboard.press('Escape');
  await chooseAction(sarah.page, 'Add note');
  await sarah.page.getByRole('textbox', { name: 'Internal note' }).fill('Second lost parcel this week');
  await sarah.page.keyboard.press('Enter');
  await transcriptOf(sarah.page).getByRole('article', { name: 'Internal note' }).waitFor();
  await chooseAction(sarah.page, 'Tags and priority');
  await sarah.page.getByRole('textbox', { name: 'Tags' }).fill('shipping,');
  await sarah.page.getByRole('button', { name: 'Save' }).click();
  await openConversation(mike.page, 'Ann');
  await transcriptOf(mike.page).getByText('Second lost parcel this week').waitFor();
  await lineOf(mike.page, 'Ann').getByText('shipping').waitFor();
  const { messages } = ann.client.getSnapshot();
  assert.ok(messages.every(({ content }) => !content.includes('lost parcel')));
});

test('the decision record says why this agent', async () => {
  await sarah.page.getByRole('button', { name: 'Why this agent?' }).click();
  const dialog = sarah.page.getByRole('dialog');
  await dialog.getByRole('heading', { name: 'Sarah Miller' }).waitFor();
  await dialog.getByText('Was chosen.').waitFor();
  await picture(sarah.page, 'dashboard-why');
  await dialog.getByRole('button', { name: 'Close' }).click();
});

test('a reload opens the same conversation, from its address', async () => {
  const address = sarah.page.url();
  assert.ok(address.startsWith(`${pagesUrl()}/dashboard/inbox/`) && address.endsWith(ann.id));
  await sarah.page.reload();
  await transcriptOf(sarah.page).getByText('Where is my parcel?').waitFor();
  await sarah.page.goto(`${pagesUrl()}/dashboard/conversations/${ann.id}`);
  await transcriptOf(sarah.page).getByText('Where is my parcel?').waitFor();
});

test('two tabs of one agent show the same, and the agent is there once', async () => {
  const tab = await sarah.context.newPage();
  await tab.goto(`${pagesUrl()}/dashboard/conversations/${ann.id}`);
  await transcriptOf(tab).getByText('Where is my parcel?').waitFor();
  await reply(sarah.page, 'From the first tab');
  await transcriptOf(tab).getByText('From the first tab').waitFor();
  assert.equal(await transcriptOf(sarah.page).getByText('From the first tab').count(), 1);
  await tab.close();
  await sarah.page.getByRole('button', { name: 'Your status: Online' }).waitFor();
});

test('what is written without a network is sent once when it is back, and what was missed arrives', async () => {
  await sarah.goOffline(true);
  await sarah.page.getByText('You are offline.').waitFor();
  await picture(sarah.page, 'dashboard-offline');
  await reply(sarah.page, 'Written on the train');
  await transcriptOf(sarah.page).locator('article[data-delivery=sending]').waitFor();
  await ann.client.send('Are you still there?');
  await sarah.goOffline(false);
  await transcriptOf(sarah.page).getByText('Are you still there?').waitFor();
  await until(ann.client, (s) => s.messages.filter((m) => m.content === 'Written on the train').length === 1, 'once');
  await sarah.page.getByText('You are offline.').waitFor({ state: 'detached' });
});

test('a transfer takes it to the other agent, with everything that was said', async () => {
  await setStatus(mike.page, 'Online');
  await chooseAction(sarah.page, 'Transfer');
  await sarah.page.getByRole('radio', { name: /^Mike Chen/u }).check();
  await picture(sarah.page, 'dashboard-transfer');
  await sarah.page.getByRole('button', { name: 'Transfer', exact: true }).click();
  await mike.page.getByRole('button', { name: 'Resolve', exact: true }).waitFor();
  await transcriptOf(mike.page).getByText('From the first tab').waitFor();
  await until(ann.client, (s) => /^Mike/u.test(s.agent?.name), 'Ann is with Mike');
  await sarah.page.getByText('With Mike Chen').waitFor();
});

test('a silent customer is warned, and the chat closes by itself and frees the slot', async () => {
  await mike.page.getByText('1/5').first().waitFor();
  // A page that beats is a sign of life: it is closed.
  await ann.client.presence.stop();
  await sql(`select handoff.warn_inactive(now() + interval '7 minutes')`);
  await transcriptOf(mike.page)
    .getByText(/still there\?/iu)
    .last()
    .waitFor();
  await mike.page.getByTestId('presence-alert').waitFor();
  await sql(`select handoff.close_inactive(now() + interval '20 minutes')`);
  await until(ann.client, (s) => s.phase === 'closed', 'Ann’s chat is closed');
  await mike.page.getByText('This conversation has ended.').waitFor();
  await mike.page.getByText('0/5').first().waitFor();
});

test('an agent is warned that the customer cleared the chat', async () => {
  const bob = await waitingGuest('Bob');
  await openConversation(sarah.page, 'Bob');
  await sarah.page.keyboard.press('c');
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).waitFor();
  await bob.client.clear();
  await sarah.page.getByTestId('presence-alert').getByText('cleared this chat').waitFor();
});

test('keys move along the list and the overview shows them', async () => {
  await waitingGuest('Cleo');
  await waitingGuest('Dan');
  await sarah.page.keyboard.press('3');
  await lineOf(sarah.page, 'Dan').waitFor();
  await sarah.page.keyboard.press('j');
  await sarah.page.getByRole('heading', { level: 1, name: 'Cleo' }).waitFor();
  await sarah.page.keyboard.press('j');
  await sarah.page.getByRole('heading', { level: 1, name: 'Dan' }).waitFor();
  await sarah.page.keyboard.press('k');
  await sarah.page.getByRole('heading', { level: 1, name: 'Cleo' }).waitFor();
  assert.match(await sarah.page.title(), /^\(2\) Inbox/u);
  await sarah.page.keyboard.press('?');
  await sarah.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await sarah.page.keyboard.press('Escape');
});

test('nobody’s console has complained', () => assertNoFaults(sarah, mike));
