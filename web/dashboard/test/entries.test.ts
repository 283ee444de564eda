import { describe, expect, it } from 'vitest';

import { sectionsOf } from '../src/inbox/entries';
import { line } from './fake';

describe('the sections of the inbox', () => {
  const ids = (sections: ReturnType<typeof sectionsOf>) =>
    Object.fromEntries(Object.entries(sections).map(([name, lines]) => [name, lines.map(({ id }) => id)]));

  it('have a conversation once, also while it moves from one list to another', () => {
    const waiting = line('ann', { status: 'waiting' });
    const taken = line('ann', { status: 'agent_active' });
    const bob = line('bob', { status: 'ai_active' });
    expect(ids(sectionsOf([waiting], [taken], [taken, bob]))).toEqual({ mine: ['ann'], queue: [], others: ['bob'] });
    expect(ids(sectionsOf([waiting], [], [taken, bob]))).toEqual({ mine: [], queue: ['ann'], others: ['bob'] });
  });

  it('show among the own chats only those that are open', () => {
    const done = line('ann', { status: 'resolved' });
    expect(ids(sectionsOf([], [done], [done]))).toEqual({ mine: [], queue: [], others: ['ann'] });
  });
});
