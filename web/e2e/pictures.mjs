// The pictures of docs/images, from the real pages against a whole server: node web/e2e/pictures.mjs FOLDER (make pictures).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

import { launch, pagesUrl, person } from './browser.mjs';
import { openConversation, reply, setStatus, teammate } from './dashboard.mjs';
import { admin, everybodyLeaves, PROJECT, until } from './people.mjs';
import { aiSays, guest, ok, tidyUp, waitingGuest } from './scene.mjs';
import { startServer } from './server.mjs';
import { PHONE, shopper } from './widget.mjs';

const folder = process.argv[2] ?? 'docs/images';
const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort(new Error(`ended by ${name}`)));

const shoot = (page, name, options = {}) =>
  page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', ...options });

/** What a shop's day leaves in the inbox: chats of the AI, a queue, own chats, and some that are done. */
async function fillInbox(sarah) {
  for (const [name, stars] of [
    ['Jonas Weber', 5],
    ['Priya Nair', 4],
    ['Luca Rossi', 5],
  ]) {
    const one = await guest(name, { says: 'My lamp arrived broken' });
    await one.client.requestHuman();
    await until(one.client, (s) => s.phase === 'agent_chat', `${name} has an agent`);
    await openConversation(sarah.page, name);
    await reply(sarah.page, 'I am sorry! A new one is on its way.');
    await until(one.client, (s) => s.messages.some((m) => m.sender_type === 'agent'), `${name} has an answer`);
    await sarah.page.getByRole('button', { name: 'Resolve', exact: true }).click();
    await until(one.client, (s) => s.canRate, `${name} may rate`);
    await one.client.rate(stars);
  }
  const ai = await guest('Sofia Lopez', { says: 'How long does delivery take?' });
  await aiSays(ai.id, 'Two to three days in Europe, five anywhere else.', 0.94);
  await waitingGuest('Marta Kowalska', { says: 'Can you ship to a hotel in Lisbon?' });
  await waitingGuest('Tom Baker', { says: 'The dimmer hums at half brightness' });
  const own = await guest('Emma Dubois', { says: 'Do you repair older models?' });
  await own.client.requestHuman();
  return talk(sarah);
}

/** A chat with everything in it: the AI's part, the handoff, a note, and an agent who types. */
async function talk(sarah) {
  const ann = await guest('Ann Lindqvist', { says: 'Which bulb fits the Luna table lamp?' });
  await visit(ann);
  await aiSays(ann.id, 'The Luna takes an E14 bulb of up to 40 W.', 0.92);
  await ann.client.send('And is it dimmable with the switch I have at home?');
  await aiSays(ann.id, 'I am not sure about that one.', 0.38);
  await until(ann.client, (s) => s.phase === 'agent_chat', 'Ann has an agent');
  await openConversation(sarah.page, 'Ann Lindqvist');
  await reply(sarah.page, 'Hello Ann! It is, with any switch for LED lamps. Which one do you have?');
  await until(ann.client, (s) => s.messages.some((m) => m.content.startsWith('Hello Ann')), 'Ann has the answer');
  await ann.client.send('A Busch-Jaeger 6523, it says on the side.');
  await sarah.page.getByRole('log', { name: 'Messages' }).getByText('A Busch-Jaeger 6523').waitFor();
  await sarah.page
    .getByText(/ is yours$/u)
    .first()
    .waitFor({ state: 'detached' });
  return ann;
}

async function visit({ client, supabase }) {
  for (const [path, title] of [
    ['', 'Lumora'],
    ['lamps', 'All lamps'],
    ['lamps/luna', 'Luna, the table lamp'],
  ]) {
    await ok(
      supabase.rpc('track_visit', {
        p_project_id: PROJECT,
        p_visitor_id: client.visitorId,
        p_url: `https://lumora.example/${path}`,
        p_title: title,
      }),
    );
  }
}

async function pages(sarah) {
  const { page } = sarah;
  const go = async (path, text) => {
    await page.goto(`${pagesUrl()}/dashboard/${path}`);
    await page.getByText(text).first().waitFor();
  };
  await shoot(page, 'dashboard-conversation');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot(page, 'dashboard-dark');
  await page.getByRole('button', { name: 'Hide details' }).click();
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot(page, 'dashboard-phone');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'Show details' }).click();
  await page.getByRole('button', { name: 'Why this agent?' }).click();
  await page.getByText('Was chosen.').waitFor();
  await shoot(page, 'dashboard-why');
  await go('inbox/all', 'Select a conversation');
  await page.getByText('Tom Baker').waitFor();
  await shoot(page, 'dashboard-welcome');
  await go('inbox/queue', '#2 in queue');
  await shoot(page, 'dashboard-queue');
  await go('visitors', 'Ann Lindqvist');
  await shoot(page, 'dashboard-visitors');
}

async function ownersPages(boss) {
  const { page } = boss;
  for (const [path, name, text] of [
    ['team', 'dashboard-team', 'Sarah Miller'],
    ['settings/handoff', 'dashboard-settings', 'Ask the agent first'],
    ['settings/hours', 'dashboard-hours', 'Enable business hours'],
  ]) {
    await page.goto(`${pagesUrl()}/dashboard/${path}`);
    await page.getByText(text).first().waitFor();
    if (name === 'dashboard-hours') await page.getByRole('switch', { name: text }).click(); // shown, not saved
    await shoot(page, name);
  }
}

async function offer(owner, sarah) {
  const change = (mode) =>
    ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { assignment_mode: mode } }));
  await change('offer');
  const one = await guest('Noah Fischer', { says: 'My invoice has the wrong address' });
  await one.client.requestHuman();
  const card = sarah.page.getByRole('article', { name: 'Offer: Noah Fischer' });
  await card.waitFor();
  await shoot(sarah.page, 'dashboard-offer');
  await one.client.close();
  await change('direct');
}

/** Closes the team for days, or opens it. */
function keepHours(owner, closed) {
  const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  const open = days[(new Date().getUTCDay() + 2) % 7];
  const hours = Object.fromEntries(days.map((day) => [day, { start: '09:00', end: '17:00', enabled: day === open }]));
  const settings = closed ? { business_hours_enabled: true, business_hours: hours } : { business_hours_enabled: false };
  return ok(owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: settings }));
}

/** The six states of F001 5.6 in one browser, in order; each is kept as a picture of the panel. */
async function states(browser, owner, agent, theme) {
  const chat = await shopper(browser, { query: `?theme=${theme}`, colorScheme: theme });
  const kept = [];
  const keep = async (title) => kept.push([title, await chat.panel.screenshot({ animations: 'disabled' })]);
  await chat.open();
  await chat.say('How long does delivery take?');
  const name = theme === 'dark' ? 'Nils' : 'Clara';
  await chat.isCalled(name);
  const { id } = await chat.conversation();
  await aiSays(id, 'Two to three days in Europe, five anywhere else. You get a link to follow it.', 0.94);
  await chat.shows('Two to three days');
  await keep('The AI answers');
  await ok(
    admin()
      .from('conversations')
      .update({ required_skills: ['diving'] })
      .eq('id', id),
  );
  await chat.button('Talk to a human').click();
  await chat.isTitled('In queue');
  await keep('In line, with a place');
  await ok(admin().from('conversations').update({ required_skills: [] }).eq('id', id));
  await chat.isTitled(/^Chatting with/u);
  await openConversation(agent.page, name);
  await reply(agent.page, 'Hello! To which city shall it go?');
  await chat.shows('To which city shall it go?');
  await keep('An agent is there');
  await agent.page.getByRole('button', { name: 'Resolve', exact: true }).click();
  await chat.isTitled('Resolved');
  await keep('Resolved, and rated');
  await ok(owner.rpc('close_conversation', { p_conversation_id: id }));
  await chat.isTitled('Chat ended');
  await keep('Ended');
  await keepHours(owner, true);
  await chat.button('Start a new chat').click();
  await chat.hides('This chat has ended.');
  await chat.say('Can I visit you on Saturday?');
  await chat.button('Leave a message for our team').click();
  await chat.isTitled('We’re offline');
  await keep('Nobody is there');
  await keepHours(owner, false);
  await chat.close();
  return kept;
}

/** All states beside each other, as README shows them. */
async function sheet(browser, name, theme, kept) {
  const { page, context } = await person(browser, { viewport: { width: 1320, height: 1500 } });
  const cards = kept.map(
    ([title, png]) =>
      `<figure><img src="data:image/png;base64,${png.toString('base64')}"><figcaption>${title}</figcaption></figure>`,
  );
  const [back, text] = theme === 'dark' ? ['#0e0f12', '#a9adba'] : ['#eef0f6', '#535664'];
  await page.setContent(`<style>
    body { display: grid; grid-template-columns: repeat(3, 1fr); gap: 28px 24px; margin: 0; padding: 32px; background: ${back}; }
    figure { margin: 0; text-align: center; font: 600 17px Inter, system-ui, sans-serif; color: ${text}; }
    img { width: 100%; border-radius: 20px; box-shadow: 0 12px 40px rgb(23 24 29 / 16%); } figcaption { padding-top: 12px; }
  </style>${cards.join('')}`);
  await page.locator('img').last().waitFor();
  await shoot(page, name, { fullPage: true });
  await context.close();
}

async function shop(browser, agent) {
  for (const [name, customer, options] of [
    ['shop', 'Ida', {}],
    ['widget-phone', 'Jan', { ...PHONE, query: '?theme=dark', colorScheme: 'dark' }],
  ]) {
    const chat = await (await shopper(browser, options)).open();
    await chat.say('My lamp arrived broken');
    await chat.isCalled(customer);
    const { id } = await chat.conversation();
    await aiSays(id, 'I am sorry to hear that.', 0.3);
    await chat.isTitled(/^Chatting with/u);
    await openConversation(agent.page, customer);
    await reply(agent.page, 'Hi, I am Sarah. A new one goes out today, and you need not send the old one back.');
    await chat.shows('A new one goes out today');
    await shoot(chat.page, name);
    await ok(admin().from('conversations').update({ status: 'closed' }).eq('id', id));
    await chat.close();
  }
}

async function main() {
  await mkdir(folder, { recursive: true });
  const server = await startServer(controller.signal);
  Object.assign(process.env, {
    HANDOFF_URL: server.url,
    HANDOFF_PAGES_URL: server.pagesUrl,
    HANDOFF_DATABASE_URL: server.databaseUrl,
  });
  const browser = await launch();
  try {
    const { owner } = await tidyUp();
    const sarah = await teammate(browser, 'sarah@example.com');
    await setStatus(sarah.page, 'Online');
    for (const theme of ['light', 'dark']) {
      await sheet(
        browser,
        theme === 'light' ? 'widget-states' : 'widget-states-dark',
        theme,
        await states(browser, owner, sarah, theme),
      );
    }
    await shop(browser, sarah);
    for (const [path, name, text] of [
      ['luna.html', 'Hugo', 'Is the cable of the Luna white?'],
      ['shipping.html', 'Lena', 'Do you ship to Norway?'],
    ]) {
      const chat = await (await shopper(browser, { path: `/shop/${path}` })).open();
      await chat.say(text);
      await chat.isCalled(name);
    }
    const mike = await teammate(browser, 'mike@example.com');
    await fillInbox(sarah);
    await setStatus(mike.page, 'Busy');
    await pages(sarah);
    await offer(owner, sarah);
    await ownersPages(await teammate(browser, 'owner@example.com'));
  } finally {
    await browser.close();
    await everybodyLeaves();
    await server.stop();
  }
}

await main();
