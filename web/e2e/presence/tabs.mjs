// A Chromium with tabs as a person has them: one is in front, the others are hidden, slowed and frozen. Under Playwright every page
// believes that it is in front, and a page in front cannot be frozen; so this speaks the DevTools protocol itself.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';

import WebSocket from 'ws';

import { launchOptions } from '../browser.mjs';

/** Where the browser says it listens. */
function endpoint(browser) {
  return new Promise((resolve, reject) => {
    let told = '';
    // The rest is read and dropped: a full pipe would stop the browser.
    browser.stderr.setEncoding('utf8').on('data', (text) => {
      told = (told + text).slice(-4000);
      const [address] = /ws:\/\/\S+/.exec(told) ?? [];
      if (address) resolve(address);
    });
    browser.once('error', reject).once('exit', () => reject(new Error(`Chromium ended while starting:\n${told}`)));
  });
}

/** The DevTools protocol: a call is answered or refused. */
async function connect(address) {
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map();
  socket.on('message', (text) => {
    const { id, result, error } = JSON.parse(text);
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(`${call.method}: ${error.message}`));
    else call?.resolve(result);
  });
  let last = 0;
  const send = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { method, resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    });
  return { send, close: () => socket.close() };
}

/** Opens the address in a tab of its own, which comes to the front. */
async function openTab({ send }, url) {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const tab = {
    toFront: () => send('Target.activateTarget', { targetId }),
    /** Of a tab that is not in front; `active` ends it. */
    lifecycle: (state) => send('Page.setWebLifecycleState', { state }, sessionId),
    /** What Playwright's page has, for functions that need nothing around them. */
    async evaluate(run, ...args) {
      const expression = `(${run})(...${JSON.stringify(args)})`;
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails: thrown } = await send('Runtime.evaluate', options, sessionId);
      if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
      return result.value;
    },
  };
  await send('Page.navigate', { url }, sessionId);
  await tab.evaluate(() => {
    if (document.readyState === 'complete') return null;
    return new Promise((resolve) => window.addEventListener('load', () => resolve(null)));
  });
  return tab;
}

export async function launchTabs(...flags) {
  const { executablePath, args } = await launchOptions();
  const folder = await mkdtemp(join(tmpdir(), 'handoff-tabs-'));
  const own = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${folder}`, '--no-first-run'];
  const browser = spawn(executablePath, [...args, ...own, ...flags, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(browser, 'exit');
  const devtools = await connect(await endpoint(browser));
  return {
    open: (url) => openTab(devtools, url),
    async close() {
      await devtools.send('Browser.close').catch(() => browser.kill());
      await ended;
      devtools.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
