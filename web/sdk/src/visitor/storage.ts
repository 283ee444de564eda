import type { VisitorStorage } from './types.js';

const COOKIE_DAYS = 365;

/**
 * Keeps small texts in localStorage and, those marked so, in a cookie too (F001 5.11.3). Browsers block either, wholly or by
 * throwing at any time: then the other is used, and memory when both are gone, so that a chat works until the page is left.
 */
export class SafeStorage {
  readonly #memory = new Map<string, string>();
  readonly #storage: VisitorStorage | null;
  readonly #cookies: boolean;

  /** @param storage undefined: what the browser has; null: memory only */
  constructor(storage: VisitorStorage | null | undefined) {
    this.#storage = storage === undefined ? browserStorage() : storage;
    this.#cookies = storage === undefined && typeof document !== 'undefined';
  }

  get(key: string): string | null {
    return attempt(() => this.#storage?.getItem(key)) ?? this.#readCookie(key) ?? this.#memory.get(key) ?? null;
  }

  set(key: string, value: string, options: { cookie?: boolean } = {}): void {
    this.#memory.set(key, value);
    attempt(() => this.#storage?.setItem(key, value));
    if (options.cookie) this.#writeCookie(key, value, COOKIE_DAYS * 86_400);
  }

  remove(key: string): void {
    this.#memory.delete(key);
    attempt(() => this.#storage?.removeItem(key));
    if (this.#readCookie(key) !== undefined) this.#writeCookie(key, '', 0);
  }

  #readCookie(key: string): string | undefined {
    if (!this.#cookies) return undefined;
    const cookies = attempt(() => document.cookie) ?? '';
    const pair = cookies.split('; ').find((cookie) => cookie.startsWith(`${key}=`));
    return pair === undefined ? undefined : attempt(() => decodeURIComponent(pair.slice(key.length + 1)));
  }

  #writeCookie(key: string, value: string, maxAge: number): void {
    if (!this.#cookies) return;
    const secure = attempt(() => location.protocol) === 'https:' ? '; Secure' : '';
    attempt(() => {
      document.cookie = `${key}=${encodeURIComponent(value)}; Max-Age=${maxAge}; Path=/; SameSite=Lax${secure}`;
    });
  }
}

function browserStorage(): VisitorStorage | null {
  return attempt(() => (typeof window === 'undefined' ? null : window.localStorage)) ?? null;
}

/** The browser may refuse any of these at any time; that is no reason for a chat to fail. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
