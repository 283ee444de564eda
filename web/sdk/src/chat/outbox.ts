import type { Message } from '../conversation.js';
import { backoffMs, pause } from '../core/backoff.js';
import { asHandoffError } from '../core/call.js';
import { HandoffError } from '../core/errors.js';
import { onPageSignal } from '../core/page.js';

/** Sends one message. The same clientMessageId again is the same message for the server. */
export type Deliver = (clientMessageId: string, content: string, metadata: Record<string, unknown>) => Promise<Message>;

interface Letter {
  clientMessageId: string;
  content: string;
  metadata: Record<string, unknown>;
  resolve(message: Message): void;
  reject(error: HandoffError): void;
}

/**
 * Sends messages one after another, each until it is answered: no answer, a busy server or a rate limit make it wait and send the same
 * one again; a refusal fails that message and goes on with the next. So they arrive in the order they were written.
 */
export class Outbox {
  readonly #deliver: Deliver;
  readonly #letters: Letter[] = [];
  readonly #ending = new AbortController();
  readonly #unlisten: () => void;
  #waking = new AbortController();
  #running = false;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
    // There is no point in sitting out a pause when the network is back.
    this.#unlisten = onPageSignal((signal) => {
      if (signal === 'online' || signal === 'visible' || signal === 'resume') this.#waking.abort();
    });
  }

  send(clientMessageId: string, content: string, metadata: Record<string, unknown>): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#ending.signal.aborted) return reject(stopped());
      this.#letters.push({ clientMessageId, content, metadata, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  stop(): void {
    this.#ending.abort();
    this.#waking.abort();
    this.#unlisten();
    for (const letter of this.#letters.splice(0)) letter.reject(stopped());
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let letter = this.#letters[0]; letter !== undefined; letter = this.#letters[0]) {
      try {
        letter.resolve(await this.#deliverUntilAnswered(letter));
      } catch (error) {
        letter.reject(asHandoffError(error));
      }
      if (this.#letters[0] === letter) this.#letters.shift();
    }
    this.#running = false;
  }

  async #deliverUntilAnswered(letter: Letter): Promise<Message> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#deliver(letter.clientMessageId, letter.content, letter.metadata);
      } catch (error) {
        const failure = asHandoffError(error);
        if (!failure.retryable) throw failure;
        await this.#sitOut(failure.retryAfter === undefined ? backoffMs(attempt) / 2 : failure.retryAfter * 1000);
        if (this.#ending.signal.aborted) throw stopped();
      }
    }
  }

  async #sitOut(ms: number): Promise<void> {
    if (this.#waking.signal.aborted && !this.#ending.signal.aborted) this.#waking = new AbortController();
    await pause(ms, this.#waking.signal);
  }
}

function stopped(): HandoffError {
  return new HandoffError('The client was stopped', { code: 'stopped' });
}
