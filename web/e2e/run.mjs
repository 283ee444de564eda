// Runs the end-to-end tests, each file against a `handoff dev` of its own: node web/e2e/run.mjs [WORD...]; with words only the files
// whose names have one of them. Part of `make e2e`. The last line is for programs: RESULT e2e=ok tests=42 widget_gzip_kb=43

import { readdir } from 'node:fs/promises';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

import { sizes } from '../widget/size.mjs';
import { startServer } from './server.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const words = process.argv.slice(2);

async function filesToRun() {
  const all = (await readdir(here)).filter((name) => name.endsWith('.test.mjs')).sort();
  const wanted = words.length === 0 ? all : all.filter((name) => words.some((word) => name.includes(word)));
  if (wanted.length === 0) throw new Error(`no file of web/e2e is named ${words.join(' or ')}`);
  return wanted.map((name) => here + name);
}

/** Runs one file and adds up how many passed and failed. */
function runFile(file, counts, signal) {
  return new Promise((resolve, reject) => {
    const count = (key) => (result) => {
      if (result.name !== file) counts[key] += 1; // a file is a result of its own
    };
    const stream = run({ files: [file], concurrency: false, signal });
    // A file that ends before it has a test fails without one.
    stream
      .on('test:pass', count('passed'))
      .on('test:fail', count('failed'))
      .on('test:fail', () => (counts.broken = true));
    stream.once('end', () => resolve()).once('error', reject);
    stream.compose(spec).pipe(process.stdout, { end: false });
  });
}

/** Files share nothing: who is online in one would be given the chats of the next. */
async function runOnItsOwn(file, counts, signal) {
  const server = await startServer(signal);
  Object.assign(process.env, {
    HANDOFF_URL: server.url,
    HANDOFF_PAGES_URL: server.pagesUrl,
    HANDOFF_DATABASE_URL: server.databaseUrl,
  });
  try {
    await runFile(file, counts, signal);
  } finally {
    await server.stop();
  }
}

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort(new Error(`ended by ${name}`)));

async function main() {
  const counts = { passed: 0, failed: 0, broken: false };
  for (const file of await filesToRun()) await runOnItsOwn(file, counts, controller.signal);
  return counts;
}

try {
  const { passed, failed, broken } = await main();
  const { widget } = await sizes();
  const ok = failed === 0 && !broken && passed > 0;
  console.log(
    `RESULT e2e=${ok ? 'ok' : 'failed'} tests=${passed}${ok ? '' : `/${passed + failed}`} widget_gzip_kb=${widget}`,
  );
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.log(`\nThe tests could not be run: ${error.message}\n\nRESULT e2e=failed tests=0`);
  process.exitCode = 1;
}
