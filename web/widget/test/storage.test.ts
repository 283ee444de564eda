import { describe, expect, it } from 'vitest';

import { safeStorage } from '../src/storage.js';
import type { SafeStorage } from '../src/storage.js';

const blocked = (): SafeStorage => {
  throw new DOMException('denied', 'SecurityError');
};

describe('the storage', () => {
  it('keeps in memory what a blocked localStorage refuses', () => {
    const storage = safeStorage(blocked);
    storage.setItem('a', '1');
    expect(storage.getItem('a')).toBe('1');
    storage.removeItem('a');
    expect(storage.getItem('a')).toBeNull();
  });

  it('does not lose what a full localStorage refuses', () => {
    const kept = new Map([['a', 'old']]);
    const storage = safeStorage(() => ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
      removeItem: (key) => void kept.delete(key),
    }));
    storage.setItem('a', 'new');
    expect(storage.getItem('a')).toBe('new');
  });

  it('uses the real one where it works', () => {
    safeStorage().setItem('sb_test', 'x');
    expect(localStorage.getItem('sb_test')).toBe('x');
  });
});
