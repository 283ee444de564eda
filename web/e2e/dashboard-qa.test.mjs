// The manual QA list of F001 11.4, row by row: two agents in Chromium, visitors over the SDK, `handoff dev` between them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertNoFaults, launch, picture } from './browser.mjs';
import { lineOf, listOf, openConversation, reply, setStatus, teammate, transcriptOf } from './dashboard.mjs';
import { everybodyLeaves, PROJECT, until } from './people.mjs';
import { aiSays, guest, ok, tidyUp, waitingGuest } from './scene.mjs';

let browser;
let sarah;
let mike;
let owner;
let ann;

before(async () => {
  ({ owner } = await tidyUp());
  browser = await launch();
  [sarah, mike] = await Promise.all([teammate(browser, 'sarah@example.com'), teammate(browser, 'mike@example.com')]);
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

test('a status that one agent sets is what the other sees', async () => {
  await setStatus(sarah.page, 'Online');
  const line = mike.page.getByRole('region', { name: 'Team' }).getByText('Sarah Miller').locator('..');
  await line.getByText('0/5').waitFor();
  await setStatus(mike.page, 'Away');
  await sarah.page.getByRole('region', { name: 'Team' }).getByText('Away').waitFor();
});

test('low confidence of the AI hands off, and the agent sees the answer and why', async () => {
  ann = await guest('Ann', { says: 'My bike makes a strange noise' });
  await aiSays(ann.id, 'Perhaps it is the chain?', 0.41);
  await openConversation(sarah.page, 'Ann');
  const transcript = transcriptOf(sarah.page);
  await transcript.getByText('Perhaps it is the chain?').waitFor();
  await transcript.getByText('Confidence 41%').waitFor();
  await transcript.getByText('Low confidence: 41%').waitFor();
  await sarah.page.getByText('41% (at handoff)').waitFor();
  await sarah.page.getByText('1/5').first().waitFor();
  await until(ann.client, (s) => s.phase === 'agent_chat' && /^Sarah/u.test(s.agent?.name), 'Ann is with Sarah');
});

test('a keyword hands off', async () => {
  const bob = await guest('Bob', { says: 'I want to talk to a human please' });
  await until(bob.client, (s) => s.phase === 'agent_chat', 'Bob has an agent');
  await openConversation(sarah.page, 'Bob');
  await transcriptOf(sarah.page).getByText('Keyword: “human”').waitFor();
});

test('the button hands off', async () => {
  const eve = await guest('Eve');
  const answer = await eve.client.requestHuman();
  assert.equal(answer.status, 'agent_active');
  await openConversation(sarah.page, 'Eve');
  await transcriptOf(sarah.page).getByText('Pressed “Talk to a human”').waitFor();
});

test('the queue has the same places for visitors and agents, and a waiting time', async () => {
  const dora = await waitingGuest('Dora', { says: 'Do you rent boats?' });
  const finn = await waitingGuest('Finn', { says: 'Do you have oxygen?' });
  await until(dora.client, (s) => s.queue?.position === 1, 'Dora is first');
  await until(finn.client, (s) => s.queue?.position === 2, 'Finn is second');
  await sarah.page.getByRole('link', { name: /^Queue/u }).click();
  await lineOf(sarah.page, 'Dora').getByText('#1 in queue').waitFor();
  await lineOf(sarah.page, 'Finn').getByText('#2 in queue').waitFor();
  await lineOf(sarah.page, 'Finn').getByTitle('Waiting time').waitFor();
  await picture(sarah.page, 'dashboard-queue');
  await finn.client.close();
  await lineOf(sarah.page, 'Finn').waitFor({ state: 'detached' });
});

test('of two agents who claim at once one gets it, and the other is told so', async () => {
  await setStatus(mike.page, 'Online');
  await Promise.all([openConversation(sarah.page, 'Dora'), openConversation(mike.page, 'Dora')]);
  const claim = (page) => page.getByRole('button', { name: 'Claim', exact: true });
  await Promise.all([claim(sarah.page).waitFor(), claim(mike.page).waitFor()]);
  await Promise.all([
    claim(sarah.page).click(),
    claim(mike.page)
      .click()
      .catch(() => undefined),
  ]);
  const owned = await Promise.any([
    sarah.page
      .getByRole('button', { name: 'Resolve', exact: true })
      .waitFor()
      .then(() => 'Sarah'),
    mike.page
      .getByRole('button', { name: 'Resolve', exact: true })
      .waitFor()
      .then(() => 'Mike'),
  ]);
  const other = owned === 'Sarah' ? mike.page : sarah.page;
  await other.getByText(owned === 'Sarah' ? 'With Sarah Miller' : 'With Mike Chen').waitFor();
});

test('messages arrive at once on both sides, typing is seen, and what was sent says so', async () => {
  await sarah.page.getByRole('link', { name: /^All/u }).click();
  await openConversation(sarah.page, 'Ann');
  const transcript = transcriptOf(sarah.page);
  await reply(sarah.page, 'Hello Ann, does it happen when you brake?');
  await until(ann.client, (s) => s.messages.some((m) => m.content.startsWith('Hello Ann')), 'Ann has the answer');
  await transcript.locator('article[data-sender=agent]', { hasText: 'Hello Ann' }).getByText('Sent').waitFor();
  ann.client.typing();
  await sarah.page.getByTestId('presence').getByText('Typing …').waitFor();
  await ann.client.send('Yes, always!');
  await transcript.getByText('Yes, always!').waitFor();
  await sarah.page.getByRole('textbox', { name: 'Reply' }).pressSequentially('I');
  await until(ann.client, (s) => s.agentTyping, 'Ann sees that Sarah types');
  await picture(sarah.page, 'dashboard-conversation');
});

test('the conversation is resolved, and the customer gives a rating that the agent sees', async () => {
  await sarah.page.getByRole('textbox', { name: 'Reply' }).fill('');
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).click();
  await until(ann.client, (s) => s.phase === 'resolved' && s.canRate, 'Ann is asked for a rating');
  await ann.client.rate(5, 'So quick!');
  await sarah.page.getByRole('img', { name: 'Rated 5 of 5' }).waitFor();
  await sarah.page.getByText('So quick!').waitFor();
});

test('a reply after that brings it back to the same agent', async () => {
  await ann.client.send('It is back again');
  await until(ann.client, (s) => s.phase === 'agent_chat', 'Ann has Sarah again');
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).waitFor();
});

test('outside of business hours nobody is handed over, and the offline form reaches the queue', async () => {
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  const closed = Object.fromEntries(days.map((day) => [day, { start: '09:00', end: '17:00', enabled: false }]));
  const settings = { business_hours_enabled: true, business_hours: closed };
  await ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: settings }));
  await Promise.all([setStatus(sarah.page, 'Away'), setStatus(mike.page, 'Away')]);
  const gus = await guest('Gus', { says: 'Are you there?' });
  const answer = await gus.client.requestHuman();
  assert.equal(answer.status, 'offline');
  await gus.client.submitOfflineForm({ email: gus.email, name: 'Gus', message: 'My bike was stolen' });
  await sarah.page.getByRole('link', { name: /^Queue/u }).click();
  await lineOf(sarah.page, 'Gus').waitFor();
  await openConversation(sarah.page, 'Gus');
  await transcriptOf(sarah.page).getByText('My bike was stolen').waitFor();
  await ok(
    owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { business_hours_enabled: false } }),
  );
});

test('nobody’s console has complained', () => assertNoFaults(sarah, mike));

test('every conversation is still in one list', async () => {
  await sarah.page.getByRole('link', { name: /^All/u }).click();
  for (const name of ['Ann', 'Bob', 'Eve']) await listOf(sarah.page).getByText(name).first().waitFor();
});
