import { describe, expect, it } from 'vitest';

import { age, ago, clock, customerName, day, duration, pagePath } from '../src/format';

const now = new Date(2026, 2, 10, 12, 0).getTime();
const before = (ms: number) => new Date(now - ms).toISOString();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('times', () => {
  it('are short beside a line of the list', () => {
    expect([30_000, 5 * MINUTE, 3 * HOUR, 50 * HOUR].map((ms) => age(before(ms), now))).toEqual([
      'now',
      '5m',
      '3h',
      '2d',
    ]);
  });

  it('are words beside a person', () => {
    expect([1_000, 5 * MINUTE, HOUR, 49 * HOUR].map((ms) => ago(before(ms), now))).toEqual([
      'just now',
      '5 min ago',
      '1 hour ago',
      '2 days ago',
    ]);
  });

  it('of a clock that is ahead of ours are now', () => {
    expect(age(before(-MINUTE), now)).toBe('now');
    expect(ago(before(-MINUTE), now)).toBe('just now');
  });

  it('name the days by the calendar, not by 24 hours', () => {
    expect(day(before(13 * HOUR), now)).toBe('Yesterday');
    expect(day(before(11 * HOUR), now)).toBe('Today');
  });

  it('run and last', () => {
    expect([4 * MINUTE + 5_000, HOUR + 2 * MINUTE + 3_000, -1].map(clock)).toEqual(['4:05', '1:02:03', '0:00']);
    expect([45, 200, 3900].map(duration)).toEqual(['45s', '3m 20s', '1h 5m']);
  });
});

describe('names', () => {
  it('fall back to the address, then to what is true of everybody', () => {
    expect(customerName({ customer_name: 'Ann', customer_email: 'a@b.c' })).toBe('Ann');
    expect(customerName({ customer_name: null, customer_email: 'a@b.c' })).toBe('a@b.c');
    expect(customerName({ customer_name: null, customer_email: null })).toBe('Anonymous visitor');
  });

  it('of pages survive what is no address', () => {
    expect(pagePath('https://shop.example/pricing?plan=pro')).toBe('/pricing?plan=pro');
    expect(pagePath('not a url')).toBe('not a url');
  });
});
