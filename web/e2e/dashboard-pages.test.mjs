// Visitors, team, settings; whether assistive technology can use every page; and 5,000 conversations.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, pagesUrl, person, picture } from './browser.mjs';
import { lineOf, listOf, openConversation, setStatus, signIn, teammate, transcriptOf } from './dashboard.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, PROJECT, until } from './people.mjs';
import { aiSays, guest, ok, tidyUp } from './scene.mjs';

let browser;
let boss;
let owner;
let service;

before(async () => {
  ({ owner, service } = await tidyUp());
  browser = await launch();
  boss = await teammate(browser, 'owner@example.com');
});
after(async () => {
  await service?.from('project_members').delete().eq('email', 'nina@example.com');
  await browser?.close();
  await everybodyLeaves();
});

const goTo = (path) => boss.page.goto(`${pagesUrl()}/dashboard${path}`);
const savedSettings = () => ok(owner.rpc('get_handoff_settings', { p_project_id: PROJECT }));

test('the sign-in page refuses a wrong password and can be used by everybody', async () => {
  const one = await person(browser);
  await one.page.goto(`${pagesUrl()}/dashboard/`);
  await one.page.getByLabel('Email').fill('sarah@example.com');
  await assertAccessible(one.page, 'sign in');
  await picture(one.page, 'dashboard-sign-in');
  await one.page.getByLabel('Password').fill('wrong');
  await one.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await one.page.getByRole('status').getByText('Address and password do not match an account.').waitFor();
  await one.context.close();
});

test('settings are checked field by field before they are sent, and saved', async () => {
  await goTo('/settings/handoff');
  const chats = boss.page.getByLabel('Chats at once, for new agents');
  await chats.fill('99');
  await boss.page.getByText('Between 1 and 50').waitFor();
  await boss.page.getByRole('button', { name: 'Save changes' }).click();
  await boss.page.getByText('Some fields need attention').waitFor();
  assert.equal((await savedSettings()).default_max_concurrent_chats, 5);
  await chats.fill('7');
  await boss.page.getByRole('textbox', { name: 'Keywords' }).fill('Real Person,');
  await boss.page.getByRole('button', { name: 'Save changes' }).click();
  await boss.page.getByText('Saved', { exact: true }).waitFor();
  const saved = await savedSettings();
  assert.equal(saved.default_max_concurrent_chats, 7);
  assert.ok(saved.auto_triggers.keywords.includes('real person'));
  await assertAccessible(boss.page, 'settings');
  await picture(boss.page, 'dashboard-settings');
});

test('business hours: several ranges, past midnight, and a holiday', async () => {
  await goTo('/settings/hours');
  await boss.page.getByRole('switch', { name: 'Enable business hours' }).click();
  const friday = boss.page.getByRole('listitem', { name: 'Friday' });
  await friday.getByLabel('Friday opens').fill('22:00');
  await friday.getByLabel('Friday closes').fill('02:00');
  await friday.getByText('next day').waitFor();
  const monday = boss.page.getByRole('listitem', { name: 'Monday' });
  await monday.getByLabel('Monday closes').fill('12:00');
  await monday.getByRole('button', { name: 'More hours on Monday' }).click();
  await monday.getByLabel('Monday opens').last().fill('11:00');
  await monday.getByText('These hours overlap').waitFor();
  await monday.getByLabel('Monday opens').last().fill('13:00');
  await boss.page.getByRole('button', { name: 'Save changes' }).click();
  await boss.page.getByText('Saved', { exact: true }).waitFor();
  const { business_hours: hours } = await savedSettings();
  assert.deepEqual(hours.friday, { start: '22:00', end: '02:00', overnight: true, enabled: true });
  assert.equal(hours.monday.ranges.length, 2);
  await boss.page.getByRole('button', { name: 'Add a date' }).click();
  await boss.page.getByLabel('Date', { exact: true }).fill('2030-12-25');
  await boss.page.getByLabel('Name').fill('Christmas');
  await boss.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await boss.page.getByText('Christmas', { exact: true }).waitFor();
  await assertAccessible(boss.page, 'business hours');
  await picture(boss.page, 'dashboard-hours');
  await ok(
    owner.rpc('update_handoff_settings', { p_project_id: PROJECT, p_settings: { business_hours_enabled: false } }),
  );
  await boss.page.getByRole('button', { name: 'Remove 2030-12-25' }).click();
  await boss.page.getByText('Christmas', { exact: true }).waitFor({ state: 'detached' });
});

test('canned responses and quick actions are written here, and refused where they are wrong', async () => {
  await goTo('/settings/canned');
  await boss.page.getByRole('button', { name: 'New response' }).click();
  await boss.page.getByLabel('Shortcut').fill('two words');
  await boss.page.getByLabel('Text').fill('Hello');
  await boss.page.getByRole('button', { name: 'Save' }).click();
  await boss.page.getByText(/one word of up to 40/u).waitFor();
  await boss.page.getByLabel('Shortcut').fill('/Hello');
  await boss.page.getByRole('button', { name: 'Save' }).click();
  await boss.page.getByText('/hello', { exact: true }).waitFor();
  await assertAccessible(boss.page, 'canned responses');
  await picture(boss.page, 'dashboard-canned-settings');
  await goTo('/settings/actions');
  await boss.page.getByRole('button', { name: 'New action' }).click();
  await boss.page.getByLabel('Name').fill('Account');
  await boss.page.getByLabel('Link').fill('javascript:alert(1)');
  await boss.page.getByRole('button', { name: 'Save' }).click();
  await boss.page.getByText(/no link that a quick action can open/u).waitFor();
  await boss.page.getByLabel('Link').fill('https://admin.example.com/{email}');
  await boss.page.getByRole('button', { name: 'Save' }).click();
  await boss.page.getByText('https://admin.example.com/{email}').waitFor();
});

test('somebody is invited, gets skills and a limit, and the invitation is withdrawn', async () => {
  await goTo('/team');
  await boss.page.getByRole('button', { name: 'Invite', exact: true }).click();
  const dialog = boss.page.getByRole('dialog');
  await dialog.getByLabel('Email').fill('no address');
  await dialog.getByRole('button', { name: 'Send invitation' }).click();
  await dialog.locator('[aria-invalid=true]').waitFor();
  await dialog.getByLabel('Email').fill('nina@example.com');
  await dialog.getByRole('button', { name: 'Send invitation' }).click();
  await boss.page
    .getByRole('row', { name: /nina@example.com/u })
    .getByText('Invited')
    .waitFor();
  await boss.page.getByRole('button', { name: 'Actions for Sarah Miller' }).click();
  await boss.page.getByRole('menuitem', { name: 'Edit' }).click();
  await dialog.getByLabel('Chats at once').fill('3');
  await dialog.getByRole('textbox', { name: 'Skills' }).fill('billing,');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const sarah = boss.page.getByRole('row', { name: /sarah@example.com/u });
  await sarah.getByText('billing').waitFor();
  await sarah.getByText('0 / 3').waitFor();
  await assertAccessible(boss.page, 'team');
  await picture(boss.page, 'dashboard-team');
  await boss.page.getByRole('button', { name: 'Actions for nina@example.com' }).click();
  await boss.page.getByRole('menuitem', { name: 'Withdraw the invitation' }).click();
  await dialog.getByRole('button', { name: 'Withdraw' }).click();
  await boss.page.getByRole('row', { name: /nina@example.com/u }).waitFor({ state: 'detached' });
});

test('visitors are shown as they come, with their journey', async () => {
  const ann = await guest('Ann', { says: 'Hi' });
  const page = (url, title) =>
    ok(
      ann.supabase.rpc('track_visit', {
        p_project_id: PROJECT,
        p_visitor_id: ann.client.visitorId,
        p_url: url,
        p_title: title,
      }),
    );
  await page('https://shop.example/', 'Home');
  await page('https://shop.example/pricing', 'Pricing');
  await goTo('/visitors');
  const line = boss.page.getByRole('row', { name: /Ann/u });
  await line.waitFor();
  await assertAccessible(boss.page, 'visitors');
  await picture(boss.page, 'dashboard-visitors');
  await line.getByRole('button', { name: 'Journey' }).click();
  await boss.page.getByRole('dialog').getByText('Pricing').first().waitFor();
  await picture(boss.page, 'dashboard-journey');
  await boss.page.keyboard.press('Escape');
  await line.getByRole('link', { name: 'Open chat' }).click();
  await boss.page.getByRole('heading', { level: 1, name: 'Ann' }).waitFor();
});

test('the inbox and a conversation can be used by everybody, in light and dark, on a phone', async () => {
  await setStatus(boss.page, 'Online');
  const bob = await guest('Bob', { says: 'My order is late' });
  await aiSays(bob.id, 'It should be there on Monday.', 0.83);
  await aiSays(bob.id, 'I am not sure.', 0.3);
  await until(bob.client, (s) => s.phase === 'agent_chat', 'Bob has an agent');
  await goTo('/inbox/all');
  await boss.page.getByText('Select a conversation').waitFor();
  await picture(boss.page, 'dashboard-welcome');
  await assertAccessible(boss.page, 'inbox');
  await openConversation(boss.page, 'Bob');
  await transcriptOf(boss.page).getByText('Confidence 30%').waitFor();
  await assertAccessible(boss.page, 'conversation');
  await boss.page.emulateMedia({ colorScheme: 'dark' });
  await assertAccessible(boss.page, 'conversation in the dark');
  await picture(boss.page, 'dashboard-dark');
  await boss.page.setViewportSize({ width: 390, height: 844 });
  await assertAccessible(boss.page, 'conversation on a phone');
  const overflow = await boss.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(overflow, 0, 'nothing stands out of a phone’s screen');
  await picture(boss.page, 'dashboard-phone');
  await boss.page.getByRole('link', { name: 'Back to the list' }).click();
  await lineOf(boss.page, 'Bob').waitFor();
  await boss.page.emulateMedia({ colorScheme: 'light' });
  await boss.page.setViewportSize({ width: 1440, height: 900 });
});

const MANY = 5_000;
const MOST_NODES = 1_500;

test('five thousand conversations scroll with a handful of lines in the document', async () => {
  await sql(
    `insert into public.conversations (project_id, visitor_id, customer_name, status, preview, created_at, last_message_at, closed_at)
     select $1, 'many-' || place, 'Guest ' || place, 'closed', 'Message ' || place,
            now() - interval '1 day' - place * interval '1 second', now() - interval '1 day' - place * interval '1 second', now()
       from generate_series(1, $2::integer) as place`,
    [PROJECT, MANY],
  );
  try {
    await goTo('/inbox/closed');
    const list = boss.page.getByTestId('conversation-list');
    await listOf(boss.page).getByRole('link').first().waitFor();
    const seen = await scrollThrough(list, `Guest ${MANY}`);
    assert.ok(seen.longest >= MANY * 70, `the list became ${seen.longest} px long`);
    assert.ok(seen.mostLines < 60, `at most ${seen.mostLines} lines at once`);
    assert.ok(seen.mostNodes < MOST_NODES, `at most ${seen.mostNodes} nodes at once`);
    console.log(`# list of ${MANY}: ${seen.mostLines} lines and ${seen.mostNodes} nodes at most, ${seen.longest} px`);
  } finally {
    await sql(`delete from public.conversations where visitor_id like 'many-%'`);
  }
});

/** Scrolls to the end until the line with this text is there; notes how much was in the document at most. */
async function scrollThrough(list, lastText) {
  return list.evaluate(async (element, text) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const most = { mostLines: 0, mostNodes: 0, longest: 0 };
    const deadline = Date.now() + 120_000;
    while (!element.textContent.includes(`${text}`) && Date.now() < deadline) {
      element.scrollTop = element.scrollHeight;
      await frame();
      most.mostLines = Math.max(most.mostLines, element.querySelectorAll('[role=listitem]').length);
      most.mostNodes = Math.max(most.mostNodes, document.querySelectorAll('*').length);
      most.longest = Math.max(most.longest, element.scrollHeight);
    }
    if (!element.textContent.includes(`${text}`)) throw new Error(`${text} was not reached at ${most.longest} px`);
    return most;
  }, lastText);
}

test('an invitation that waits is offered to who signs in without being a member', async () => {
  const created = await service.auth.admin.createUser({
    email: 'nora@example.com',
    password: 'handoff-demo',
    email_confirm: true,
  });
  const known = created.error === null || /already/iu.test(created.error.message);
  assert.ok(known, created.error?.message);
  await ok(owner.rpc('invite_member', { p_project_id: PROJECT, p_email: 'nora@example.com', p_name: 'Nora' }));
  const nora = await person(browser);
  await nora.page.goto(`${pagesUrl()}/dashboard/`);
  await nora.page.getByLabel('Email').fill('nora@example.com');
  await nora.page.getByLabel('Password').fill('handoff-demo');
  await nora.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await nora.page.getByRole('button', { name: /^Join Demo as agent/u }).click();
  await nora.page.getByRole('button', { name: /^Your status/u }).waitFor();
  await service.from('project_members').delete().eq('email', 'nora@example.com');
  await nora.context.close();
});

test('who signs out is out', async () => {
  await boss.page.getByRole('button', { name: /^Account of/u }).click();
  await boss.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await boss.page.getByRole('heading', { name: 'Sign in to your inbox' }).waitFor();
  // What the database was asked to refuse on purpose is logged by the browser.
  const provoked = /status of 400 .*(canned_responses|quick_actions|invite_member)/u;
  assertNoFaults({ faults: boss.faults.filter((fault) => !provoked.test(fault)) });
  await signIn(boss.page, 'owner@example.com');
});
