import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Recorder } from './recorder.mjs';

const broadcast = (seq) => ({ event: 'message', payload: { v: 1, id: `id-${seq}`, seq } });

test('a recorder tells what was broadcast from what was fetched', async () => {
  const all = [broadcast(1), broadcast(2), broadcast(3)];
  const recorder = new Recorder('conversation:1', async (since) => all.slice(since));
  recorder.receive('message', all[0].payload);
  recorder.receive('queue_position', { v: 1, id: 'state' });
  recorder.receive('message', all[2].payload);
  await recorder.close();
  recorder.receive('message', all[2].payload);

  const account = recorder.account('1');
  assert.deepEqual(account.events, all);
  assert.deepEqual(account.heard, ['id-1', 'id-3']);
  assert.equal(account.healed, 2);
  assert.equal(account.duplicates, 1);
  assert.deepEqual(
    account.gaps.map(({ after, got }) => [after, got]),
    [[1, 3]],
  );
});
