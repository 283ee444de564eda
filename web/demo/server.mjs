// Finds the server the demo plays against, or starts one and ends it again.

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Program } from './program.mjs';

const HEALTH_TIMEOUT_MS = 1_000;
/** The first start may have to fetch a Postgres. */
const START_DEADLINE_MS = 300_000;
/** The last line `handoff dev` prints when everything runs, the demo project included. */
const READY_LINE = /^RESULT run=ok url=(\S+)/m;

/** Says whether a server answers there. */
async function isHealthy(url) {
  try {
    const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Returns a running server and its URL: the one at settings.url when it answers, else a new `handoff dev` with a database of its
 * own. Call stop() in either case; it ends only what was started here. An abort while it starts ends it.
 */
export async function findOrStartServer(settings, say, abortSignal) {
  if (await isHealthy(settings.url)) {
    say(`Playing against ${settings.url}, which is running already.`);
    return { url: settings.url, stop: async () => {} };
  }
  if (settings.urlGiven) throw new Error(`no server answers at ${settings.url} (HANDOFF_URL)`);
  say('Starting `handoff dev` with an empty database ...');
  const started = performance.now();
  // Free ports: whatever runs on this machine, the demo finds its place.
  const server = await startServer(['--port', '0', '--postgres-port', '0'], abortSignal);
  say(`Ready after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  return server;
}

/** Starts `handoff dev` with an empty database and says its url; stop() ends it and removes the database. */
export async function startServer(args, abortSignal) {
  // The folder is left to the program to make: Postgres may run as another user, who must be able to enter it.
  const dataDir = join(tmpdir(), `handoff-demo-${randomUUID()}`);
  const program = new Program(['dev', '--data-dir', dataDir, ...args]);
  const stop = async () => {
    await program.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await program.waitUntil(() => READY_LINE.test(program.output), START_DEADLINE_MS, abortSignal);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: READY_LINE.exec(program.output)[1], stop };
}
