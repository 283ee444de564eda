// Who a browser is, when its storage works, is cleared, lies, or is blocked (F001 5.11.3).
import { afterEach, describe, expect, test, vi } from 'vitest';

import { firstMatch, pageContext } from '../src/visitor/context.js';
import { Identity } from '../src/visitor/identity.js';
import { SafeStorage } from '../src/visitor/storage.js';

const UUID = /^[0-9a-f-]{36}$/;
const KEY = 'sb_visitor_p';

/** A browser with the given localStorage, and cookies if it has any. */
function browser({ local = true, cookies = true } = {}) {
  const items = new Map<string, string>();
  const jar = new Map<string, string>();
  const blocked = () => {
    throw new DOMException('denied', 'SecurityError');
  };
  const localStorage = {
    getItem: local ? (key: string) => items.get(key) ?? null : blocked,
    setItem: local ? (key: string, value: string) => void items.set(key, value) : blocked,
    removeItem: local ? (key: string) => void items.delete(key) : blocked,
  };
  vi.stubGlobal('window', { localStorage, screen: { width: 1920, height: 1080 } });
  vi.stubGlobal('location', { protocol: 'https:', href: 'https://shop.example/' });
  vi.stubGlobal('document', {
    get cookie() {
      return cookies ? [...jar].map(([name, value]) => `${name}=${value}`).join('; ') : '';
    },
    set cookie(text: string) {
      const [name = '', value = ''] = (text.split(';', 1)[0] ?? '').split('=');
      if (cookies) jar.set(name, value);
    },
  });
  return { items, jar };
}

const visitorId = () => new Identity(new SafeStorage(undefined), 'p').visitorId;

afterEach(() => vi.unstubAllGlobals());

describe('a visitor id', () => {
  test('is kept in localStorage and in a cookie', () => {
    const { items, jar } = browser();
    const id = visitorId();
    expect(id).toMatch(UUID);
    expect([items.get(KEY), jar.get(KEY)]).toEqual([id, id]);
    expect(visitorId()).toBe(id);
  });

  test.each(['items', 'jar'] as const)(
    'survives when its place in %s is cleared, and is written there again',
    (place) => {
      const both = browser();
      const id = visitorId();
      both[place].clear();
      expect(visitorId()).toBe(id);
      expect(both[place].get(KEY)).toBe(id);
    },
  );

  test.each([
    { local: false, cookies: true },
    { local: true, cookies: false },
  ])('lives in the other place when one is blocked: %o', (places) => {
    browser(places);
    expect(visitorId()).toBe(visitorId());
  });

  test('lives as long as the page when everything is blocked', () => {
    browser({ local: false, cookies: false });
    const storage = new SafeStorage(undefined);
    expect(new Identity(storage, 'p').visitorId).toBe(new Identity(storage, 'p').visitorId);
  });

  test('that somebody has tampered with is replaced', () => {
    const { items } = browser();
    items.set(KEY, '<script>alert(1)</script>');
    expect(visitorId()).toMatch(UUID);
  });
});

describe('what the page tells', () => {
  test.each([
    ['Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0', 'Edge', 'Windows', 'Desktop'],
    ['Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36', 'Chrome', 'Linux', 'Desktop'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile/15E148 Safari/604.1', 'Safari', 'iOS', 'Mobile'],
    ['Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/130.0 Mobile Safari/537.36', 'Chrome', 'Android', 'Mobile'],
    ['Mozilla/5.0 (Linux; Android 15; SM-X200) Chrome/130.0 Safari/537.36', 'Chrome', 'Android', 'Tablet'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:132.0) Firefox/132.0', 'Firefox', 'macOS', 'Desktop'],
  ])('%s', (userAgent, name, os, device) => {
    browser();
    vi.stubGlobal('navigator', { userAgent, language: 'en-GB' });
    expect(pageContext()).toMatchObject({
      browser: name,
      os,
      device,
      language: 'en-GB',
      screen_resolution: '1920x1080',
    });
  });

  test('something unknown is named so', () => expect(firstMatch([], 'curl', 'Other')).toBe('Other'));
});
