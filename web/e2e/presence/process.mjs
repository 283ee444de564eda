// A Chromium with all its processes in one group, so that it can be stopped, woken and killed as a machine would.

import { readdir, readFile } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { launchOptions } from '../browser.mjs';

/** The process and everything below it. */
async function family(root) {
  const parents = new Map();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const parent = /^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1];
    if (parent) parents.set(Number(name), Number(parent));
  }
  const members = [root];
  for (const member of members) {
    for (const [pid, parent] of parents) if (parent === member) members.push(pid);
  }
  return members;
}

export async function launchServer() {
  const server = await chromium.launchServer(await launchOptions());
  const root = server.process().pid;
  const members = async () => family(root);
  let known = [root];
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    browser,
    /** Ends the browser, also one that was killed; `browser.close` would only let go of it. */
    async close() {
      await browser.close();
      await server.close();
    },
    /** Sends the signal to every process of the browser. Those that were stopped are the ones that are woken. */
    async signal(name) {
      if (name !== 'SIGCONT') known = await members();
      for (const pid of known) {
        try {
          process.kill(pid, name);
        } catch (error) {
          if (error.code !== 'ESRCH') throw error; // ended by itself
        }
      }
    },
  };
}
