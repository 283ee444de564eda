// A forgotten password: the link on the sign-in page, the mail, the page that its link opens, and what of it tells nobody who has
// an account.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, pagesUrl, person, picture } from './browser.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, PASSWORD } from './people.mjs';
import { tidyUp } from './scene.mjs';

let browser;

before(async () => {
  await tidyUp();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

const RESET = () => `${pagesUrl()}/dashboard/reset`;

const press = ({ page }, name) => page.getByRole('button', { name, exact: true }).click();
const isTitled = ({ page }, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const inboxOf = ({ page }) => page.getByRole('button', { name: /^Your status/u }).waitFor();

/** Whom the browser's own words in the console are part of the scene: a refusal is an answer other than 200. */
const apartFromRefusals = (one, ...codes) => ({
  faults: one.faults.filter((text) => !codes.some((code) => text.includes(`status of ${code}`))),
});

async function visit(path, options) {
  const one = await person(browser, options);
  await one.page.goto(`${pagesUrl()}/dashboard${path}`);
  return one;
}

/** Asks for the link; answers with where the page wants it to lead. */
async function ask(one, email) {
  const request = one.page.waitForRequest('**/auth/v1/recover**');
  await one.page.getByLabel('Email').fill(email);
  await press(one, 'Send the link');
  const asked = new URL((await request).url());
  await isTitled(one, 'Look into your mail');
  return asked.searchParams.get('redirect_to');
}

/** What the mail holds: the token of the address that asked last. */
async function tokenOf(email) {
  const [{ token }] = await sql('select recovery_token as token from auth.users where email = $1', [email]);
  assert.match(token, /^[0-9a-f]{56}$/u);
  return token;
}

/** The link of Supabase's own template: Auth checks it and leads on. */
async function linkTo(email, redirectTo = RESET()) {
  const query = new URLSearchParams({ token: await tokenOf(email), type: 'recovery', redirect_to: redirectTo });
  return `${process.env.HANDOFF_URL}/auth/v1/verify?${query}`;
}

async function choose(one, password) {
  await one.page.getByLabel('New password').fill(password);
  await press(one, 'Change the password');
}

async function signInWith(one, email, password) {
  await one.page.getByLabel('Email').fill(email);
  await one.page.getByLabel('Password').fill(password);
  await press(one, 'Sign in');
}

test('who forgot the password asks for a link, chooses a new one and is in the inbox; the link is good once', async () => {
  const one = await visit('/');
  await one.page.getByLabel('Email').fill('sarah@example.com');
  await one.page.getByRole('link', { name: 'Forgot password?' }).click();
  await isTitled(one, 'Forgot your password?');
  assert.equal(await one.page.getByLabel('Email').inputValue(), 'sarah@example.com', 'what was typed is kept');
  await assertAccessible(one.page, 'the page that sends the link');
  await picture(one.page, 'dashboard-forgot');
  assert.equal(await ask(one, 'sarah@example.com'), RESET());
  await assertAccessible(one.page, 'look into your mail');
  const link = await linkTo('sarah@example.com');
  await one.page.goto(link);
  await isTitled(one, 'Choose a new password');
  await one.page.getByText('For sarah@example.com').waitFor();
  await assertAccessible(one.page, 'the page of a new password');
  await picture(one.page, 'dashboard-reset');
  await choose(one, PASSWORD);
  await one.page.getByText('That is the password you have already').waitFor();
  await choose(one, 'a-new-password');
  await one.page.getByText('Your password is changed').waitFor();
  await inboxOf(one);
  assert.equal(new URL(one.page.url()).pathname, '/dashboard/inbox/all');
  await one.context.close();

  const again = await person(browser);
  await again.page.goto(link);
  await isTitled(again, 'This link can no longer be used');
  await assertAccessible(again.page, 'a link that was used');
  await press(again, 'Back to sign in');
  await signInWith(again, 'sarah@example.com', PASSWORD);
  await again.page.getByText('Address and password do not match an account.').waitFor();
  await signInWith(again, 'sarah@example.com', 'a-new-password');
  await inboxOf(again);
  assertNoFaults(apartFromRefusals(one, 422), apartFromRefusals(again, 400));
  await again.context.close();
});

test('nothing that is shown tells whether an address has an account', async () => {
  const shown = async (email, answer) => {
    const one = await visit('/forgot');
    if (answer !== undefined) {
      const headers = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };
      await one.page.route('**/auth/v1/recover**', (route) =>
        route.request().method() === 'POST' ? route.fulfill({ headers, ...answer }) : route.fallback(),
      );
    }
    await ask(one, email);
    const text = await one.page.getByRole('main').innerText();
    assertNoFaults(apartFromRefusals(one, 429, 500));
    await one.context.close();
    return text.replaceAll(email, 'ADDRESS');
  };
  const known = await shown('mike@example.com');
  assert.equal(await shown('nobody@example.com'), known);
  // Auth counts mails and fails to send them only where there is somebody to send them to.
  const refusal = (error_code) => ({ code: 429, error_code, msg: 'only after 42 seconds' });
  assert.equal(await shown('mike@example.com', { status: 429, json: refusal('over_email_send_rate_limit') }), known);
  assert.equal(await shown('mike@example.com', { status: 500, json: refusal('unexpected_failure') }), known);
});

test('without a network the page says so, and the mail can be asked for again', async () => {
  const one = await visit('/forgot');
  await isTitled(one, 'Forgot your password?');
  await one.goOffline(true);
  await one.page.getByLabel('Email').fill('mike@example.com');
  await press(one, 'Send the link');
  await one.page.getByText('Nobody answers.').waitFor();
  await one.goOffline(false);
  await ask(one, 'mike@example.com');
  assertNoFaults(one);
  await one.context.close();
});

test('a template of one’s own leads to the page itself: opening it uses nothing up', async () => {
  const one = await visit('/forgot');
  await ask(one, 'mike@example.com');
  const hash = await tokenOf('mike@example.com');
  await one.page.goto(`${RESET()}?token_hash=${hash}&type=recovery`);
  await isTitled(one, 'Choose a new password');
  assert.equal(await tokenOf('mike@example.com'), hash, 'a program that opens links has taken nothing');
  await choose(one, PASSWORD);
  await one.page.getByText('That is the password you have already').waitFor();
  await choose(one, 'another-password');
  await inboxOf(one);
  await one.page.goto(`${RESET()}?token_hash=${hash}&type=recovery`);
  await choose(one, 'a-third-password');
  await isTitled(one, 'This link can no longer be used');
  await press(one, 'Open the inbox');
  await inboxOf(one);
  assertNoFaults(apartFromRefusals(one, 403, 422));
  await one.context.close();
});

test('a link that has expired leads to a new one', async () => {
  const one = await visit('/forgot');
  await ask(one, 'owner@example.com');
  const link = await linkTo('owner@example.com');
  await sql(`update auth.users set recovery_sent_at = now() - interval '61 minutes' where email = 'owner@example.com'`);
  await one.page.goto(link);
  await isTitled(one, 'This link can no longer be used');
  await press(one, 'Send a new link');
  await isTitled(one, 'Forgot your password?');
  await ask(one, 'owner@example.com');
  await one.page.goto(await linkTo('owner@example.com'));
  await isTitled(one, 'Choose a new password');
  await one.page.reload();
  await isTitled(one, 'Choose a new password');
  await choose(one, 'the-owners-password');
  await inboxOf(one);
  assertNoFaults(one);
  await one.context.close();
});

test('where the link leads to the address of the site, a new password comes first all the same', async () => {
  const one = await visit('/forgot');
  await ask(one, 'owner@example.com');
  await one.page.goto(await linkTo('owner@example.com', `${pagesUrl()}/dashboard/`));
  await isTitled(one, 'Choose a new password');
  await choose(one, PASSWORD);
  await inboxOf(one);
  await one.page.reload();
  await inboxOf(one);
  assertNoFaults(one);
  await one.context.close();
});

test('who comes without a link, on a phone in the dark, is helped on', async () => {
  const one = await visit('/reset', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await isTitled(one, 'This link can no longer be used');
  await assertAccessible(one.page, 'no link, on a phone in the dark');
  await press(one, 'Send a new link');
  await isTitled(one, 'Forgot your password?');
  await assertAccessible(one.page, 'the page that sends the link, on a phone in the dark');
  const overflow = await one.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(overflow, 0);
  await press(one, 'Back to sign in');
  await isTitled(one, 'Sign in to your inbox');
  await assertAccessible(one.page, 'the sign-in page with its link');
  assertNoFaults(one);
  await one.context.close();
});
