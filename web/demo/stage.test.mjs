import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Stage, StepError } from './stage.mjs';

/** A stage that writes into a text. */
function setup(options = {}) {
  const written = [];
  const controller = new AbortController();
  const stage = new Stage(
    { write: (text) => written.push(text) },
    { colours: false, abortSignal: controller.signal, ...options },
  );
  return { stage, controller, text: () => written.join('') };
}

test('prints number, title, time and detail of each step', async () => {
  const { stage, text } = setup();
  await stage.step('Sarah signs in', async () => 'as sarah@example.com');
  assert.match(text(), /^ {2}1 {2}Sarah signs in +\d+ ms\n {6}as sarah@example.com\n$/);
});

test('runs what belongs between two steps, and not before the first', async () => {
  const between = [];
  const { stage } = setup({ between: async (step) => between.push(step) });
  for (const title of ['one', 'two', 'three']) await stage.step(title, async () => {});
  assert.deepEqual(between, [1, 2]);
});

test('says which step failed and why', async () => {
  const { stage } = setup();
  await stage.step('one', async () => {});
  const failing = stage.step('two', async () => {
    throw new Error('no answer');
  });
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof StepError);
    assert.equal(error.number, 2);
    assert.equal(error.message, 'step 2 (two): no answer');
    return true;
  });
});

test('ends a waiting step when it is aborted', async () => {
  const { stage, controller } = setup();
  const waiting = stage.step('one', () => new Promise(() => {}));
  controller.abort(new Error('ended by SIGINT'));
  await assert.rejects(waiting, /step 1 \(one\): ended by SIGINT/);
});
