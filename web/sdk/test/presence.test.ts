// Beats against a server that is played by fetch, with supabase-js as it is, on a clock of our own.
import { createClient } from '@supabase/supabase-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createPresence, type Presence, type PresenceLogEntry } from '../src/index.js';

interface Call {
  name: string;
  at: number;
  args: Record<string, unknown>;
}
type Reply = { status: number; body: unknown } | 'no network';

const KNOWN = { known: true, next_beat_seconds: 30, lease_seconds: 90, server_time: '2026-03-01T09:30:00Z' };
const ok = (body: object): Reply => ({ status: 200, body });

let calls: Call[];
let log: PresenceLogEntry[];
let reply: (name: string, count: number) => Reply;
let presence: Presence;

function answer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const name = new URL(input instanceof Request ? input.url : input).pathname.split('/').at(-1) ?? '';
  calls.push({ name, at: Date.now(), args: JSON.parse(init?.body as string) as Record<string, unknown> });
  const told = reply(name, calls.filter((call) => call.name === name).length);
  if (told === 'no network') return Promise.reject(new TypeError('Failed to fetch'));
  const headers = { 'Content-Type': 'application/json' };
  return Promise.resolve(new Response(JSON.stringify(told.body), { status: told.status, headers }));
}

function begin(role: 'agent' | 'customer') {
  const supabase = createClient('http://server.test', 'key', {
    global: { fetch: answer },
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // Node 20 has none, and supabase-js asks for one even if it is never opened.
    realtime: { transport: vi.fn() },
  });
  presence = createPresence({ supabase, projectId: 'p', role, log: (entry) => log.push(entry) });
  return presence.start();
}

const named = (name: string) => calls.filter((call) => call.name === name);
const refusal = (status: number, details: string, hint: string | null = null): Reply => ({
  status,
  body: { code: `PT${status}`, details, hint, message: details },
});

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  log = [];
  reply = (name) => ok(name === 'presence_enter' ? { ...KNOWN, role: 'agent', resumed: false } : KNOWN);
});
afterEach(async () => {
  await presence.stop();
  vi.useRealTimers();
});

describe('presence', () => {
  test('beats early and never late, for as long as the page lives', async () => {
    await begin('agent');
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    const moments = [...named('presence_enter'), ...named('presence_heartbeat')].map(({ at }) => at);
    const gaps = moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(30_000 * 0.85 - 1);
    expect(named('presence_heartbeat').map(({ args }) => args.p_beat)).toEqual(
      Array.from({ length: moments.length - 1 }, (_, index) => index + 2),
    );
  });

  test('a lost beat is repeated after 1, 2, 4 seconds, for which the lease has room', async () => {
    await begin('agent');
    reply = (name, count) => (name === 'presence_heartbeat' && count <= 4 ? 'no network' : ok(KNOWN));
    await vi.advanceTimersByTimeAsync(50_000);
    const gaps = named('presence_heartbeat')
      .slice(0, 5)
      .map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));
    for (const [index, seconds] of [0, 1, 2, 4, 8].entries()) {
      expect(gaps[index]).toBeGreaterThanOrEqual(seconds * 850);
      expect(gaps[index]).toBeLessThanOrEqual(seconds * 1000);
    }
    expect(presence.getSnapshot().state).toBe('present');
  });

  test('a connection that the server has forgotten enters again at once', async () => {
    await begin('agent');
    reply = (name, count) => {
      if (name === 'presence_enter') return ok({ ...KNOWN, role: 'agent', resumed: false });
      return ok(count === 1 ? { ...KNOWN, known: false, next_beat_seconds: 0, lease_seconds: 0 } : KNOWN);
    };
    await vi.advanceTimersByTimeAsync(30_000);
    const [forgotten] = named('presence_heartbeat');
    expect(named('presence_enter')).toHaveLength(2);
    expect((named('presence_enter')[1]?.at ?? 0) - (forgotten?.at ?? 0)).toBeLessThan(100);
    expect(presence.getSnapshot().state).toBe('present');
  });

  test('an id of somebody else is given up for one of its own', async () => {
    reply = (name, count) => {
      if (name === 'presence_enter' && count === 1) return refusal(409, 'connection_taken');
      return ok({ ...KNOWN, role: 'agent', resumed: false });
    };
    await begin('agent');
    await vi.advanceTimersByTimeAsync(10);
    const [taken, own] = named('presence_enter').map(({ args }) => args.p_connection_id);
    expect(own).not.toBe(taken);
    expect(presence.getSnapshot()).toMatchObject({ state: 'present', connectionId: own });
  });

  test('whoever is no member any more stops beating', async () => {
    await begin('agent');
    reply = (name) => (name === 'presence_heartbeat' ? refusal(403, 'not_a_member') : ok({ left: true }));
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(named('presence_heartbeat')).toHaveLength(1);
    expect(presence.getSnapshot()).toMatchObject({ state: 'refused', error: { code: 'not_a_member' } });
  });

  test('a user whom the server sees in another role leaves', async () => {
    reply = () => ok({ ...KNOWN, role: 'customer', resumed: false });
    await begin('agent');
    await vi.advanceTimersByTimeAsync(100);
    expect(named('presence_leave')).toHaveLength(1);
    expect(presence.getSnapshot().state).toBe('refused');
  });

  test('demand makes it beat at once and at the interval that the answer tells', async () => {
    reply = (name) =>
      ok({ ...KNOWN, next_beat_seconds: 60, ...(name === 'presence_enter' ? { role: 'customer' } : {}) });
    await begin('customer');
    await vi.advanceTimersByTimeAsync(1_000);
    reply = () => ok({ ...KNOWN, next_beat_seconds: 10, lease_seconds: 30 });
    presence.beat('demand');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(named('presence_heartbeat').length).toBeGreaterThanOrEqual(6);
    expect(presence.getSnapshot().intervalMs).toBe(10_000);
  });

  test('a demand that the answer knows nothing of is asked about once more', async () => {
    reply = (name) =>
      ok({ ...KNOWN, next_beat_seconds: 60, ...(name === 'presence_enter' ? { role: 'customer' } : {}) });
    await begin('customer');
    presence.beat('demand');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(named('presence_heartbeat')).toHaveLength(2);
  });

  test('a connection that is back asks at once whether somebody wants to know, however fresh the last beat', async () => {
    reply = (name) => ok(name === 'presence_enter' ? { ...KNOWN, role: 'customer' } : KNOWN);
    await begin('customer');
    presence.beat('reconnect');
    presence.beat('focus');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(log.filter(({ step }) => step === 'sent').map(({ cause }) => cause)).toEqual(['enter', 'reconnect']);
  });

  test('typing is told with the first key and taken back three seconds after the last', async () => {
    reply = (name) => ok(name === 'presence_enter' ? { ...KNOWN, role: 'customer' } : KNOWN);
    await begin('customer');
    for (let key = 0; key < 10; key += 1) {
      presence.typing();
      await vi.advanceTimersByTimeAsync(500);
    }
    await vi.advanceTimersByTimeAsync(3_000);
    expect(named('presence_heartbeat').map(({ args }) => args.p_state)).toEqual(['typing', 'online']);
  });

  test('a refusal for beating too often waits as long as it says', async () => {
    await begin('agent');
    reply = (name, count) =>
      name === 'presence_heartbeat' && count === 1
        ? refusal(429, 'rate_limited', 'Try again in 20 seconds.')
        : ok(KNOWN);
    await vi.advanceTimersByTimeAsync(60_000);
    const [first, second] = named('presence_heartbeat');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(17_000);
  });

  test('one beat can be followed from its timer to its lease', async () => {
    await begin('agent');
    await vi.advanceTimersByTimeAsync(31_000);
    expect(log.filter(({ beat }) => beat === 2).map(({ step }) => step)).toEqual(['sent', 'answered']);
    expect(log.at(-1)).toMatchObject({
      cause: 'timer',
      nextMs: 30_000,
      leaseMs: 90_000,
      serverTime: KNOWN.server_time,
    });
  });

  test('stop leaves with its reason, and nothing is sent afterwards', async () => {
    await begin('agent');
    await presence.stop('signed_out');
    const sent = calls.length;
    expect(calls.at(-1)).toMatchObject({ name: 'presence_leave', args: { p_reason: 'signed_out' } });
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(calls).toHaveLength(sent);
    expect(presence.getSnapshot().state).toBe('stopped');
  });

  test('a stop and a start again enter again, whatever was on its way', async () => {
    const entering = begin('agent');
    await Promise.all([presence.stop(), presence.start(), entering]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(presence.getSnapshot().state).toBe('present');
  });

  describe('of a page that goes', () => {
    let page: EventTarget & { visibilityState: string };
    const tell = (target: EventTarget, name: string, state = page.visibilityState) => {
      page.visibilityState = state;
      target.dispatchEvent(Object.assign(new Event(name), { persisted: true }));
      return vi.advanceTimersByTimeAsync(10);
    };
    const kept = new Map<string, string>();

    beforeEach(() => {
      page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
      vi.stubGlobal('document', page);
      vi.stubGlobal('window', new EventTarget());
      vi.stubGlobal('sessionStorage', {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => kept.set(key, value),
        removeItem: (key: string) => kept.delete(key),
      });
    });
    afterEach(() => {
      vi.unstubAllGlobals();
      kept.clear();
    });

    test('nothing is beaten after the good-bye, whatever the browser tells then', async () => {
      await begin('agent');
      const sent = calls.length;
      await tell(window, 'pagehide');
      await tell(document, 'visibilitychange', 'hidden');
      await tell(document, 'freeze');
      presence.beat('demand');
      await vi.advanceTimersByTimeAsync(10 * 60_000);
      expect(calls).toHaveLength(sent);
    });

    test('a page from the back/forward cache enters again, once, and confirms it', async () => {
      await begin('agent');
      await tell(window, 'pagehide');
      await tell(document, 'visibilitychange', 'hidden');
      reply = (name) => ok(name === 'presence_enter' ? { ...KNOWN, role: 'agent', resumed: true } : KNOWN);
      await tell(document, 'visibilitychange', 'visible');
      await tell(window, 'pageshow');
      await vi.advanceTimersByTimeAsync(6_000);
      expect(calls.map(({ name }) => name)).toEqual(['presence_enter', 'presence_enter', 'presence_heartbeat']);
    });

    test('the next page goes on with the connection and its count', async () => {
      await begin('agent');
      await vi.advanceTimersByTimeAsync(30_000);
      const { connectionId } = presence.getSnapshot();
      await tell(window, 'pagehide');
      reply = (name) => ok(name === 'presence_enter' ? { ...KNOWN, role: 'agent', resumed: true } : KNOWN);
      await begin('agent');
      await vi.advanceTimersByTimeAsync(6_000);
      expect(calls.map(({ args }) => [args.p_connection_id, args.p_beat])).toEqual([
        [connectionId, undefined],
        [connectionId, 2],
        [connectionId, undefined],
        [connectionId, 4],
      ]);
    });
  });
});
