// What a test has at hand: clients of one version of supabase-js, names that no other test uses, and the database.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import WebSocket from 'ws';

import { query } from './database.mjs';
import { publishableKey, secretKey, url } from './settings.mjs';

export const PASSWORD = 'correct-horse';

/** Short, so that a push that is never answered does not hold a test up for the client's usual 10 s. */
const REALTIME_TIMEOUT_MS = 4_000;

// The client tells the developer of a page that it falls back to HTTP; the tests provoke it.
console.warn = () => {};

/** The WebSocket of ws, for Node 20 has none of its own, and a list of those that the client opened. */
const recording = (sockets) =>
  class extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  };

export class Stage {
  #createClient;
  #vsn;
  #clients = [];

  static async open(version, vsn) {
    const { createClient } = await import(`supabase-js-${version}`);
    return new Stage(createClient, vsn);
  }

  constructor(createClient, vsn) {
    this.#createClient = createClient;
    this.#vsn = vsn;
  }

  /** A name that is this test's alone. */
  unique(prefix = 'x') {
    return `${prefix}-${randomUUID().slice(0, 13)}`;
  }

  email() {
    return `${this.unique('user')}@example.com`;
  }

  /** A client with a session, a socket and options of its own. */
  client(key = publishableKey, options = {}) {
    const sockets = [];
    const client = this.#createClient(url, key, {
      ...options,
      auth: {
        persistSession: false,
        autoRefreshToken: false,
        detectSessionInUrl: false,
        // Clients on one key would share a lock, and complain about each other.
        storageKey: randomUUID(),
        ...options.auth,
      },
      realtime: {
        transport: recording(sockets),
        timeout: REALTIME_TIMEOUT_MS,
        ...(this.#vsn && { vsn: this.#vsn }),
        ...options.realtime,
      },
    });
    this.#clients.push(client);
    return Object.assign(client, { sockets });
  }

  admin() {
    return this.client(secretKey);
  }

  /** A client that is signed in as a new anonymous user. */
  async visitor(options) {
    const client = this.client(publishableKey, options);
    const { user } = must(await client.auth.signInAnonymously());
    // The first join would otherwise leave before the token is known.
    await client.realtime.setAuth();
    return Object.assign(client, { userId: user.id });
  }

  /** A client that is signed in as a new user with a password. */
  async user() {
    const client = this.client();
    const email = this.email();
    const { user, session } = must(await client.auth.signUp({ email, password: PASSWORD }));
    return Object.assign(client, { userId: user.id, email, session });
  }

  /** Runs SQL as postgres, the role of a project's owner. */
  sql(text, values) {
    return query('postgres', text, values);
  }

  /** Runs SQL as the superuser, for what the owner of a project may not touch. */
  superSql(text, values) {
    return query('supabase_admin', text, values);
  }

  async close() {
    for (const client of this.#clients) {
      await client.removeAllChannels().catch(() => {}); // a lost socket cannot say goodbye
      await client.realtime.disconnect();
    }
  }
}

/** The data of an answer that must not be an error. */
export function must({ data, error }) {
  assert.equal(error, null, error && `${error.name}: ${error.message} ${error.code ?? ''}`);
  return data;
}

/** Asserts that an answer is this error. */
export function refused(answer, expected) {
  assert.notEqual(answer.error, null, `expected ${JSON.stringify(expected)}, got ${JSON.stringify(answer.data)}`);
  const found = Object.fromEntries(Object.keys(expected).map((key) => [key, answer.error[key] ?? answer[key]]));
  assert.deepEqual(found, expected);
}
