// A real Chromium, and pages that fail their test when the console says that something is wrong.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PLACES = [
  process.env.HANDOFF_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** How long something may take to appear: two cores may be shared by everything else that runs. */
export const PATIENCE_MS = 30_000;

/** Where `handoff dev` serves the pages. */
export function pagesUrl() {
  const url = process.env.HANDOFF_PAGES_URL;
  if (!url) throw new Error('HANDOFF_PAGES_URL is not set: run `make e2e`');
  return url;
}

async function findChromium() {
  for (const place of PLACES.filter(Boolean)) {
    const found = await access(place).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  throw new Error('no Chromium: install it, or say where it is in HANDOFF_CHROMIUM');
}

export async function launchOptions() {
  // Chromium's sandbox refuses root; containers and CI run as root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return { executablePath: await findChromium(), args };
}

export async function launch() {
  return chromium.launch(await launchOptions());
}

/** A person with a browser of their own: cookies, storage, network. `faults` are what the console complained of. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const faults = [];
  /** Set while the network is cut on purpose: then the browser itself complains of every request. */
  const state = { offline: false };
  context.on('page', (page) => {
    page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      const cut = state.offline && /net::|Failed to fetch|WebSocket/u.test(message.text());
      if (message.type() === 'error' && !cut) faults.push(`${message.text()} (${message.location().url})`);
    });
  });
  const goOffline = async (offline) => {
    if (offline) state.offline = true;
    await context.setOffline(offline);
  };
  return { context, faults, goOffline, page: await context.newPage() };
}

/** Whoever has been here must have left no error behind. */
export function assertNoFaults(...people) {
  for (const { faults } of people) assert.deepEqual(faults, [], 'the console is silent');
}

/** axe finds nothing serious in what is shown now. */
export async function assertAccessible(page, what) {
  const loaded = await page.evaluate(() => 'axe' in globalThis);
  if (!loaded) await page.evaluate(await axeSource());
  const violations = await page.evaluate(async () => {
    // A colour half way between two is neither. Another colour scheme reaches the page with a frame, and what then moves starts
    // with the next one; what never ends, as a spinner, has no colour to settle.
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let frames = 0; frames < 3; frames += 1) await frame();
    const ending = document.getAnimations().filter(({ effect }) => effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
    const { violations: found } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return found
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  });
  assert.deepEqual(violations, [], `${what}: no serious fault for assistive technology`);
}

let source;
async function axeSource() {
  const { readFile } = await import('node:fs/promises');
  source ??= await readFile(AXE, 'utf8');
  return source;
}

/** Keeps a picture when HANDOFF_SCREENSHOTS names a folder. */
export async function picture(page, name) {
  const folder = process.env.HANDOFF_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}
