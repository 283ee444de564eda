// The rule of docs/events.md for a number that is not the next one.
import type { SupabaseClient } from '@supabase/supabase-js';
import { expect, test, vi } from 'vitest';

import { createStore } from '../src/core/store.js';
import { ConversationFeed } from '../src/realtime/feed.js';
import type { Link } from '../src/realtime/link.js';

const message = (seq: number) => ({
  event: 'message',
  payload: { v: 1, id: `e${seq}`, ts: '2026-01-01T00:00:00Z', seq, message: { content: String(seq) } },
});

test('an event that revealed a gap and cannot be read yet is asked for again', async () => {
  vi.useFakeTimers();
  const answers = [[], [message(1)], [message(2), message(3)]];
  const rpc = () => ({
    abortSignal: () =>
      Promise.resolve({
        data: { conversation: {}, event_seq: 0, complete: true, events: answers.shift() ?? [] },
        error: null,
        status: 200,
      }),
  });
  let receive: (event: string, payload: unknown) => void = () => undefined;
  let joined: () => void = () => undefined;
  const link = {
    status: createStore({ state: 'connected' }),
    join: (topic: { onEvent: typeof receive; onJoined: typeof joined }) => {
      receive = topic.onEvent;
      joined = topic.onJoined;
      return { leave: () => undefined };
    },
  };
  const seen: number[] = [];
  const feed = new ConversationFeed({ rpc } as unknown as SupabaseClient, link as unknown as Link, 'c', 0, {
    onEvent: ({ payload }) => seen.push((payload as unknown as { seq: number }).seq),
    onLost: () => undefined,
  });
  joined();
  await vi.advanceTimersByTimeAsync(0);
  receive('message', message(3).payload);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(seen).toEqual([1, 2, 3]);
  expect(answers).toEqual([]);
  feed.stop();
  vi.useRealTimers();
});
