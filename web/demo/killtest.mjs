// Plays the demo while the worker is killed (SIGKILL) and started again during every step.
//
//   node web/demo/killtest.mjs      (part of `make test`; alone: `make test-kill`)
//
// The stand-in runs in one process, the worker in another, as they would in production. Nobody tells the pages that the
// worker is gone: what they wait for comes late, and still once, in order and without a gap. The last line is for
// programs: RESULT test-kill=ok steps=15 kills=15 assignment_ms=812

import { once } from 'node:events';
import { createServer } from 'node:net';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

import { Program } from './program.mjs';
import { startServer } from './server.mjs';
import { readSettings } from './settings.mjs';
import { Stage, StepError } from './stage.mjs';
import { Story } from './story.mjs';

/** A kill comes at a random moment of this span after a step began: steps take 5 to 50 ms when nothing is killed. */
const KILL_WITHIN_MS = 30;
/** Restarting the worker and joining its topics again takes part of a second; this leaves room for a busy machine. */
const DEADLINE_MS = 30_000;

const say = (text) => process.stdout.write(`${text}\n`);

/** A free port. Another process could take it before we do, which the program would report. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A worker that comes back whenever it is killed. */
class RisingWorker {
  kills = 0;

  #env;
  #program;
  #inHand = Promise.resolve();

  constructor(env) {
    this.#env = env;
    this.#start();
  }

  /** The last lines of the worker that runs now, to explain a failure. */
  get output() {
    return this.#program.output;
  }

  /** Kills the worker a random moment from now and starts the next one, while the caller goes on. */
  killSoon() {
    this.#inHand = this.#inHand.then(async () => {
      await delay(Math.random() * KILL_WITHIN_MS);
      await this.#program.kill();
      this.kills += 1;
      this.#start();
    });
  }

  async stop() {
    await this.#inHand;
    await this.#program.stop();
  }

  #start() {
    this.#program = new Program(['run'], this.#env);
  }
}

async function play(settings, worker, abortSignal) {
  const between = async () => worker.killSoon();
  const stage = new Stage(process.stdout, { between, colours: false, abortSignal });
  const story = new Story(settings, stage);
  worker.killSoon();
  try {
    await story.play();
  } finally {
    await story.leave();
  }
  return `steps=${stage.steps} kills=${worker.kills} assignment_ms=${story.measured.handoffToAssignedMs}`;
}

async function main(abortSignal) {
  const [port, postgresPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const settings = { ...readSettings({}), url, deadlineMs: DEADLINE_MS };
  const args = ['--port', String(port), '--postgres-port', String(postgresPort), '--pages-port', '0', '--worker=false'];
  const server = await startServer(args, abortSignal);
  const worker = new RisingWorker({
    SUPABASE_URL: url,
    SUPABASE_SECRET_KEY: settings.secretKey,
    DATABASE_URL: `postgresql://postgres:postgres@127.0.0.1:${postgresPort}/postgres`,
  });
  try {
    return await play(settings, worker, abortSignal);
  } catch (error) {
    say(`\nThe worker's last words:\n${worker.output}`);
    throw error;
  } finally {
    await worker.stop();
    await server.stop();
  }
}

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => controller.abort(new Error(`ended by ${name}`)));
try {
  say(`\nRESULT test-kill=ok ${await main(controller.signal)}`);
} catch (error) {
  say(`\nThe kill test failed: ${error.message}\n`);
  say(`RESULT test-kill=failed step=${error instanceof StepError ? error.number : 0}`);
  process.exitCode = 1;
}
// supabase-js keeps timers of its own after its socket is closed; nothing is left to wait for.
process.exit();
