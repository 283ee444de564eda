import type { Attachment, Message, SenderType, TranscriptMessage } from '../conversation.js';
import type { HandoffError } from '../core/errors.js';

/** Everything said in one conversation, as far as it is known here: confirmed messages by number, then our own unconfirmed ones. */
export class Transcript {
  readonly #confirmed = new Map<string, TranscriptMessage>();
  readonly #pending = new Map<string, TranscriptMessage>();
  #lines: readonly TranscriptMessage[] = [];
  #stale = false;

  /** The same array until something changed. */
  get lines(): readonly TranscriptMessage[] {
    if (this.#stale) {
      const confirmed = [...this.#confirmed.values()].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
      this.#lines = [...confirmed, ...this.#pending.values()];
      this.#stale = false;
    }
    return this.#lines;
  }

  /** Number of the oldest confirmed message; null when there is none. */
  get oldestSeq(): number | null {
    let oldest: number | null = null;
    for (const { seq } of this.#confirmed.values()) if (seq !== null && (oldest === null || seq < oldest)) oldest = seq;
    return oldest;
  }

  /** Takes what the server knows. A message that was waiting here for its confirmation has it now. */
  add(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.client_message_id !== null && this.#pending.delete(message.client_message_id)) this.#stale = true;
      if (this.#confirmed.has(message.id)) continue;
      this.#confirmed.set(message.id, { ...message, delivery: 'sent', error: null });
      this.#stale = true;
    }
  }

  pending(clientMessageId: string): TranscriptMessage | undefined {
    return this.#pending.get(clientMessageId);
  }

  /** Shows a message of our own before the server has it. */
  addPending(line: PendingLine): TranscriptMessage {
    const message: TranscriptMessage = {
      id: line.clientMessageId,
      conversation_id: line.conversationId,
      seq: null,
      sender_type: line.senderType,
      sender_id: line.senderId,
      content: line.content,
      client_message_id: line.clientMessageId,
      metadata: line.metadata,
      created_at: new Date().toISOString(),
      attachments: line.attachments ?? [],
      delivery: 'sending',
      error: null,
    };
    this.#setPending(message);
    return message;
  }

  markSending(clientMessageId: string): void {
    const message = this.#pending.get(clientMessageId);
    if (message) this.#setPending({ ...message, delivery: 'sending', error: null });
  }

  markFailed(clientMessageId: string, { code, message: text, retryAfter }: HandoffError): void {
    const message = this.#pending.get(clientMessageId);
    if (message) this.#setPending({ ...message, delivery: 'failed', error: { code, message: text, retryAfter } });
  }

  discard(clientMessageId: string): void {
    this.#stale = this.#pending.delete(clientMessageId) || this.#stale;
  }

  /** Takes over what another conversation's transcript could not send any more. */
  adoptPending(other: Transcript): void {
    for (const message of other.#pending.values()) this.#setPending(message);
  }

  #setPending(message: TranscriptMessage): void {
    // Setting an existing key keeps its place: a retried message does not jump.
    this.#pending.set(message.client_message_id ?? message.id, message);
    this.#stale = true;
  }
}

export interface PendingLine {
  clientMessageId: string;
  conversationId: string;
  senderType: SenderType;
  senderId: string | null;
  content: string;
  metadata: Record<string, unknown>;
  attachments?: readonly Attachment[];
}
