// Presence in a real Chromium: an agent whose page is there must never be shown offline. The leases are the server's own: 90 s for
// an agent, 180 s for a hidden one, 30 s for a visitor whom somebody watches. The tests run side by side, because they mostly wait.
//
// A hidden tab: headless Chromium does not throttle, so the page is made to: it says that it is hidden, and its timers
// run at whole minutes only, as Chrome's intensive throttling has it. Workers are left alone, as Chrome leaves them.

import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';

import { launch, PATIENCE_MS } from './browser.mjs';
import { sql } from './database.mjs';
import { everybodyLeaves, member, PASSWORD, PROJECT, PUBLISHABLE_KEY, serverUrl } from './people.mjs';
import { startSite } from './presence/site.mjs';

/** How long the hidden tab stays hidden. */
const HIDDEN_MS = Number(process.env.HANDOFF_HIDDEN_SECONDS ?? 150) * 1000;
const LEASE_SECONDS = 30;
const SETTINGS = { url: process.env.HANDOFF_URL, key: PUBLISHABLE_KEY, projectId: PROJECT };

let site;
let browser;

before(async () => {
  serverUrl();
  [site, browser] = await Promise.all([startSite(), launch()]);
});
after(async () => {
  await browser?.close();
  site?.stop();
  await everybodyLeaves();
});

/** A page of the site in a browser of its own, or in the given context. */
async function open(path = '/', context = undefined, prepare = undefined) {
  const own = context ?? (await browser.newContext());
  const page = await own.newPage();
  if (prepare) await page.addInitScript(prepare);
  await page.goto(site.url + path);
  return page;
}

async function agentPage(path, context, prepare) {
  const page = await open(path, context, prepare);
  await startAgent(page);
  return page;
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

/** Runs in the page before anything else: hidden, and timers at whole minutes. */
function throttle() {
  const real = window.setTimeout.bind(window);
  Object.defineProperty(document, 'visibilityState', { get: () => (window.isHidden ? 'hidden' : 'visible') });
  window.hide = () => {
    window.isHidden = true;
    document.dispatchEvent(new Event('visibilitychange'));
    window.setTimeout = (run, ms = 0, ...rest) => real(run, Math.max(ms, Math.ceil(ms / 60_000) * 60_000), ...rest);
  };
}

describe('presence in Chromium', { concurrency: true }, () => {
  for (const [path, timer] of [
    ['/', 'with a worker for its timer'],
    ['/strict/', 'where the policy forbids workers'],
  ]) {
    test(`a hidden tab with one timer a minute is never offline, ${timer}`, async () => {
      const page = await agentPage(path, undefined, throttle);
      const id = await idOf(page);
      await page.evaluate(() => window.hide());
      await wait(HIDDEN_MS); // the claim is about time going by
      await assertNeverLeft(id);
      const beats = await answered(page);
      const gaps = beats.slice(1).map(({ at }, index) => (at - beats[index].at) / 1000);
      assert.ok(beats.length >= 2 + Math.floor(HIDDEN_MS / 66_000), `beats came: ${beats.length}, gaps ${gaps}`);
      assert.ok(Math.max(...gaps) < 90, `no gap near the lease of 180 s: ${gaps}`);
    });
  }

  test('a frozen page keeps its place and beats at once when it is resumed', async () => {
    const page = await agentPage();
    const id = await idOf(page);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    await wait(45_000);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    const resumed = Date.now();
    await beatsAgain(page, resumed - 1_000, 'a beat after the resume', 10_000);
    await assertNeverLeft(id);
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
      await sleeper.browser.close();
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

  test('a killed browser is found within its lease and five seconds', async () => {
    const victim = await launchWithPid();
    const page = await open('/', await victim.browser.newContext());
    const conversation = await page.evaluate((settings) => window.startVisitor(settings), SETTINGS);
    const id = await idOf(page);
    await eventually(() => isLive(id), 'the visitor is there');
    const sarah = await member();
    const { error } = await sarah.rpc('watch_conversation', { p_conversation_id: conversation });
    assert.equal(error, null);
    // The first beat after the demand still promised the old interval; the second one holds the short lease.
    const fast = async () =>
      (await answered(page)).filter(({ leaseMs }) => leaseMs === LEASE_SECONDS * 1000).length > 1;
    await eventually(fast, 'it beats fast');
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

/** A browser that can be stopped and killed as a whole: with all its processes. */
async function launchWithPid() {
  const { launchServer } = await import('./presence/process.mjs');
  return launchServer();
}
