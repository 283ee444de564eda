// Runs the edge cases of F001 against a `handoff dev` of their own, and prints how many claims hold. With a
// word: only the files that have it in their name.

import { readdir } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { startHandoff } from './server.mjs';

const FOLDER = new URL('./', import.meta.url);

async function testFiles(filter) {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.test.mjs') && name.includes(filter));
  return names.sort().map((name) => new URL(name, FOLDER).pathname);
}

/** One file after another: the clock is moved for all projects at once. */
async function runTests(files, signal) {
  const count = { passed: 0, total: 0, failed: false };
  const add = ({ name, details }, passed) => {
    count.failed ||= !passed;
    if (details.type === 'suite' || name.endsWith('.test.mjs')) return;
    count.total += 1;
    count.passed += passed ? 1 : 0;
  };
  const stream = run({ files, concurrency: false, signal })
    .on('test:pass', (event) => add(event, true))
    .on('test:fail', (event) => add(event, false));
  await pipeline(stream, new spec(), process.stdout, { end: false });
  return count;
}

async function main(filter = '') {
  const started = performance.now();
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort(new Error(`ended by ${name}`)));
  const handoff = await startHandoff(controller.signal);
  try {
    process.env.HANDOFF_CONFORMANCE_URL = handoff.url;
    process.env.HANDOFF_CONFORMANCE_DATABASE_URL = handoff.databaseUrl;
    const { passed, total, failed } = await runTests(await testFiles(filter), controller.signal);
    const verdict = !failed && total > 0 ? 'ok' : 'failed';
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`RESULT edge=${verdict} claims=${passed}/${total} seconds=${seconds}`);
    process.exitCode = verdict === 'ok' ? 0 : 1;
  } finally {
    await handoff.stop();
  }
}

await main(process.argv[2]);
