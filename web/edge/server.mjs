// What the claims are held against: `handoff dev` with its worker, with an empty database on free ports.

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Program } from '../demo/program.mjs';

/** The first start may have to fetch a Postgres. */
const START_DEADLINE_MS = 300_000;
const READY = /RESULT run=ok url=(\S+)/;
const DATABASE = /Database\s+(\S+)/;

/** Starts it. stop() ends it and removes its database. */
export async function startHandoff(abortSignal) {
  // The folder is left to the program to make: Postgres may run as another user, who must be able to enter it.
  const dataDir = join(tmpdir(), `handoff-edge-${randomUUID()}`);
  const program = new Program(['dev', '--port', '0', '--postgres-port', '0', '--data-dir', dataDir]);
  const stop = async () => {
    await program.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await program.waitUntil(() => READY.test(program.output), START_DEADLINE_MS, abortSignal);
  } catch (error) {
    await stop();
    throw error;
  }
  const [, url] = READY.exec(program.output);
  const [, databaseUrl] = DATABASE.exec(program.output);
  return { url, databaseUrl, stop };
}
