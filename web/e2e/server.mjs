// A `handoff dev` for one suite: its own database on free ports, the worker, and the built pages.

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Program } from '../demo/program.mjs';

/** The first start may have to fetch a Postgres. */
const START_DEADLINE_MS = 300_000;
const READY = /RESULT run=ok url=(\S+)/;
const DATABASE = /Database\s+(\S+)/;
const PAGES = /RESULT run=ok .*pages=(\S+)/;

/** Starts it and says where it is; stop() ends it and removes its database. */
export async function startServer(abortSignal, args = []) {
  // The folder is left to the program to make: Postgres may run as another user, who must be able to enter it.
  const dataDir = join(tmpdir(), `handoff-e2e-${randomUUID()}`);
  const ports = ['--port', '0', '--postgres-port', '0', '--pages-port', '0'];
  const program = new Program(['dev', '--data-dir', dataDir, ...ports, ...args]);
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
  const found = (pattern) => pattern.exec(program.output)?.[1] ?? '';
  return { url: found(READY), databaseUrl: found(DATABASE), pagesUrl: found(PAGES), stop };
}
