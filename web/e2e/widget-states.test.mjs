// Each state of the widget in a real browser, against a whole server (F001 5.6, 5.8.4, 5.10, 5.12).

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, picture } from './browser.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, PROJECT } from './people.mjs';
import { aiSays, ok, tidyUp, waitingGuest } from './scene.mjs';
import { PHONE, shopper, Teammate } from './widget.mjs';

let browser;
let owner;
let service;
let sarah;
let chat;

before(async () => {
  ({ owner, service } = await tidyUp());
  browser = await launch();
  sarah = await Teammate.signIn('sarah@example.com');
});
beforeEach(async () => {
  await tidyUp();
  await sarah.setStatus('online');
});
afterEach(async () => {
  if (!chat) return;
  assertNoFaults(chat);
  await chat.close();
  chat = undefined;
});
after(async () => {
  await browser?.close();
  await tidyUp();
  await everybodyLeaves();
});

const needDiving = (id) =>
  ok(
    service
      .from('conversations')
      .update({ required_skills: ['diving'] })
      .eq('id', id),
  );

/** A visitor who talks to Sarah. */
async function withSarah(before = async () => {}) {
  chat = await shopper(browser);
  await before(chat);
  await chat.open();
  await chat.say('Is Luna dimmable?');
  await chat.button('Talk to a human').click();
  await chat.isTitled(/^Chatting with Sarah/u);
  return chat.conversation();
}

/** The page's beats do not reach the server: whoever sits there seems to be away. */
const withoutBeats = ({ context }) =>
  context.route('**/rpc/presence_*', (route) =>
    route.fulfill({
      headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' },
      json: { known: true, next_beat_seconds: 60, lease_seconds: 180, server_time: new Date().toISOString() },
    }),
  );

test('an AI answers, shows its sources, and is seen thinking', async () => {
  chat = await shopper(browser);
  await chat.open();
  await picture(chat.page, 'widget-fresh');
  await assertAccessible(chat.page, 'an empty chat');
  await chat.say('How long does delivery take?');
  await chat.shows('The assistant is thinking');
  const { id } = await chat.conversation();
  await service.rpc('post_ai_message', {
    p_conversation_id: id,
    p_content: 'Two to three days in Europe.',
    p_confidence: 0.9,
    p_sources: [{ title: 'Shipping', url: 'https://lumora.example/shipping' }],
  });
  await chat.shows('Two to three days');
  await chat.hides('The assistant is thinking');
  assert.equal(
    await chat.panel.getByRole('link', { name: 'Shipping' }).getAttribute('href'),
    'https://lumora.example/shipping',
  );
  await assertAccessible(chat.page, 'a chat with the AI');
  await picture(chat.page, 'widget-ai');
});

test('the button brings a person, who sees what was said and can be heard', async () => {
  const { id } = await withSarah();
  await chat.shows(/Sarah Miller has joined the chat/u);
  assert.equal(await chat.button('Talk to a human').count(), 0, 'hidden while somebody is there');
  const stopTyping = await sarah.type(id);
  await chat.shows('Sarah Miller is typing');
  await sarah.send(id, 'Yes, and it remembers how bright it was.');
  await chat.shows('it remembers');
  await chat.hides('Sarah Miller is typing');
  await assertAccessible(chat.page, 'a chat with an agent');
  await picture(chat.page, 'widget-agent');
  await stopTyping();
});

test('a keyword and an unsure AI hand over as well', async () => {
  chat = await (await shopper(browser)).open();
  await chat.write('I want to talk to a person');
  await chat.isTitled(/^Chatting with Sarah/u);
  const unsure = await (await shopper(browser)).open();
  await unsure.say('Do you rent lamps?');
  const { id } = await unsure.conversation();
  await aiSays(id, 'I am not sure about that.', 0.3);
  await unsure.isTitled(/^Chatting with Sarah/u);
  assertNoFaults(unsure);
  await unsure.close();
});

test('the place in the queue is live, and the AI goes on meanwhile', async () => {
  const first = await waitingGuest('First');
  chat = await (await shopper(browser)).open();
  await chat.say('My lamp is broken');
  const { id } = await chat.conversation();
  await needDiving(id);
  await chat.button('Talk to a human').click();
  await chat.isTitled('In queue');
  await chat.shows('You’re #2 in line');
  await chat.shows(/^Estimated wait: /u);
  await assertAccessible(chat.page, 'the queue');
  await picture(chat.page, 'widget-queue');
  await first.client.close();
  await chat.shows('You’re next in line');
  await chat.button('Stay in queue').click();
  await chat.panel.getByLabel(/^Leave your email/u).fill('ann.queue@example.com');
  await chat.button('Save').click();
  await chat.shows('we have noted ann.queue@example.com');
  await aiSays(id, 'Meanwhile: is the bulb in tight?', 0.9);
  await chat.shows('is the bulb in tight');
  await ok(service.from('conversations').update({ required_skills: [] }).eq('id', id));
  await chat.isTitled(/^Chatting with Sarah/u);
});

test('outside of hours a form takes the message', async () => {
  chat = await (await shopper(browser)).open();
  await chat.say('Can I visit you?');
  const day = { start: '09:00', end: '17:00', enabled: false };
  const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  await ok(
    owner.rpc('update_handoff_settings', {
      p_project_id: PROJECT,
      p_settings: { business_hours_enabled: true, business_hours: Object.fromEntries(days.map((name) => [name, day])) },
    }),
  );
  await chat.button('Leave a message for our team').click();
  await chat.isTitled('We’re offline');
  await assertAccessible(chat.page, 'the offline form');
  await chat.button('Send message').click();
  await chat.shows('This does not look like an email address.');
  await chat.panel.getByLabel('Email').fill('ann.offline@example.com');
  assert.equal(await chat.panel.getByLabel('Your message').inputValue(), 'Can I visit you?', 'need not be typed again');
  await picture(chat.page, 'widget-offline');
  await chat.button('Send message').click();
  await chat.shows('Message received');
  const [lead] = await ok(service.from('lead_captures').select('*').eq('user_email', 'ann.offline@example.com'));
  assert.equal(lead.question, 'Can I visit you?');
  await chat.button('Back to the chat').click();
  await chat.composer.waitFor();
});

test('a resolved chat is rated, and reopened by writing', async () => {
  const { id } = await withSarah();
  await sarah.send(id, 'All done!');
  await sarah.resolve(id);
  await chat.isTitled('Resolved');
  await chat.shows('How did we do?');
  await assertAccessible(chat.page, 'the rating');
  await chat.panel.getByRole('radio', { name: '5 of 5 stars' }).check({ force: true });
  await picture(chat.page, 'widget-rating');
  await chat.panel.getByRole('textbox', { name: 'Anything you want to add?' }).fill('Sarah was great');
  await chat.button('Send rating').click();
  await chat.shows('Thank you for your feedback!');
  const rated = await chat.conversation();
  assert.deepEqual([rated.satisfaction_rating, rated.satisfaction_feedback], [5, 'Sarah was great']);
  await chat.write('One more thing');
  await chat.isTitled(/^Chatting with Sarah/u);
});

test('a chat that ended makes room for a new one', async () => {
  const { id } = await withSarah();
  await sarah.call('close_conversation', { p_conversation_id: id });
  await chat.isTitled('Chat ended');
  await chat.button('Start a new chat').click();
  await chat.shows('How can we help?');
  await chat.say('Hello again');
  assert.notEqual((await chat.conversation()).id, id);
});

test('a silent visitor is asked whether they are there, and one press keeps the chat', async () => {
  const { id } = await withSarah(withoutBeats);
  await sarah.send(id, 'Are you sure it is plugged in?');
  await chat.shows('Are you sure it is plugged in?');
  await sql(`select handoff.warn_inactive(now() + interval '6 minutes')`);
  await chat.shows('Are you still there?');
  await chat.shows(/This chat closes in [0-9]+:[0-5][0-9]/u);
  await picture(chat.page, 'widget-still-here');
  await chat.button('I’m still here').click();
  await chat.hides('Are you still there?');
  const [{ warned }] = await sql(
    'select auto_close_warning_sent_at as warned from public.conversations where id = $1',
    [id],
  );
  assert.equal(warned, null);
});

test('an agent who is gone is said to be, and the queue is offered', async () => {
  const { id } = await withSarah();
  await sarah.send(id, 'One moment please.');
  await chat.shows('One moment please.');
  await sarah.setStatus('offline');
  await chat.shows(/Waiting for them to come back/u);
  await sql(`select handoff.offer_requeue(now() + interval '11 minutes')`);
  await chat.shows(/has been away for a while/u);
  await sql('update public.agent_availability set effective_changed_at = $1 where user_id = $2', [
    new Date(Date.now() - 11 * 60_000),
    sarah.id,
  ]);
  await chat.button('Find somebody else').click();
  await chat.isTitled('In queue');
});

test('an agent asks for an address, and gets it', async () => {
  const { id } = await withSarah();
  await sarah.call('request_email', { p_conversation_id: id });
  await chat.panel.getByLabel(/^How can we reach you/u).fill('ann.asked@example.com');
  await chat.button('Save').click();
  await chat.hides(/^How can we reach you/u);
  assert.equal((await chat.conversation()).customer_email, 'ann.asked@example.com');
});

test('a phone shows it whole, in the dark and in German', async () => {
  chat = await shopper(browser, { ...PHONE, query: '?theme=dark&locale=de' });
  await chat.open();
  await chat.say('Hallo');
  const box = await chat.panel.boundingBox();
  assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 390, 844]);
  await chat.button('Mit einem Menschen sprechen').click();
  await chat.isTitled(/^Im Gespräch mit Sarah/u);
  await assertAccessible(chat.page, 'a phone in the dark');
  await picture(chat.page, 'widget-phone-dark');
  await chat.button('Chat schließen').click();
  await chat.launcher.waitFor();
});
