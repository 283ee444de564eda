// Where a project asks its agents first: the offer lies over every page, is accepted, declined, or runs out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, pagesUrl, picture } from './browser.mjs';
import { setStatus, teammate, transcriptOf } from './dashboard.mjs';
import { everybodyLeaves, PROJECT, until } from './people.mjs';
import { guest, ok, tidyUp } from './scene.mjs';

let browser;
let boss;
let sarah;
let mike;
let owner;

before(async () => {
  ({ owner } = await tidyUp());
  browser = await launch();
  boss = await teammate(browser, 'owner@example.com');
  sarah = await teammate(browser, 'sarah@example.com');
  mike = await teammate(browser, 'mike@example.com');
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

const offerOf = ({ page }, name) =>
  page.getByRole('region', { name: 'Offers' }).getByRole('article', { name: `Offer: ${name}` });
const isGone = (offer) => offer.waitFor({ state: 'detached' });
const settings = () => ok(owner.rpc('get_handoff_settings', { p_project_id: PROJECT }));
const isWith = ({ client, name }, agent) =>
  until(client, (s) => s.phase === 'agent_chat' && s.agent?.name.startsWith(agent), `${name} is with ${agent}`);

async function asking(name, says) {
  const one = await guest(name, { says });
  await one.client.requestHuman();
  return one;
}

test('the owner has agents asked first, and says how long they may think', async () => {
  await boss.page.goto(`${pagesUrl()}/dashboard/settings/handoff`);
  await boss.page.getByRole('switch', { name: /^Ask the agent first/u }).click();
  const seconds = boss.page.getByLabel('Time to answer (seconds)');
  await seconds.fill('4');
  await boss.page.getByText('Between 5 and 600').waitFor();
  await seconds.fill('300');
  await boss.page.getByRole('button', { name: 'Save changes' }).click();
  await boss.page.getByText('Saved', { exact: true }).waitFor();
  const { assignment_mode: mode, offer_timeout_seconds: timeout } = await settings();
  assert.deepEqual([mode, timeout], ['offer', 300]);
});

test('an offer lies over any page; who accepts it has the chat, which waited in its place until then', async () => {
  await setStatus(sarah.page, 'Online');
  await sarah.page.goto(`${pagesUrl()}/dashboard/team`);
  const ann = await asking('Ann', 'My invoice is wrong');
  const offer = offerOf(sarah, 'Ann');
  await offer.getByText('My invoice is wrong').waitFor();
  await offer.getByText(/^[0-4]:[0-5][0-9]$/u).waitFor(); // the time that is left
  assert.equal(await offerOf(mike, 'Ann').count(), 0, 'one agent is asked at a time');
  await until(
    ann.client,
    (s) => s.phase === 'waiting_for_agent' && s.queue?.position === 1,
    'Ann waits, first in line',
  );
  await assertAccessible(sarah.page, 'an offer');
  await picture(sarah.page, 'dashboard-offer');
  await offer.getByRole('button', { name: /^Accept/u }).click();
  await transcriptOf(sarah.page).getByText('My invoice is wrong').waitFor();
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).waitFor();
  await isGone(offer);
  await isWith(ann, 'Sarah');
});

test('who declines is rid of it, and the next one is asked; keys do as well as buttons', async () => {
  await setStatus(mike.page, 'Online'); // with more free slots than Sarah: asked first
  const bob = await asking('Bob', 'Where is my parcel?');
  await offerOf(mike, 'Bob').waitFor();
  await mike.page.keyboard.press('x');
  await mike.page.getByText('Declined: the next agent is asked').waitFor();
  await isGone(offerOf(mike, 'Bob'));
  await offerOf(sarah, 'Bob').waitFor();
  await sarah.page.keyboard.press('a');
  await isWith(bob, 'Sarah');
  await transcriptOf(sarah.page).getByText('Where is my parcel?').waitFor();
});

test('an offer that nobody answers in time goes to the next agent', async () => {
  await ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { offer_timeout_seconds: 10 } }));
  const eve = await asking('Eve', 'Is anybody there?');
  await offerOf(mike, 'Eve').waitFor();
  // For the next one, who is to have the time for a test.
  await ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { offer_timeout_seconds: 300 } }));
  assert.equal(await offerOf(sarah, 'Eve').count(), 0, 'not before the time is over');
  await offerOf(sarah, 'Eve').waitFor();
  await isGone(offerOf(mike, 'Eve'));
  await offerOf(sarah, 'Eve')
    .getByRole('button', { name: /^Accept/u })
    .click();
  await isWith(eve, 'Sarah');
});

test('an offer is taken off the page when the customer leaves, and is still there after a reload', async () => {
  const dan = await asking('Dan', 'Hello?');
  await offerOf(mike, 'Dan').waitFor();
  await mike.page.reload();
  await offerOf(mike, 'Dan').waitFor();
  await dan.client.close();
  await isGone(offerOf(mike, 'Dan'));
});

test('nobody’s console has complained', () => assertNoFaults(boss, sarah, mike));
