import { describe, expect, it } from 'vitest';

import { timeline } from '../src/conversation/timeline';
import { at, conversation, messages } from './fake';

const note = (minutesAgo: number) => ({
  id: 'n',
  conversation_id: 'mike',
  author_id: null,
  content: 'A note',
  created_at: at(minutesAgo),
});

function kinds(...args: Parameters<typeof timeline>): string {
  return timeline(...args)
    .filter((item) => item.kind !== 'day')
    .map((item) => (item.kind === 'message' ? item.message.sender_type : item.kind))
    .join(' ');
}

describe('a transcript', () => {
  it('shows the handoff behind the message that caused it', () => {
    expect(kinds(messages, [], conversation('mike'))).toBe(
      'ai customer ai customer handoff ai agent agent customer agent customer',
    );
  });

  it('shows the handoff last when nobody has said anything since', () => {
    expect(kinds(messages.slice(0, 4), [], conversation('mike'))).toBe('ai customer ai customer handoff');
  });

  it('keeps the order of the server when clocks differ', () => {
    const [first, second] = messages;
    if (first === undefined || second === undefined) throw new Error('the fake has messages');
    const late = { ...first, created_at: at(1) };
    expect(
      timeline([late, second], [], null).flatMap((item) => (item.kind === 'message' ? [item.message.seq] : [])),
    ).toEqual([1, 2]);
  });

  it('puts notes where they were written', () => {
    expect(kinds(messages, [note(21)], null)).toBe(
      'ai customer ai customer ai agent note agent customer agent customer',
    );
    expect(kinds(messages, [note(0)], null).endsWith('customer note')).toBe(true);
  });

  it('joins what one person says in a row, not what others say between', () => {
    const own = timeline(messages, [], null).flatMap((item) =>
      item.kind === 'message' && item.message.sender_type === 'agent' ? [item] : [],
    );
    expect(own.map(({ first, last }) => [first, last])).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ]);
  });
});
