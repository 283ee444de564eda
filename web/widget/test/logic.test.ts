import { describe, expect, it } from 'vitest';
import type { QueuePlace } from '@supportbase/handoff';

import { contrast, luminance, onAccent } from '../src/colour.js';
import { en } from '../src/i18n/en.js';
import { speaker } from '../src/i18n/index.js';
import { initials, linkify, looksLikeEmail, safeUrl } from '../src/logic/text.js';
import { countdown, dayText, daysBetween, openingText } from '../src/logic/time.js';
import { queueProgress, shortWaitText, waitText } from '../src/logic/wait.js';

const say = speaker(en);
const NOW = Date.parse('2026-03-04T12:00:00');

describe('the wait', () => {
  const place = (fields: Partial<QueuePlace>): QueuePlace => ({
    position: 2,
    estimatedWaitMinutes: 3,
    receivedAt: NOW,
    wait_p50_seconds: null,
    wait_p90_seconds: null,
    ...fields,
  });

  it('is the estimate in words', () => {
    const words = [-1, 0, 1, 3].map((estimatedWaitMinutes) => waitText(place({ estimatedWaitMinutes }), NOW, say));
    expect(words).toEqual([en.waitUnknown, 'less than a minute', '~1 minute', '~3 minutes']);
    expect(shortWaitText(place({}), NOW, say)).toBe('~3 min');
  });

  it('is the range of the forecast where there is one, and counts down', () => {
    const known = place({ wait_p50_seconds: 240, wait_p90_seconds: 540 });
    expect(waitText(known, NOW, say)).toBe('4–9 minutes');
    expect(waitText(known, NOW + 120_000, say)).toBe('2–7 minutes');
    expect(waitText(known, NOW + 3_600_000, say)).toBe('~3 minutes');
    expect(waitText(place({ wait_p50_seconds: null, wait_p90_seconds: null }), NOW, say)).toBe('~3 minutes');
  });

  it('fills a bar that never is full and never goes back', () => {
    const bars = [4, 3, 2, 1].map((position) => queueProgress(position, 4));
    expect(bars).toEqual([...bars].sort((a, b) => a - b));
    expect(bars[0]).toBeGreaterThan(0);
    expect(bars[3]).toBeLessThan(1);
  });
});

describe('times', () => {
  it('name the days near by', () => {
    const words = { today: 'Today', yesterday: 'Yesterday' };
    const named = ['2026-03-04T00:30:00', '2026-03-03T23:30:00', '2026-03-01T12:00:00', '2026-01-05T12:00:00'];
    expect(named.map((at) => dayText(at, NOW, 'en', words))).toEqual(['Today', 'Yesterday', 'Sunday', 'January 5']);
  });

  it('count calendar days, also when a day has 23 hours', () => {
    expect(daysBetween(Date.parse('2026-03-28T12:00:00'), Date.parse('2026-03-30T00:10:00'))).toBe(2);
  });

  it('say when the team is back: the time, the weekday, the date', () => {
    expect(openingText('2026-03-04T15:00:00', NOW, 'en-GB')).toBe('15:00');
    expect(openingText('2026-03-05T09:00:00', NOW, 'en-GB')).toMatch(/^Thursday.* 09:00$/);
    expect(openingText('2026-03-16T09:00:00', NOW, 'en-GB')).toMatch(/16 March/);
  });

  it('count down and end', () => {
    expect(countdown('2026-03-04T12:04:05', NOW)).toBe('4:05');
    expect(countdown('2026-03-04T12:00:00', NOW)).toBeNull();
    expect(countdown('', NOW)).toBeNull();
  });
});

describe('texts', () => {
  it('have links where there are web addresses, and nowhere else', () => {
    expect(linkify('See https://a.example/x?y=1. Or javascript:alert(1)')).toEqual([
      { text: 'See ' },
      { text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' },
      { text: '. Or javascript:alert(1)' },
    ]);
    expect(linkify('<b>no</b>')).toEqual([{ text: '<b>no</b>' }]);
  });

  it('take no address that runs', () => {
    expect(safeUrl('javascript:alert(1)')).toBeNull();
    expect(safeUrl('data:text/html,x')).toBeNull();
    expect(safeUrl('https://a.example/')).toBe('https://a.example/');
  });

  it('make initials of names in any script', () => {
    expect(['Sarah Miller', 'Mike', '  ', 'Ana María López', '山田 太郎'].map(initials)).toEqual([
      'SM',
      'M',
      '',
      'AL',
      '山太',
    ]);
    expect(initials(null)).toBe('');
  });

  it('tell a slip from an address', () => {
    expect(['a@b.co', ' ann@example.com '].every(looksLikeEmail)).toBe(true);
    expect(['', 'ann', 'ann@example', 'a b@c.de'].some(looksLikeEmail)).toBe(false);
  });
});

describe('an accent', () => {
  it('has a text colour that can be read, whatever it is', () => {
    for (const accent of ['#5145e5', '#fff', '#000000', '#ffd400', '#0a7', '#888888']) {
      expect(contrast(luminance(accent), luminance(onAccent(accent))), accent).toBeGreaterThanOrEqual(4.5);
    }
    expect(luminance('#fff')).toBe(1);
  });
});
