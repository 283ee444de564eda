// Paging of a list: 200 lines are kept fresh, older ones are read page by page until there are none.
import { expect, test } from 'vitest';

import type { InboxLine } from '../src/conversation.js';
import { Inbox, type InboxContext } from '../src/agent/inbox.js';

/** A project with so many closed conversations, each with a minute of its own but for the last of the first older page. */
function projectOf(count: number) {
  const minute = (n: number) => (n === 250 ? 249 : n);
  const lines = Array.from({ length: count }, (_, n) => ({
    id: String(n),
    last_message_at: new Date(Date.UTC(2026, 0, 1) - minute(n) * 60_000).toISOString(),
  })) as InboxLine[];
  const answer = ({ p_limit, p_before }: { p_limit: number; p_before: string | null }) => {
    const rest = lines.filter((line) => p_before === null || line.last_message_at < p_before);
    const edge = rest[p_limit - 1]?.last_message_at;
    const conversations = rest.filter((line, n) => n < p_limit || line.last_message_at === edge);
    return { data: { conversations, counts: { all: count, mine: 0, queue: 0 } }, error: null, status: 200 };
  };
  const rpc = (_name: string, page: { p_limit: number; p_before: string | null }) => ({
    abortSignal: () => Promise.resolve(answer(page)),
  });
  return { projectId: 'p', supabase: { rpc }, onCounts: () => undefined } as unknown as InboxContext;
}

async function readAll(count: number) {
  const inbox = new Inbox('closed', projectOf(count));
  const unfollow = inbox.subscribe(() => undefined);
  await inbox.refresh();
  for (let page = 0; inbox.getSnapshot().hasMore && page < 100; page++) await inbox.loadMore();
  const { lines } = inbox.getSnapshot();
  unfollow();
  inbox.stop();
  return lines.map(({ id }) => Number(id));
}

test.each([0, 30, 200, 230, 251, 299, 330, 420])(
  'of %i conversations none is skipped or shown twice',
  async (count) => {
    expect(await readAll(count)).toEqual(Array.from({ length: count }, (_, n) => n));
  },
);
