/** A visitor's client without a server: the gallery and the tests say what it shows, and see what it was asked to do. */
import type { HandoffAnswer, TranscriptMessage, VisitorClient, VisitorState } from '@supportbase/handoff';

import { INITIAL } from '../src/app/initial.js';

export class FakeVisitor {
  /** The calls that were made, as `name(arguments as JSON)`. */
  readonly calls: string[] = [];
  /** The next call of this name is refused with this code. */
  refuse: { call: string; code: string; retryAfter?: number } | null = null;
  #state: VisitorState;
  readonly #listeners = new Set<() => void>();

  constructor(state: Partial<VisitorState> = {}) {
    this.#state = { ...INITIAL, ...state };
  }

  set(change: Partial<VisitorState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  get state(): VisitorState {
    return this.#state;
  }

  client(): VisitorClient {
    const say = async (name: string, ...values: unknown[]): Promise<void> => this.#call(name, values);
    const answer = async (name: string, ...values: unknown[]): Promise<HandoffAnswer> => {
      this.#call(name, values);
      return {
        status: 'waiting',
        queue_position: 1,
        estimated_wait_minutes: 1,
        wait_p50_seconds: null,
        wait_p90_seconds: null,
      };
    };
    return {
      visitorId: 'visitor',
      presence: {} as VisitorClient['presence'],
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      getSnapshot: () => this.#state,
      start: () => say('start'),
      stop: () => say('stop'),
      open: async () => Promise.reject(new Error('not used')),
      send: async (content) => {
        this.#call('send', [content]);
        const sent = message({ sender_type: 'customer', content, seq: this.#state.messages.length + 1 });
        this.set({ messages: [...this.#state.messages, sent] });
        return sent;
      },
      sendFile: async (file) => {
        this.#call('sendFile', [file.name]);
        return message({});
      },
      attachmentUrl: async ({ path }, options) => {
        this.#call('attachmentUrl', [path, options?.download]);
        return `data:image/png,${path}`;
      },
      retry: async (id) => {
        this.#call('retry', [id]);
        return message({});
      },
      discard: (id) => this.#call('discard', [id]),
      loadOlder: () => say('loadOlder'),
      requestHuman: (customer) => answer('requestHuman', customer),
      returnToQueue: () => answer('returnToQueue'),
      continueWithAi: () => this.#call('continueWithAi', []),
      submitOfflineForm: async (form) => {
        this.#call('submitOfflineForm', [form]);
        return { status: 'waiting', message: 'Thanks!' };
      },
      stillHere: () => say('stillHere'),
      rate: (stars, feedback) => say('rate', stars, feedback),
      close: () => say('close'),
      clear: () => say('clear'),
      identify: (customer) => say('identify', customer),
      trackPage: () => say('trackPage'),
      typing: () => this.#call('typing', []),
      refreshAvailability: async () => {
        this.#call('refreshAvailability', []);
        return { available: true, show_button: true, show_offline_form: false };
      },
      reconnect: () => this.#call('reconnect', []),
    };
  }

  #call(name: string, values: unknown[]): void {
    const given = values.filter((value) => value !== undefined);
    this.calls.push(`${name}(${given.map((value) => JSON.stringify(value)).join(', ')})`);
    if (this.refuse?.call !== name) return;
    const { code, retryAfter } = this.refuse;
    this.refuse = null;
    throw Object.assign(new Error(code), { code, retryAfter });
  }
}

let count = 0;

/** A message with what matters given and the rest filled in. */
export function message(fields: Partial<TranscriptMessage>): TranscriptMessage {
  count += 1;
  return {
    id: `m-${count}`,
    conversation_id: 'c-1',
    seq: count,
    sender_type: 'customer',
    sender_id: null,
    content: 'Hello',
    client_message_id: null,
    attachments: [],
    metadata: {},
    created_at: new Date().toISOString(),
    delivery: 'sent',
    error: null,
    ...fields,
  };
}
