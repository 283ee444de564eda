import { describe, expect, it } from 'vitest';

import { changeOf, draftOf, rangeDraft, rangeOf, rangesError, validate, type Draft } from '../src/settings/validate';
import { settings } from './fake';

const draft = (change: Partial<Draft> = {}): Draft => ({ ...draftOf(settings), ...change });

describe('settings', () => {
  it('that are stored are right, and nothing of them is sent again', () => {
    expect(validate(draft())).toEqual({});
    expect(changeOf(draft(), settings)).toEqual({});
  });

  it('send only what was changed', () => {
    expect(changeOf(draft({ enabled: false }), settings)).toEqual({ enabled: false });
    const numbers = { ...draft().numbers, preferred_wait_seconds: '90' };
    expect(changeOf(draft({ numbers }), settings)).toEqual({ preferred_wait_seconds: 90 });
    const hours = { ...draft().business_hours, sunday: { enabled: true, ranges: [{ start: '10:00', end: '14:00' }] } };
    expect(changeOf(draft({ business_hours: hours }), settings)).toEqual({
      business_hours: { sunday: { enabled: true, start: '10:00', end: '14:00' } },
    });
  });

  it.each(['', '0', '51', '2.5', 'five'])('refuse a limit of chats of "%s"', (text) => {
    expect(validate(draft({ numbers: { ...draft().numbers, default_max_concurrent_chats: text } }))).toHaveProperty(
      'default_max_concurrent_chats',
    );
  });

  it('ask for a keyword only while keywords are on', () => {
    const none = { ...settings.auto_triggers, keywords: [] };
    expect(validate(draft({ auto_triggers: none }))).toHaveProperty('keywords');
    expect(validate(draft({ auto_triggers: { ...none, keywords_enabled: false } }))).toEqual({});
  });

  it('refuse what is no time zone', () => {
    expect(validate(draft({ timezone: 'Mars/Olympus' }))).toHaveProperty('timezone');
  });
});

describe('hours', () => {
  it.each([
    [
      { start: '09:00', end: '17:00' },
      { start: '09:00', end: '17:00' },
    ],
    [
      { start: '18:00', end: '00:00' },
      { start: '18:00', end: '24:00' },
    ],
    [
      { start: '22:00', end: '06:00' },
      { start: '22:00', end: '06:00', overnight: true },
    ],
  ])('%o are stored as %o and read back', (written, stored) => {
    expect(rangeOf(written)).toEqual(stored);
    expect(rangeDraft(stored)).toEqual(written);
  });

  it.each([
    [[], 'Add hours'],
    [[{ start: '', end: '17:00' }], 'missing'],
    [[{ start: '09:00', end: '09:00' }], 'same time'],
    [
      [
        { start: '09:00', end: '12:00' },
        { start: '11:00', end: '13:00' },
      ],
      'overlap',
    ],
    [
      [
        { start: '22:00', end: '02:00' },
        { start: '23:00', end: '00:00' },
      ],
      'overlap',
    ],
  ])('%o are refused: %s', (ranges, reason) => {
    expect(rangesError(ranges)).toContain(reason);
  });

  it('may touch', () => {
    expect(
      rangesError([
        { start: '09:00', end: '12:00' },
        { start: '12:00', end: '17:00' },
      ]),
    ).toBeUndefined();
  });
});
