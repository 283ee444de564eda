import { describe, expect, it } from 'vitest';

import { cannedMatches, cannedQuery, fillCanned, insertCanned } from '../src/conversation/canned';

const all = [
  { id: '1', shortcut: 'refund', content: 'I have refunded it.' },
  { id: '2', shortcut: 'return', content: 'Send it back to us.' },
  { id: '3', shortcut: 'hello', content: 'Hi {name}, how can I return the favour?' },
];

describe('a shortcut', () => {
  it('begins with a slash at the beginning of a word', () => {
    expect(cannedQuery('/re', 3)).toEqual({ start: 0, word: 're' });
    expect(cannedQuery('Sure. /Ré', 9)).toEqual({ start: 6, word: 'ré' });
    expect(cannedQuery('/', 1)).toEqual({ start: 0, word: '' });
  });

  it('is no part of a word, a date or an address', () => {
    expect(cannedQuery('and/or', 6)).toBeNull();
    expect(cannedQuery('1/2', 3)).toBeNull();
    expect(cannedQuery('https://shop', 12)).toBeNull();
    expect(cannedQuery('/done ', 6)).toBeNull();
  });

  it('finds those that begin so before those that say so', () => {
    expect(cannedMatches(all, 're').map((one) => one.shortcut)).toEqual(['refund', 'return', 'hello']);
    expect(cannedMatches(all, 'return').map((one) => one.shortcut)).toEqual(['return', 'hello']);
    expect(cannedMatches(all, 'x')).toEqual([]);
  });
});

describe('a canned response', () => {
  const nobody = { name: null, email: null, agent: null };

  it('is filled with the names', () => {
    const names = { name: 'Ann', email: 'ann@example.com', agent: 'Sarah' };
    expect(fillCanned('Hi {name} ({email}), {agent} here.', names)).toBe('Hi Ann (ann@example.com), Sarah here.');
  });

  it('leaves no gap where a name is not known', () => {
    expect(fillCanned('Hi {name}, welcome {name}!', nobody)).toBe('Hi, welcome!');
  });

  it('does not fill what a name brings along', () => {
    expect(fillCanned('Hi {name}', { ...nobody, name: '{email}', email: 'secret@example.com' })).toBe('Hi {email}');
  });

  it('takes the place of its shortcut and keeps what stands around it', () => {
    const text = 'Sure. /re Bye';
    expect(insertCanned(text, 9, { start: 6, word: 're' }, 'Done.')).toEqual({ text: 'Sure. Done. Bye', caret: 11 });
  });
});
