// The manual QA list of F001 11.4, row by row: two agents with the dashboard and three visitors with the widget, in a browser context
// each, and `handoff dev` between them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertNoFaults, launch, picture } from './browser.mjs';
import { lineOf, listOf, openConversation, reply, setStatus, teammate, transcriptOf } from './dashboard.mjs';
import { everybodyLeaves, PROJECT } from './people.mjs';
import { aiSays, ok, tidyUp } from './scene.mjs';
import { shopper } from './widget.mjs';

let browser;
let owner;
let service;
let sarah;
let mike;
const visitors = {};

before(async () => {
  ({ owner, service } = await tidyUp());
  browser = await launch();
  [sarah, mike] = await Promise.all([teammate(browser, 'sarah@example.com'), teammate(browser, 'mike@example.com')]);
  for (const name of ['Ann', 'Bob', 'Eve']) visitors[name] = await (await shopper(browser)).open();
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

/** Begins a chat, and is known by name from then on. */
async function says(name, text) {
  const chat = visitors[name];
  await chat.say(text);
  await chat.isCalled(name);
  return chat.conversation();
}

/** Of which nobody in the team has the skill: the chat waits until an agent takes it. */
const needDiving = ({ id }) =>
  ok(
    service
      .from('conversations')
      .update({ required_skills: ['diving'] })
      .eq('id', id),
  );

test('a status that one agent sets is what the other sees', async () => {
  await setStatus(sarah.page, 'Online');
  const line = mike.page.getByRole('region', { name: 'Team' }).getByText('Sarah Miller').locator('..');
  await line.getByText('0/5').waitFor();
  await setStatus(mike.page, 'Away');
  await sarah.page.getByRole('region', { name: 'Team' }).getByText('Away').waitFor();
});

test('low confidence of the AI hands off, and the agent sees the answer and why', async () => {
  const { id } = await says('Ann', 'My bike makes a strange noise');
  await aiSays(id, 'Perhaps it is the chain?', 0.41);
  await visitors.Ann.shows('Perhaps it is the chain?');
  await visitors.Ann.isTitled(/^Chatting with Sarah/u);
  await openConversation(sarah.page, 'Ann');
  const transcript = transcriptOf(sarah.page);
  await transcript.getByText('Perhaps it is the chain?').waitFor();
  await transcript.getByText('Confidence 41%').waitFor();
  await transcript.getByText('Low confidence: 41%').waitFor();
  await sarah.page.getByText('41% (at handoff)').waitFor();
  await sarah.page.getByText('1/5').first().waitFor();
});

test('a keyword hands off', async () => {
  await visitors.Bob.write('I want to talk to a human please');
  await visitors.Bob.isTitled(/^Chatting with Sarah/u);
  await visitors.Bob.isCalled('Bob');
  await openConversation(sarah.page, 'Bob');
  await transcriptOf(sarah.page).getByText('Keyword: “human”').waitFor();
});

test('the button hands off', async () => {
  await says('Eve', 'Hello');
  await visitors.Eve.button('Talk to a human').click();
  await visitors.Eve.isTitled(/^Chatting with Sarah/u);
  await openConversation(sarah.page, 'Eve');
  await transcriptOf(sarah.page).getByText('Pressed “Talk to a human”').waitFor();
});

test('the queue has the same places for visitors and agents, and a waiting time', async () => {
  for (const [name, text, place] of [
    ['Bob', 'Do you rent boats?', 'You’re next in line'],
    ['Eve', 'Do you have oxygen?', 'You’re #2 in line'],
  ]) {
    const chat = visitors[name];
    await chat.choose('Start a new chat');
    await chat.hides('Sarah Miller has joined the chat');
    await needDiving(await says(name, text));
    await chat.button('Talk to a human').click();
    await chat.isTitled('In queue');
    await chat.shows(place);
  }
  await sarah.page.getByRole('link', { name: /^Queue/u }).click();
  await lineOf(sarah.page, 'Bob').getByText('#1 in queue').waitFor();
  await lineOf(sarah.page, 'Eve').getByText('#2 in queue').waitFor();
  await lineOf(sarah.page, 'Eve').getByTitle('Waiting time').waitFor();
  await picture(sarah.page, 'dashboard-queue');
});

test('of two agents who claim at once one gets it, the other is told so, and the queue moves up', async () => {
  await setStatus(mike.page, 'Online');
  await mike.page.getByRole('link', { name: /^Queue/u }).click();
  await Promise.all([openConversation(sarah.page, 'Bob'), openConversation(mike.page, 'Bob')]);
  const claim = ({ page }) => page.getByRole('button', { name: 'Claim', exact: true }).elementHandle();
  const buttons = await Promise.all([sarah, mike].map(claim));
  // Whoever is first takes the button off the other's page: a click that waits for it could come too late.
  await Promise.all(buttons.map((button) => button.evaluate((element) => element.click())));
  const owns = ({ page }, name) =>
    page
      .getByRole('button', { name: 'Resolve', exact: true })
      .waitFor()
      .then(() => name);
  const owner = await Promise.any([owns(sarah, 'Sarah Miller'), owns(mike, 'Mike Chen')]);
  const other = owner === 'Sarah Miller' ? mike : sarah;
  await other.page.getByText(`With ${owner}`).waitFor();
  await visitors.Bob.isTitled(`Chatting with ${owner}`);
  await visitors.Eve.shows('You’re next in line');
});

test('who leaves the queue is taken off it', async () => {
  await visitors.Eve.choose('End this chat');
  await visitors.Eve.isTitled('Chat ended');
  await sarah.page.getByRole('link', { name: /^Queue/u }).click();
  await lineOf(sarah.page, 'Eve').waitFor({ state: 'detached' });
});

test('messages arrive at once on both sides, typing is seen, and what was sent says so', async () => {
  await sarah.page.getByRole('link', { name: /^All/u }).click();
  await openConversation(sarah.page, 'Ann');
  const transcript = transcriptOf(sarah.page);
  await reply(sarah.page, 'Hello Ann, does it happen when you brake?');
  await visitors.Ann.shows('does it happen when you brake?');
  await transcript.locator('article[data-sender=agent]', { hasText: 'Hello Ann' }).getByText('Sent').waitFor();
  await visitors.Ann.composer.pressSequentially('Yes');
  await sarah.page.getByTestId('presence').getByText('Typing …').waitFor();
  await visitors.Ann.say('Yes, always!');
  await transcript.getByText('Yes, always!').waitFor();
  await sarah.page.getByRole('textbox', { name: 'Reply' }).pressSequentially('I');
  await visitors.Ann.shows('Sarah Miller is typing');
  await picture(sarah.page, 'dashboard-conversation');
});

test('the conversation is resolved, and the customer gives a rating that the agent sees', async () => {
  await sarah.page.getByRole('textbox', { name: 'Reply' }).fill('');
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).click();
  const { Ann } = visitors;
  await Ann.isTitled('Resolved');
  await Ann.panel.getByRole('radio', { name: '5 of 5 stars' }).check({ force: true });
  await Ann.panel.getByRole('textbox', { name: 'Anything you want to add?' }).fill('So quick!');
  await Ann.button('Send rating').click();
  await sarah.page.getByRole('img', { name: 'Rated 5 of 5' }).waitFor();
  await sarah.page.getByText('So quick!').waitFor();
});

test('a reply after that brings it back to the same agent', async () => {
  await visitors.Ann.write('It is back again');
  await visitors.Ann.isTitled(/^Chatting with Sarah/u);
  await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).waitFor();
});

test('outside of business hours nobody is handed over, and the offline form reaches the queue', async () => {
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  const closed = Object.fromEntries(days.map((day) => [day, { start: '09:00', end: '17:00', enabled: false }]));
  const settings = { business_hours_enabled: true, business_hours: closed };
  await ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: settings }));
  await Promise.all([setStatus(sarah.page, 'Away'), setStatus(mike.page, 'Away')]);
  const { Eve } = visitors;
  await Eve.button('Start a new chat').click();
  await Eve.hides('This chat has ended.');
  await says('Eve', 'Are you there?');
  await Eve.button('Leave a message for our team').click();
  await Eve.isTitled('We’re offline');
  await Eve.panel.getByLabel('Email').fill('eve@example.com');
  await Eve.panel.getByLabel('Your message').fill('My bike was stolen');
  await Eve.button('Send message').click();
  await Eve.shows('Message received');
  await sarah.page.getByRole('link', { name: /^Queue/u }).click();
  await openConversation(sarah.page, 'Eve');
  await transcriptOf(sarah.page).getByText('My bike was stolen').waitFor();
  await ok(
    owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { business_hours_enabled: false } }),
  );
});

test('every conversation is still in one list', async () => {
  await sarah.page.getByRole('link', { name: /^All/u }).click();
  for (const name of Object.keys(visitors)) await listOf(sarah.page).getByText(name).first().waitFor();
});

test('nobody’s console has complained', () => assertNoFaults(sarah, mike, ...Object.values(visitors)));
