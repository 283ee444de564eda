// Plays a visitor, an AI backend and an agent with the unmodified supabase-js, exactly as their pages would.
//
//   node web/demo/demo.mjs      (or `make demo`, which builds and installs what it needs)
//
// The last line is for programs: RESULT demo=ok steps=15 handoff_to_assigned_ms=21 message_to_agent_ms=9

import { spawn } from 'node:child_process';
import process from 'node:process';

import { findOrStartServer } from './server.mjs';
import { readSettings } from './settings.mjs';
import { Stage, StepError } from './stage.mjs';
import { Story } from './story.mjs';

const out = process.stdout;
const say = (text) => out.write(`${text}\n`);

/** Plays the story and tidies up whatever happens. Returns the RESULT line. */
async function play(settings, stage) {
  const story = new Story(settings, stage);
  try {
    await story.play();
  } finally {
    await story.leave();
  }
  const { handoffToAssignedMs, messageToAgentMs } = story.measured;
  return `RESULT demo=ok steps=${stage.steps} handoff_to_assigned_ms=${handoffToAssignedMs} message_to_agent_ms=${messageToAgentMs}`;
}

/** Aborts on Ctrl-C, so that the demo leaves no server and no open conversation behind. */
function abortOnSignals() {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.once(name, () => controller.abort(new Error(`ended by ${name}`)));
  }
  return controller.signal;
}

/** Returns what runs between two steps: HANDOFF_DEMO_PAUSE with the step's number as its argument. */
function pauseWith(command) {
  if (!command) return undefined;
  return async (step) => {
    const child = spawn(`${command} ${step}`, { shell: true, stdio: 'inherit' });
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (code !== 0) throw new Error(`HANDOFF_DEMO_PAUSE after step ${step} ended with code ${code}`);
  };
}

async function main() {
  const abortSignal = abortOnSignals();
  const asked = readSettings(process.env);
  const colours = out.isTTY === true && !process.env.NO_COLOR;
  const server = await findOrStartServer(asked, say, abortSignal);
  const settings = { ...asked, url: server.url };
  try {
    say('');
    const stage = new Stage(out, { between: pauseWith(settings.pauseCommand), colours, abortSignal });
    const result = await play(settings, stage);
    say('');
    return result;
  } finally {
    await server.stop();
  }
}

try {
  say(await main());
  process.exitCode = 0;
} catch (error) {
  say(`\nThe demo failed: ${error.message}\n`);
  say(`RESULT demo=failed step=${error instanceof StepError ? error.number : 0}`);
  process.exitCode = 1;
}
// supabase-js keeps timers of its own after its socket is closed; nothing is left to wait for.
process.exit();
