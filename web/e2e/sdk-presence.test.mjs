// Presence in a real Chromium: an agent whose page is there must never be shown offline. The leases are the server's own: 90 s for
// an agent, 180 s for a hidden one, 30 s for a visitor whom somebody watches. The tests run side by side, because they mostly wait.
//
// Hidden and frozen tabs are real ones, in a Chromium whose other tab is in front. It slows hidden tabs to one timer a minute, after
// ten seconds instead of five minutes; workers are left alone.

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';

import { launch, PATIENCE_MS } from './browser.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, member, PASSWORD, PROJECT, PUBLISHABLE_KEY, serverUrl } from './people.mjs';
import { startSite } from './presence/site.mjs';
import { launchTabs } from './presence/tabs.mjs';

/** How long the hidden tab stays hidden. */
const HIDDEN_MS = Number(process.env.HANDOFF_HIDDEN_SECONDS ?? 150) * 1000;
const SLOW_SOON = '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10';
const FROZEN_MS = 70_000; // more than two intervals, and more than a hidden page's one
const LEASE_SECONDS = 30;
const SETTINGS = { url: process.env.HANDOFF_URL, key: PUBLISHABLE_KEY, projectId: PROJECT };

let site;
let browser;
let tabs;

before(async () => {
  serverUrl();
  [site, browser, tabs] = await Promise.all([startSite(), launch(), launchTabs(SLOW_SOON)]);
});
after(async () => {
  await Promise.all([browser?.close(), tabs?.close()]);
  site?.stop();
  await everybodyLeaves();
});

/** A page of the site in a browser of its own, or in the given context. */
async function open(path = '/', context = undefined) {
  const own = context ?? (await browser.newContext());
  const page = await own.newPage();
  await page.goto(site.url + path);
  return page;
}

async function agentPage(path, context) {
  const page = await open(path, context);
  await startAgent(page);
  return page;
}

/** An agent's tab behind another one, so that it is hidden, with a record of what the browser does to it. */
async function hiddenTab(path = '/') {
  const tab = await tabs.open(site.url + path);
  await startAgent(tab);
  await tab.evaluate(() => {
    window.lifecycle = [];
    for (const name of ['visibilitychange', 'freeze', 'resume']) {
      document.addEventListener(name, () => window.lifecycle.push(`${name} ${document.visibilityState}`));
    }
    window.ticks = [];
    setInterval(() => window.ticks.push(Date.now()), 1_000);
  });
  await tabs.open('about:blank');
  await eventually(() => tab.evaluate(() => document.visibilityState === 'hidden'), 'the tab is hidden');
  return tab;
}

const startAgent = (page) =>
  page.evaluate((settings) => window.startAgent(settings), {
    ...SETTINGS,
    email: 'sarah@example.com',
    password: PASSWORD,
  });
const idOf = (page) => page.evaluate(() => window.connectionId());
/** Beats that were answered since the given moment of the page's clock. */
const answered = (page, since = 0) =>
  page.evaluate((from) => window.beats.filter(({ step, at }) => step === 'answered' && at > from), since);
const now = (page) => page.evaluate(() => Date.now());

/** The server's record of a connection: one session for each time it came, none of them over while it is there. */
const sessions = (id) =>
  sql('select left_at, leave_reason from public.presence_sessions where connection_id = $1 order by entered_at', [id]);
const stateOf = async (id) =>
  (await sql('select state from handoff.presence_leases where connection_id = $1', [id]))[0]?.state;
const isLive = async (id) =>
  (await sql('select 1 from handoff.presence_leases where connection_id = $1 and expires_at > now()', [id])).length ===
  1;

async function assertNeverLeft(id) {
  assert.deepEqual(await sessions(id), [{ left_at: null, leave_reason: null }], 'one session, and it goes on');
  assert.ok(await isLive(id), 'its lease holds');
}

/** Waits for what the page or the server will show. */
async function eventually(look, what, deadlineMs = PATIENCE_MS) {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs / 1000} s: ${what}`);
    await wait(200);
  }
}

const beatsAgain = (page, since, what, deadlineMs) =>
  eventually(async () => (await answered(page, since)).length > 0, what, deadlineMs);

const longestGap = (moments) => Math.max(...moments.slice(1).map((at, index) => at - moments[index])) / 1000;

describe('presence in Chromium', { concurrency: true }, () => {
  for (const [path, timer] of [
    ['/', 'with a worker for its timer'],
    ['/strict/', 'where the policy forbids workers'],
  ]) {
    test(`a hidden tab with one timer a minute is never offline, ${timer}`, async (t) => {
      const tab = await hiddenTab(path);
      const id = await idOf(tab);
      await wait(HIDDEN_MS); // the claim is about time going by
      await assertNeverLeft(id);
      const slowest = longestGap(await tab.evaluate(() => window.ticks));
      assert.ok(slowest > 30, `the browser slowed the page's timers: ${slowest} s between two of one second`);
      const beats = (await answered(tab)).map(({ at }) => at);
      assert.ok(beats.length >= 1 + Math.floor(HIDDEN_MS / 66_000), `beats came: ${beats.length}`);
      const longest = longestGap([...beats, await now(tab)]);
      t.diagnostic(`hidden ${HIDDEN_MS / 1000} s: ${beats.length} beats, ${longest} s apart, timers ${slowest} s`);
      assert.ok(longest < 90, `no gap near the lease of 180 s: ${longest} s`);
    });
  }

  test('a frozen tab sends nothing, keeps its place while its lease holds, and beats at once when it is resumed', async () => {
    const tab = await hiddenTab();
    const id = await idOf(tab);
    await eventually(async () => (await stateOf(id)) === 'hidden', 'it has said that it is hidden');
    await assertFrozen(tab, id, FROZEN_MS);
    const resumed = await now(tab);
    await tab.lifecycle('active');
    await beatsAgain(tab, resumed, 'a beat after the resume', 10_000);
    await assertNeverLeft(id);
  });

  test('a tab that is frozen for longer than its lease is lost once, and is there with its first beat', async () => {
    const tab = await hiddenTab();
    const id = await idOf(tab);
    await eventually(async () => (await stateOf(id)) === 'hidden', 'it has said that it is hidden');
    await tab.lifecycle('frozen');
    // Three minutes go by for the lease.
    await sql(
      `update handoff.presence_leases set beat_at = beat_at - interval '3 minutes', expires_at = expires_at - interval '3 minutes',
              lease_seconds = 1, bucket = bucket - 180000 where connection_id = $1`,
      [id],
    );
    await eventually(async () => (await sessions(id))[0].left_at !== null, 'its lease is over');
    await wait(6_000); // a page that beat within five seconds knows that its lease holds
    await tab.lifecycle('active');
    await eventually(() => isLive(id), 'it is there again', 10_000);
    const reasons = (await sessions(id)).map(({ leave_reason }) => leave_reason);
    assert.deepEqual(reasons, ['lost', null], 'lost once, and there since');
  });

  test('60 seconds without network are bridged, and the first beat comes with the network', async () => {
    const page = await agentPage();
    const id = await idOf(page);
    await page.context().setOffline(true);
    const since = await now(page);
    await wait(60_000);
    assert.deepEqual(await answered(page, since + 1_000), [], 'nothing got through');
    await page.context().setOffline(false);
    await beatsAgain(page, since + 55_000, 'a beat after the network came back', 10_000);
    await assertNeverLeft(id);
  });

  test('a sleeping machine: a browser that was stopped goes on where it was', async () => {
    const sleeper = await launchWithPid();
    try {
      const context = await sleeper.browser.newContext();
      const page = await agentPage('/', context);
      const id = await idOf(page);
      await sleeper.signal('SIGSTOP');
      await wait(60_000);
      await sleeper.signal('SIGCONT');
      await beatsAgain(page, Date.now() - 1_000, 'a beat after waking', 15_000);
      await assertNeverLeft(id);
    } finally {
      await sleeper.close();
    }
  });

  test('a reload and a walk to the next page are the same connection', async () => {
    const page = await agentPage();
    const id = await idOf(page);
    await page.reload();
    await startAgent(page);
    assert.equal(await idOf(page), id);
    await page.goto(`${site.url}/another/page`);
    await startAgent(page);
    assert.equal(await idOf(page), id);
    const entered = await now(page);
    await page.evaluate(() => history.pushState(null, '', '/third'));
    // The old page's good-bye may come after the new page's hello; the place must outlive its 15 seconds of grace.
    await wait(22_000);
    assert.ok((await answered(page, entered)).length > 0, 'the beat that answers a late good-bye');
    await assertNeverLeft(id);
  });

  test('each tab is a connection of its own; closing one leaves the other', async () => {
    const context = await browser.newContext();
    const first = await agentPage('/', context);
    const second = await agentPage('/', context);
    const [kept, closed] = [await idOf(first), await idOf(second)];
    assert.notEqual(kept, closed);
    await second.close({ runBeforeUnload: true }); // as a person closes it: the page hears of it
    const reason = async () => (await sessions(closed)).at(-1).leave_reason;
    assert.equal(await eventually(reason, 'the closed tab is gone after its grace', 45_000), 'pagehide');
    await assertNeverLeft(kept);
  });

  test('a killed browser is found within its lease and five seconds', async (t) => {
    const victim = await launchWithPid();
    t.after(() => victim.close());
    const page = await open('/', await victim.browser.newContext());
    const conversation = await page.evaluate((settings) => window.startVisitor(settings), SETTINGS);
    const id = await idOf(page);
    await eventually(() => isLive(id), 'the visitor is there');
    const sarah = await member();
    const { error } = await sarah.rpc('watch_conversation', { p_conversation_id: conversation });
    assert.equal(error, null);
    const fast = async () => (await answered(page)).some(({ leaseMs }) => leaseMs === LEASE_SECONDS * 1000);
    // With the push; and Realtime may lose that, with the next beat, within a minute.
    await eventually(fast, 'it is told to beat fast', 75_000);
    await victim.signal('SIGKILL');
    const killed = Date.now();
    const look = async () => (await sessions(id)).at(-1)?.left_at ?? null;
    await eventually(look, 'found to be gone', (LEASE_SECONDS + 20) * 1000);
    const [{ lasted, after_lease: late }] = await sql(
      `select extract(epoch from left_at - last_seen_at)::float8 as lasted,
              extract(epoch from left_at - last_seen_at)::float8 - $2 as after_lease
         from public.presence_sessions where connection_id = $1 order by entered_at desc limit 1`,
      [id, LEASE_SECONDS],
    );
    assert.ok(late <= 5, `${lasted} s after its last beat, ${(Date.now() - killed) / 1000} s after the kill`);
    assert.equal((await sessions(id)).at(-1).leave_reason, 'lost');
  });
});

/** Freezes the tab for so long, and proves it: nothing runs in it and nothing comes from it. */
async function assertFrozen(tab, id, ms) {
  await tab.lifecycle('frozen');
  const since = await now(tab);
  const beats = async () =>
    (await sql('select beats from handoff.presence_leases where connection_id = $1', [id]))[0].beats;
  const before = await beats();
  await wait(ms);
  assert.equal(await beats(), before, 'no beat came while it was frozen');
  assert.deepEqual(
    await tab.evaluate((from) => window.ticks.filter((at) => at > from + 1_000), since),
    [],
    'no timer ran',
  );
  assert.equal(await tab.evaluate(() => window.lifecycle.at(-1)), 'freeze hidden', 'the page was told');
}

/** A browser that can be stopped and killed as a whole: with all its processes. */
async function launchWithPid() {
  const { launchServer } = await import('./presence/process.mjs');
  return launchServer();
}
