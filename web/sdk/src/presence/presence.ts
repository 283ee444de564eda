import { pause } from '../core/backoff.js';
import { asHandoffError } from '../core/call.js';
import type { HandoffError } from '../core/errors.js';
import { isHidden, onPageSignal, type PageSignal } from '../core/page.js';
import { createStore } from '../core/store.js';
import { Activity } from './activity.js';
import { ConnectionId } from './connection-id.js';
import { type BeatAnswer, PresenceGateway } from './gateway.js';
import { createBeatTimer, type BeatTimer } from './timer.js';
import type { BeatCause, Presence, PresenceLogEntry, PresenceOptions, PresenceSnapshot } from './types.js';

/** Until the server has said otherwise. */
const FIRST_INTERVAL_MS = { agent: 30_000, customer: 10_000 } as const;
/** What a hidden page promises: its timers may come no more often. */
const HIDDEN_INTERVAL_MS = 60_000;
/** Beats for the same reason closer together than this say nothing new. */
const MIN_GAP_MS = 5_000;
/** Causes that ask the server for something: when to beat next, and whether somebody wants to know. */
const ALWAYS_SENT: ReadonlySet<BeatCause> = new Set(['timer', 'enter', 'demand', 'reconnect']);
const TYPING_MS = 3_000;
/** An inherited id's last page may still be saying good-bye; this beat comes after it, and well inside the grace of 15 s. */
const CONFIRM_MS = 5_000;
const MAX_RETRY_MS = 16_000;

/** The presence of one connection; see {@link Presence}. Clients make their own: this is for pages that use neither. */
export function createPresence(options: PresenceOptions): Presence {
  return new Connection(options);
}

/**
 * One connection's beats. The rule (docs/presence.md): early, never late. Each beat declares when the next is due; the lease
 * is three times that. A beat goes out on time from a worker's timer, and at once when something happened that
 * may have kept the timer: the page was shown, focused, resumed or restored, the network came back. Only one is under way at a
 * time; one that failed is repeated after 1, 2, 4 ... seconds, for which the lease has room.
 */
class Connection implements Presence {
  readonly subscribe: Presence['subscribe'];
  readonly getSnapshot: Presence['getSnapshot'];

  readonly #options: PresenceOptions;
  readonly #id: ConnectionId;
  readonly #store;
  #gateway: PresenceGateway | null = null;
  #timer: BeatTimer | null = null;
  #activity: Activity | null = null;
  #unlisten: (() => void) | null = null;

  /** Counts starts, so that answers to an earlier life change nothing. */
  #life = 0;
  #entered = false;
  /** The page has said good-bye: nothing may take that back but the page itself, shown again. */
  #gone = false;
  /** Somebody else's good-bye for this connection may be on its way: that of the page before, or of this one before it came back. */
  #mayBeSaidGone: boolean;
  #busy = false;
  #again: BeatCause | null = null;
  #beats: number;
  #failures = 0;
  #intervalMs: number;
  #typingUntil = 0;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #toldState = '';
  #data: Record<string, unknown> | null;
  #conversationId: string | null;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#id = new ConnectionId(`sb_presence_${options.role}_${options.projectId}`);
    this.#mayBeSaidGone = this.#id.inherited;
    this.#beats = this.#id.beats;
    this.#data = options.data ?? null;
    this.#conversationId = options.conversationId ?? null;
    this.#intervalMs = FIRST_INTERVAL_MS[options.role];
    this.#store = createStore<PresenceSnapshot>({
      state: 'stopped',
      connectionId: this.#id.current,
      activity: this.#stateNow(),
      lastBeatAt: null,
      nextBeatAt: null,
      intervalMs: this.#intervalMs,
      error: null,
    });
    this.subscribe = this.#store.subscribe;
    this.getSnapshot = this.#store.getSnapshot;
  }

  async start(): Promise<void> {
    if (this.#gateway !== null) return;
    this.#life += 1;
    this.#entered = this.#busy = this.#gone = false;
    this.#again = null;
    this.#gateway = new PresenceGateway(this.#options.supabase, () => this.#signedOut());
    this.#timer = createBeatTimer(() => void this.#beat('timer'));
    this.#activity = new Activity((wasIdle) => {
      if (wasIdle) void this.#beat('activity');
    });
    this.#unlisten = onPageSignal((signal) => this.#signal(signal));
    this.#store.patch({ state: 'entering', error: null });
    await this.#beat('enter');
  }

  async stop(reason = 'left'): Promise<void> {
    const gateway = this.#gateway;
    if (gateway === null) return;
    const mayBeKnown = this.#entered || this.#busy;
    this.#end('stopped', null);
    if (mayBeKnown) await gateway.leave(this.#id.current, reason).catch(() => undefined); // the lease ends by itself
  }

  typing(): void {
    if (this.#options.role === 'agent') return;
    this.#activity?.touch();
    const began = Date.now() >= this.#typingUntil;
    this.#typingUntil = Date.now() + TYPING_MS;
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => void this.#beat('typing'), TYPING_MS + 50); // takes it back
    if (began) void this.#beat('typing');
  }

  async update(change: { data?: Record<string, unknown>; conversationId?: string | null }): Promise<void> {
    if (change.data !== undefined) this.#data = change.data;
    if (change.conversationId !== undefined) this.#conversationId = change.conversationId;
    if (!this.#entered || this.#gateway === null) return; // entering tells it
    const answer = await this.#gateway.update({
      p_connection_id: this.#id.current,
      p_page: this.#page(),
      p_data: this.#data,
      p_conversation_id: this.#conversationId,
    });
    if (!answer.known) this.#entered = false;
    if (!answer.known) void this.#beat('enter');
  }

  beat(cause: BeatCause = 'update'): void {
    void this.#beat(cause);
  }

  // --- signals

  #signal(signal: PageSignal): void {
    switch (signal) {
      case 'pagehide':
        return this.#handOver();
      case 'pageshow':
        return this.#comeBack();
      case 'hidden':
      case 'freeze': // Says that beats will be rarer, before they are.
        return void this.#beat('hidden');
      case 'visible':
      case 'focus':
        return this.#gone ? this.#comeBack() : void this.#beat(signal);
      case 'online':
      case 'resume':
        return void this.#beat(signal);
      case 'offline':
        return;
    }
  }

  /** What the browser tells after this (hidden, freeze) is about a page that is gone, and no beat. */
  #handOver(): void {
    this.#gone = true;
    this.#timer?.cancel();
    if (!this.#entered && !this.#busy) return;
    this.#id.handOver(this.#beats);
    this.#gateway?.leaveBehind(this.#id.current, 'pagehide', this.#beats);
  }

  /** The session is over, here or in another tab; the token that was used until now still serves to say so. */
  #signedOut(): void {
    if (this.#entered) this.#gateway?.leaveBehind(this.#id.current, 'signed_out', this.#beats);
    this.#end('stopped', null);
  }

  /** From the back/forward cache: the page goes on where it stopped, but it has said good-bye. */
  #comeBack(): void {
    if (!this.#gone) return;
    this.#life += 1; // what was on its way when the page went is answered no more, or too late
    this.#gone = this.#entered = this.#busy = false;
    this.#again = null;
    this.#mayBeSaidGone = true;
    this.#id.takeBack();
    void this.#beat('resume');
  }

  // --- beats

  async #beat(cause: BeatCause): Promise<void> {
    if (this.#gateway === null || this.#gone) return;
    if (this.#busy) {
      this.#again = cause;
      return;
    }
    if (this.#isNoNews(cause)) {
      this.#plan();
      return;
    }
    this.#busy = true;
    const life = this.#life;
    try {
      await this.#send(this.#gateway, cause, life);
    } finally {
      if (life === this.#life) this.#busy = false;
    }
    if (life !== this.#life) return;
    const again = this.#again;
    this.#again = null;
    if (again !== null) void this.#beat(again);
  }

  async #send(gateway: PresenceGateway, cause: BeatCause, life: number): Promise<void> {
    const number = ++this.#beats;
    const state = this.#stateNow();
    const began = Date.now();
    const due = this.#store.getSnapshot().nextBeatAt;
    this.#log({ beat: number, step: 'sent', cause, ...(due === null ? {} : { lateMs: Math.max(0, began - due) }) });
    try {
      const answer = await (this.#entered
        ? gateway.heartbeat(this.#heartbeat(state, number))
        : this.#enter(gateway, state));
      if (life !== this.#life) return;
      this.#log({ beat: number, step: 'answered', cause, tookMs: Date.now() - began, ...timesOf(answer) });
      this.#answered(answer, state);
      // The push may be quicker than the commit that it tells of is visible to a beat.
      if (cause === 'demand' && this.#intervalMs > FIRST_INTERVAL_MS.customer) void this.#confirm(life);
    } catch (error) {
      if (life !== this.#life) return;
      const failure = asHandoffError(error);
      this.#log({ beat: number, step: 'failed', cause, tookMs: Date.now() - began, error: failure.code });
      this.#failed(failure);
    }
  }

  async #enter(gateway: PresenceGateway, state: string): Promise<BeatAnswer> {
    const answer = await gateway.enter({
      p_project_id: this.#options.projectId,
      p_connection_id: this.#id.current,
      p_state: state,
      p_next_beat_seconds: this.#promisedSeconds(),
      p_conversation_id: this.#conversationId,
      p_visitor_id: this.#options.visitorId ?? null,
      p_page: this.#page(),
      p_data: this.#data,
      p_idle_seconds: this.#activity?.idleSeconds ?? 0,
    });
    if (this.#mayBeSaidGone && answer.resumed === true) void this.#confirm(this.#life);
    this.#mayBeSaidGone = false;
    return answer;
  }

  async #confirm(life: number): Promise<void> {
    await pause(CONFIRM_MS);
    if (life === this.#life) void this.#beat('confirm');
  }

  #heartbeat(state: string, number: number): Record<string, unknown> {
    return {
      p_connection_id: this.#id.current,
      p_state: state,
      p_next_beat_seconds: this.#promisedSeconds(),
      p_idle_seconds: this.#activity?.idleSeconds ?? 0,
      p_beat: number,
    };
  }

  #answered(answer: BeatAnswer, state: string): void {
    this.#failures = 0;
    if (!answer.known) {
      this.#entered = false;
      this.#again = 'enter';
      return;
    }
    if (answer.role !== undefined && answer.role !== this.#options.role) return this.#refuse('not_a_member');
    this.#entered = true;
    this.#toldState = state;
    this.#intervalMs = answer.next_beat_seconds * 1000;
    this.#store.patch({
      state: 'present',
      activity: state,
      lastBeatAt: Date.now(),
      intervalMs: this.#intervalMs,
      error: null,
    });
    this.#plan();
  }

  #failed(failure: HandoffError): void {
    if (failure.code === 'connection_taken') {
      this.#id.renew();
      this.#store.patch({ connectionId: this.#id.current });
      this.#again = 'enter';
      return;
    }
    if (failure.code === 'not_a_member' || failure.code === 'not_installed') return this.#refuse(failure.code, failure);
    this.#failures += 1;
    this.#store.patch({ state: 'retrying', error: { code: failure.code, message: failure.message } });
    // Refused for coming too often: the beats before have renewed the lease. Anything else is tried soon.
    const seconds = failure.retryAfter ?? Math.min(2 ** (this.#failures - 1), MAX_RETRY_MS / 1000);
    this.#schedule(Math.min(seconds * 1000, this.#intervalMs) * (0.85 + Math.random() * 0.15));
  }

  #refuse(code: string, failure?: HandoffError): void {
    const gateway = this.#gateway;
    if (this.#entered || failure === undefined) void gateway?.leave(this.#id.current, 'left').catch(() => undefined);
    this.#end('refused', { code, message: failure?.message ?? 'The user has another role in this project' });
  }

  #end(state: 'stopped' | 'refused', error: PresenceSnapshot['error']): void {
    this.#life += 1;
    this.#entered = false;
    this.#timer?.stop();
    clearTimeout(this.#typingTimer);
    this.#activity?.stop();
    this.#unlisten?.();
    this.#gateway?.stop();
    this.#timer = this.#activity = this.#unlisten = this.#gateway = null;
    this.#store.patch({ state, nextBeatAt: null, error });
  }

  /** Plans the next beat: early by up to 15 %, so that pages do not beat in step, and never late. */
  #plan(): void {
    const sinceLast = Date.now() - (this.#store.getSnapshot().lastBeatAt ?? Date.now());
    this.#schedule(this.#intervalMs * (0.85 + Math.random() * 0.15) - sinceLast);
  }

  #schedule(ms: number): void {
    const wait = Math.max(0, Math.round(ms));
    this.#store.patch({ nextBeatAt: Date.now() + wait });
    this.#timer?.schedule(wait);
  }

  // --- what a beat says

  #stateNow(): string {
    const isAgent = this.#options.role === 'agent';
    if (isHidden()) return isAgent ? 'hidden' : 'background';
    if (!isAgent && Date.now() < this.#typingUntil) return 'typing';
    if (this.#activity?.isIdle()) return 'idle';
    return isAgent ? 'active' : 'online';
  }

  #promisedSeconds(): number {
    const ms = isHidden() ? Math.max(HIDDEN_INTERVAL_MS, this.#intervalMs) : this.#intervalMs;
    return Math.round(ms / 1000);
  }

  /** A beat that says what the last one said, moments after it: the server counts those against the connection. */
  #isNoNews(cause: BeatCause): boolean {
    const { lastBeatAt } = this.#store.getSnapshot();
    const isNews = ALWAYS_SENT.has(cause) || !this.#entered || this.#failures > 0;
    if (isNews || lastBeatAt === null) return false;
    const skipped = this.#stateNow() === this.#toldState && Date.now() - lastBeatAt < MIN_GAP_MS;
    if (skipped) this.#log({ beat: this.#beats, step: 'skipped', cause });
    return skipped;
  }

  #page(): string | null {
    const { url } = this.#options;
    if (url !== undefined) return url === null ? null : url();
    return typeof location === 'undefined' ? null : location.href;
  }

  #log(entry: Omit<PresenceLogEntry, 'at' | 'connectionId'>): void {
    try {
      this.#options.log?.({ at: Date.now(), connectionId: this.#id.current, ...entry });
    } catch {
      // A log that fails must not keep anybody from being present.
    }
  }
}

function timesOf(answer: BeatAnswer): Pick<PresenceLogEntry, 'nextMs' | 'leaseMs' | 'serverTime'> {
  return {
    nextMs: answer.next_beat_seconds * 1000,
    leaseMs: answer.lease_seconds * 1000,
    serverTime: answer.server_time,
  };
}
