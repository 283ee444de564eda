import { describe, expect, it } from 'vitest';

import { presenceAlert, presenceText } from '../src/conversation/presence';
import { at, conversation } from './fake';

const now = Date.now();

describe('the header says', () => {
  it.each([
    ['online', 'Online · Active now'],
    ['idle', 'Idle · Last active 3 min ago'],
    ['background', 'On another tab'],
    ['offline', 'Left · 3 min ago'],
  ] as const)('of somebody %s: %s', (presence, text) => {
    const one = conversation('mike', { customer_presence: presence, customer_last_seen_at: at(3.2) });
    expect(presenceText(one, false, now)).toBe(text);
  });

  it('that somebody types, before anything else', () => {
    expect(presenceText(conversation('mike', { customer_presence: 'idle' }), true, now)).toBe('Typing …');
  });

  it('that the chat was cleared, whatever presence says', () => {
    expect(presenceText(conversation('mike', { cleared_at: at(1) }), true, now)).toBe('Chat cleared');
  });
});

describe('the alert', () => {
  const left = conversation('mike', { customer_presence: 'offline', customer_last_seen_at: at(5) });

  it('is silent while the customer is there', () => {
    expect(presenceAlert(conversation('mike'), 5, now)).toBeNull();
  });

  it('warns when the customer left, and when the chat will close', () => {
    expect(presenceAlert(left, 5, now)?.text).toContain('appears to have left');
    const warned = { ...left, auto_close_warning_sent_at: at(1) };
    expect(presenceAlert(warned, 5, Date.parse(at(0)))?.text).toContain('closes by itself in 4:00');
  });

  it('tells somebody who went to other pages from somebody who left', () => {
    const gone = (reason: string) => presenceAlert({ ...left, customer_left_reason: reason }, 5, now)?.text;
    expect(gone('switched_pages')).toContain('another page');
    expect(gone('pagehide')).toContain('closed the page');
    expect(gone('lost')).toContain('appears to have left');
  });

  it('says that a cleared chat is read by nobody', () => {
    expect(presenceAlert(conversation('mike', { cleared_at: at(1), status: 'closed' }), 5, now)?.tone).toBe('red');
  });

  it('does not warn of somebody whom presence has never seen, or of a chat that ended', () => {
    expect(presenceAlert({ ...left, customer_last_seen_at: null }, 5, now)).toBeNull();
    const never = { ...left, customer_last_seen_at: null, auto_close_warning_sent_at: at(1) };
    expect(presenceAlert(never, 5, now)?.text).toContain('is silent');
    expect(presenceAlert({ ...left, status: 'closed' }, 5, now)).toBeNull();
  });
});
