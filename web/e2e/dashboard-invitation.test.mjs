// From the mail of an invitation into the team: the page that its link leads to, with everything that can be wrong with the link.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertAccessible, assertNoFaults, launch, pagesUrl, person, picture } from './browser.mjs';
import { sql } from './database.mjs';
import { teammate } from './dashboard.mjs';
import { admin, everybodyLeaves, PASSWORD, PROJECT } from './people.mjs';
import { ok, tidyUp } from './scene.mjs';

let browser;
let owner;
let boss;

before(async () => {
  ({ owner } = await tidyUp());
  browser = await launch();
  boss = await teammate(browser, 'owner@example.com');
});
after(async () => {
  await browser?.close();
  await everybodyLeaves();
});

const invite = (email, role = 'agent') =>
  ok(owner.rpc('invite_member', { p_project_id: PROJECT, p_email: email, p_role: role }));

/** The address in the mail that waits to be sent: {HANDOFF_PUBLIC_URL}/accept?token=... */
async function linkTo(email) {
  const [{ token }] = await sql(
    `select data ->> 'token' as token from handoff.mail_outbox where kind = 'invitation' and recipient = $1 order by id desc`,
    [email],
  );
  return `${pagesUrl()}/accept?token=${token}`;
}

async function withAccount(email) {
  const { error } = await admin().auth.admin.createUser({ email, password: PASSWORD, email_confirm: true });
  if (error) throw error;
  return email;
}

async function follow(link) {
  const one = await person(browser);
  await one.page.goto(link);
  return one;
}

async function fillIn({ page }, email, { name, password = PASSWORD } = {}) {
  if (name === undefined) await page.getByText('I have an account').click();
  else await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
}

const press = ({ page }, name) => page.getByRole('button', { name }).click();
const isTitled = ({ page }, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const inboxOf = ({ page }) => page.getByRole('button', { name: /^Your status/u }).waitFor();
const memberOf = async (email) =>
  (await ok(admin().from('project_members').select('status,role,name').eq('email', email)))[0];

/** Whom the browser's own words in the console are part of the scene: a refusal is an answer other than 200. */
const apartFromRefusals = (one, ...codes) => ({
  faults: one.faults.filter((text) => !codes.some((code) => text.includes(`status of ${code}`))),
});

test('somebody new makes an account, is in the team and in the inbox, and the team sees them', async () => {
  await invite('nina@example.com');
  const nina = await follow(await linkTo('nina@example.com'));
  await isTitled(nina, 'You are invited');
  await assertAccessible(nina.page, 'the page of an invitation');
  await picture(nina.page, 'dashboard-accept');
  await fillIn(nina, 'nina@example.com', { name: 'Nina Novak' });
  await press(nina, 'Create account and join');
  await inboxOf(nina);
  assert.equal(new URL(nina.page.url()).pathname, '/dashboard/inbox/all', 'the token is no longer in the address');
  assert.deepEqual(await memberOf('nina@example.com'), { status: 'active', role: 'agent', name: 'Nina Novak' });
  await boss.page.goto(`${pagesUrl()}/dashboard/team`);
  await boss.page
    .getByRole('row', { name: /Nina Novak/u })
    .getByText('Offline')
    .waitFor();
  assertNoFaults(nina);
  await nina.context.close();
});

test('somebody with an account signs in; who forgot that they have one is told', async () => {
  const omar = await withAccount('omar@example.com');
  await invite(omar, 'admin');
  const one = await follow(await linkTo(omar));
  await fillIn(one, omar, { name: 'Omar' });
  await press(one, 'Create account and join');
  await one.page.getByText('There is an account with this address already').waitFor();
  await one.page.getByLabel('Password').fill('not the password');
  await press(one, 'Sign in and join');
  await one.page.getByText('Address and password do not match an account.').waitFor();
  await one.page.getByLabel('Password').fill(PASSWORD);
  await press(one, 'Sign in and join');
  await inboxOf(one);
  assert.deepEqual((await memberOf(omar)).role, 'admin');
  assertNoFaults(apartFromRefusals(one, 422, 400));
  await one.context.close();
});

test('who is signed in already is asked, and not joined by opening a link', async () => {
  const pia = await withAccount('pia@example.com');
  await invite(pia);
  const one = await person(browser);
  await one.page.goto(`${pagesUrl()}/dashboard/`);
  await one.page.getByLabel('Email').fill(pia);
  await one.page.getByLabel('Password').fill(PASSWORD);
  await press(one, 'Sign in');
  await isTitled(one, 'You are invited');
  await one.page.goto(await linkTo(pia));
  const join = one.page.getByRole('button', { name: /^Join .* as agent$/u });
  await join.waitFor();
  assert.equal((await memberOf(pia)).status, 'pending');
  await join.click();
  await inboxOf(one);
  await one.page.goBack();
  await one.context.close();
});

test('an address that is to be confirmed first: the page says where the mail leads', async () => {
  await invite('rosa@example.com');
  const rosa = await person(browser);
  // What Supabase Auth answers where "Confirm email" is on: a user and no session.
  let asked;
  await rosa.page.route('**/auth/v1/signup**', async (route) => {
    asked = new URL(route.request().url());
    await route.fulfill({
      headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' },
      json: {
        id: '6f1d1f3a-4a7b-4d62-9a53-0c7b1d2e3f04',
        aud: 'authenticated',
        role: 'authenticated',
        email: 'rosa@example.com',
        confirmation_sent_at: new Date().toISOString(),
        identities: [],
        app_metadata: {},
        user_metadata: {},
        created_at: new Date().toISOString(),
      },
    });
  });
  const link = await linkTo('rosa@example.com');
  await rosa.page.goto(link);
  await fillIn(rosa, 'rosa@example.com', { name: 'Rosa' });
  await press(rosa, 'Create account and join');
  await isTitled(rosa, 'Look into your mail');
  const back = link.replace('/accept', '/dashboard/accept');
  assert.equal(asked.searchParams.get('redirect_to'), back, 'the mail leads back to this page, with the token');
  await assertAccessible(rosa.page, 'look into your mail');
  await press(rosa, 'Back');
  await isTitled(rosa, 'You are invited');
  assertNoFaults(rosa);
  await rosa.context.close();
});

test('an invitation for somebody else lets nobody in, and says whose account it needs', async () => {
  const [eve, zoe] = [await withAccount('eve@example.com'), await withAccount('zoe@example.com')];
  await invite(zoe);
  const one = await follow(await linkTo(zoe));
  await fillIn(one, eve);
  await press(one, 'Sign in and join');
  await isTitled(one, 'This invitation is for another address');
  await one.page.getByText('Signed in as eve@example.com').waitFor();
  await assertAccessible(one.page, 'an invitation for somebody else');
  await picture(one.page, 'dashboard-accept-foreign');
  assert.equal((await memberOf(zoe)).status, 'pending');
  await press(one, 'Use another account');
  await fillIn(one, zoe);
  await press(one, 'Sign in and join');
  await inboxOf(one);
  assertNoFaults(apartFromRefusals(one, 403));
  await one.context.close();
});

test('an invitation that has expired says so', async () => {
  const late = await withAccount('late@example.com');
  await invite(late);
  await sql(`update public.project_members set invitation_expires_at = now() - interval '1 minute' where email = $1`, [
    late,
  ]);
  const one = await follow(await linkTo(late));
  await fillIn(one, late);
  await press(one, 'Sign in and join');
  await isTitled(one, 'This invitation has expired');
  assertNoFaults(apartFromRefusals(one, 410));
  await one.context.close();
});

test('a link that was used leads whoever used it to the inbox, and nobody else into it', async () => {
  const uma = await withAccount('uma@example.com');
  await invite(uma);
  const link = await linkTo(uma);
  const one = await follow(link);
  await fillIn(one, uma);
  await press(one, 'Sign in and join');
  await inboxOf(one);
  await one.page.goto(link);
  await press(one, 'Join the team');
  await isTitled(one, 'This invitation can no longer be used');
  await press(one, 'Open the inbox');
  await inboxOf(one);
  await one.context.close();
  const max = await withAccount('max@example.com');
  const other = await follow(link);
  await fillIn(other, max);
  await press(other, 'Sign in and join');
  await isTitled(other, 'This invitation can no longer be used');
  await press(other, 'Open the inbox');
  await isTitled(other, 'No inbox for you yet');
  await other.context.close();
});

test('a link that was cut or made up asks nobody for an account', async () => {
  const one = await person(browser);
  for (const query of ['', '?token=', '?token=abc', '?token=%3Cscript%3E', `?token=${'x'.repeat(64)}`]) {
    await one.page.goto(`${pagesUrl()}/accept${query}`);
    await isTitled(one, 'This link is not whole');
    assert.equal(await one.page.getByLabel('Password').count(), 0);
  }
  await assertAccessible(one.page, 'a link that is not whole');
  const made = `${pagesUrl()}/accept?token=${'0'.repeat(64)}`;
  await one.page.goto(made);
  await fillIn(one, 'max@example.com');
  await press(one, 'Sign in and join');
  await isTitled(one, 'This invitation can no longer be used');
  assertNoFaults(apartFromRefusals(one, 404));
  await one.context.close();
});

test('a phone in the dark shows all of it', async () => {
  await invite('vera@example.com');
  const vera = await person(browser, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await vera.page.goto(await linkTo('vera@example.com'));
  await isTitled(vera, 'You are invited');
  await assertAccessible(vera.page, 'the page of an invitation on a phone in the dark');
  const overflow = await vera.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(overflow, 0);
  await picture(vera.page, 'dashboard-accept-phone');
  assertNoFaults(vera, boss);
  await vera.context.close();
});
