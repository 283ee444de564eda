// Runs the conformance suite against a stand-in of its own and prints how many claims hold.

import { readdir, readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { startStandIn } from './server.mjs';

const FOLDER = new URL('./', import.meta.url);
/** Their tests mostly wait. */
const FILES_AT_ONCE = 4;

/** Counts claims. A suite, or a file that could not run, is none, but its failure is one all the same. */
class Count {
  passed = 0;
  total = 0;
  failed = false;

  add({ name, details }, passed) {
    this.failed ||= !passed;
    if (details.type === 'suite' || name.endsWith('.test.mjs')) return;
    this.total += 1;
    this.passed += passed ? 1 : 0;
  }
}

async function testFiles(filter) {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.test.mjs') && name.includes(filter));
  return names.sort().map((name) => new URL(name, FOLDER).pathname);
}

/** Gives the database the tables, functions and policies that the tests speak of. */
async function prepareDatabase() {
  // Imported late: the module reads the address when it is loaded.
  const { query } = await import('./database.mjs');
  await query('postgres', await readFile(new URL('schema.sql', FOLDER), 'utf8'));
}

/** Runs the files, prints each claim with its verdict, and resolves when the last line is written. */
async function runTests(files, abortSignal) {
  const count = new Count();
  const stream = run({ files, concurrency: FILES_AT_ONCE, signal: abortSignal })
    .on('test:pass', (event) => count.add(event, true))
    .on('test:fail', (event) => count.add(event, false));
  await pipeline(stream, new spec(), process.stdout, { end: false });
  return count;
}

async function main(filter = '') {
  const started = performance.now();
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort(new Error(`ended by ${name}`)));
  const standIn = await startStandIn(controller.signal);
  try {
    process.env.HANDOFF_CONFORMANCE_URL = standIn.url;
    process.env.HANDOFF_CONFORMANCE_DATABASE_URL = standIn.databaseUrl;
    await prepareDatabase();
    const { passed, total, failed } = await runTests(await testFiles(filter), controller.signal);
    const verdict = !failed && total > 0 ? 'ok' : 'failed';
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(`RESULT conformance=${verdict} claims=${passed}/${total} seconds=${seconds}`);
    process.exitCode = verdict === 'ok' ? 0 : 1;
  } finally {
    await standIn.stop();
  }
}

await main(process.argv[2]);
