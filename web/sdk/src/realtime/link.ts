import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';

import type { ConnectionStatus } from '../connection.js';
import { backoffMs } from '../core/backoff.js';
import { isOnline, onPageSignal } from '../core/page.js';
import { SleepWatch } from '../core/sleep.js';
import { createStore, notify, type Store } from '../core/store.js';

/** Tries in a row after which the state is `failed` (F001 5.9.6). They go on all the same. */
const FAILED_AFTER = 5;

export interface TopicOptions {
  topic: string;
  /** Default true. Only the widget's topic is public. */
  private?: boolean;
  /** A topic that may be refused or missing without the connection counting as lost. */
  optional?: boolean;
  onEvent(event: string, payload: unknown): void;
  /** After each join, and when the page has woken up: what was broadcast before did not arrive. */
  onJoined?(): void;
}

/** One topic of a {@link Link}. */
export interface Topic {
  /** Sends a client's broadcast, if the topic is joined right now. Never fails: it is for what may be lost. */
  send(event: string, payload: Record<string, unknown>): void;
  leave(): void;
}

/** supabase-js has one channel for a topic, however many want to listen. */
interface Seat {
  topic: string;
  private: boolean;
  listeners: Set<TopicOptions>;
  channel: RealtimeChannel | null;
  /** Tells callbacks of this join from those of earlier ones. */
  join: number;
  state: 'down' | 'joining' | 'joined';
}

/**
 * Joins topics and joins them again, whatever ended them: a lost socket, an expired token (Realtime closes the channel for good),
 * a refusal, a sleeping machine. All topics of a link share one state and one back-off.
 *
 * supabase-js's own rejoining is not relied on: it gives up on channels that the server closed, and does not reconnect while
 * the page is hidden, which is where a dashboard lives most of its day.
 */
export class Link {
  readonly #status = createStore<ConnectionStatus>({ state: 'idle', attempt: 0, retryAt: null });
  readonly status: Store<ConnectionStatus> = this.#status;

  readonly #supabase: SupabaseClient;
  readonly #seats = new Map<string, Seat>();
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryAt: number | null = null;
  #everConnected = false;
  #stopped = false;
  readonly #unlisten: () => void;
  readonly #watch: SleepWatch;

  constructor(supabase: SupabaseClient) {
    this.#supabase = supabase;
    this.#unlisten = onPageSignal((signal) => {
      if (signal === 'online' || signal === 'resume' || signal === 'pageshow') this.#wake();
      if (signal === 'visible') this.#look();
      if (signal === 'offline') this.#report();
    });
    this.#watch = new SleepWatch(() => this.#wake());
  }

  join(options: TopicOptions): Topic {
    const seat = this.#seats.get(options.topic) ?? this.#newSeat(options);
    const listener = { ...options };
    seat.listeners.add(listener);
    if (seat.state === 'joined') queueMicrotask(() => seat.listeners.has(listener) && listener.onJoined?.());
    this.#report();
    return {
      send: (event, payload) => {
        if (seat.state === 'joined') void seat.channel?.send({ type: 'broadcast', event, payload });
      },
      leave: () => {
        if (seat.listeners.delete(listener) && seat.listeners.size === 0) this.#leave(seat);
      },
    };
  }

  /** Tries again now, with a new socket if there is none that works. */
  reconnect(): void {
    if (this.#stopped) return;
    this.#attempt = 0;
    this.#retry();
  }

  stop(): void {
    this.#stopped = true;
    this.#unlisten();
    this.#watch.stop();
    clearTimeout(this.#timer);
    for (const seat of this.#seats.values()) this.#leave(seat);
    this.#status.set({ state: 'idle', attempt: 0, retryAt: null });
  }

  #newSeat({ topic, private: isPrivate = true }: TopicOptions): Seat {
    const seat: Seat = { topic, private: isPrivate, listeners: new Set(), channel: null, join: 0, state: 'down' };
    this.#seats.set(topic, seat);
    void this.#take(seat);
    return seat;
  }

  #leave(seat: Seat): void {
    seat.join += 1;
    seat.listeners.clear();
    // A new seat for the same topic may be taken already.
    if (this.#seats.get(seat.topic) === seat) this.#seats.delete(seat.topic);
    void this.#drop(seat);
    if (!this.#stopped) this.#report();
  }

  async #take(seat: Seat): Promise<void> {
    const join = ++seat.join;
    const isCurrent = () => seat.join === join;
    seat.state = 'joining';
    try {
      await this.#drop(seat);
      await this.#clear(seat.topic);
      // Without this the first join may leave before the session's token is known, and a private topic refuses it.
      await this.#supabase.realtime.setAuth();
    } catch {
      if (isCurrent()) this.#lost(seat);
      return;
    }
    if (isCurrent()) this.#subscribe(seat, isCurrent);
  }

  /** supabase-js forgets channels by their topic: a new one must not exist before the old one is gone, whoever made it. */
  async #clear(topic: string): Promise<void> {
    const left = this.#supabase.getChannels().find((channel) => channel.topic === `realtime:${topic}`);
    if (left !== undefined) await this.#supabase.removeChannel(left);
  }

  #subscribe(seat: Seat, isCurrent: () => boolean): void {
    const channel = this.#supabase.channel(seat.topic, { config: { private: seat.private } });
    seat.channel = channel;
    channel.on('broadcast', { event: '*' }, (message: { event: string; payload?: unknown }) => {
      if (!isCurrent()) return;
      for (const listener of [...seat.listeners]) notify(() => listener.onEvent(message.event, message.payload));
    });
    channel.subscribe((status: string) => {
      if (!isCurrent()) return;
      if (status === 'SUBSCRIBED') this.#joined(seat);
      else this.#lost(seat);
    });
  }

  #joined(seat: Seat): void {
    seat.state = 'joined';
    if (this.#essential().every(({ state }) => state === 'joined')) {
      this.#attempt = 0;
      this.#everConnected = true;
    }
    this.#report();
    this.#tellJoined(seat);
  }

  #tellJoined(seat: Seat): void {
    for (const listener of [...seat.listeners]) notify(() => listener.onJoined?.());
  }

  #lost(seat: Seat): void {
    seat.state = 'down';
    if (!this.#stopped) this.#plan();
    this.#report();
  }

  #plan(): void {
    if (this.#timer !== undefined) return;
    this.#attempt += 1;
    const delay = backoffMs(this.#attempt);
    this.#retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#retry(), delay);
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#retryAt = null;
    if (!isOnline()) {
      this.#report(); // `online` wakes us
      return;
    }
    void this.#renewSocket().then(() => {
      for (const seat of this.#seats.values()) if (seat.state === 'down') void this.#take(seat);
      this.#report();
    });
  }

  /** A socket that has closed stays in the client's way until it is put away. */
  async #renewSocket(): Promise<void> {
    const { realtime } = this.#supabase;
    if (realtime.isConnected() || realtime.isConnecting()) return;
    await realtime.disconnect().catch(() => undefined);
  }

  /** The page is looked at again: what is joined may have missed something while timers and sockets slept. */
  #look(): void {
    if (this.#stopped || this.#seats.size === 0) return;
    if ([...this.#seats.values()].some(({ state }) => state === 'down')) this.reconnect();
    for (const seat of this.#seats.values()) if (seat.state === 'joined') this.#tellJoined(seat);
  }

  /**
   * Back from sleep or on another network: the socket may be dead without knowing it, and its own heartbeat would take up to
   * 50 seconds to find out. A new one takes one.
   */
  #wake(): void {
    if (this.#stopped || this.#seats.size === 0) return;
    this.#attempt = 0;
    void this.#supabase.realtime
      .disconnect()
      .catch(() => undefined)
      .then(() => {
        for (const seat of this.#seats.values()) seat.state = 'down';
        this.#retry();
      });
  }

  async #drop(seat: Seat): Promise<void> {
    const channel = seat.channel;
    seat.channel = null;
    if (channel !== null) await this.#supabase.removeChannel(channel);
  }

  #essential(): Seat[] {
    return [...this.#seats.values()].filter(({ listeners }) => [...listeners].some(({ optional }) => !optional));
  }

  #report(): void {
    const seats = this.#essential();
    const attempt = this.#attempt;
    if (seats.length === 0) return this.#tell('idle', 0, null);
    if (seats.every(({ state }) => state === 'joined')) return this.#tell('connected', 0, null);
    if (!isOnline()) return this.#tell('offline', attempt, null);
    if (attempt >= FAILED_AFTER) return this.#tell('failed', attempt, this.#retryAt);
    this.#tell(this.#everConnected || attempt > 0 ? 'reconnecting' : 'connecting', attempt, this.#retryAt);
  }

  #tell(state: ConnectionStatus['state'], attempt: number, retryAt: number | null): void {
    this.#status.patch({ state, attempt, retryAt });
  }
}
