/** From the list of messages to what the eye sees: groups of one sender, days, and where the AI ended and people began. */
import type { AgentProfile, TranscriptMessage } from '@supportbase/handoff';

import { daysBetween } from './time.js';

/** Messages of one sender in a row, not far apart: one picture, one time. */
export interface Group {
  kind: 'group';
  key: string;
  sender: 'customer' | 'ai' | 'agent';
  /** Of an agent: who, as far as it is known. */
  agent: AgentProfile | null;
  messages: TranscriptMessage[];
}

export type Line =
  | Group
  | { kind: 'day'; key: string; at: string }
  | { kind: 'ai_history'; key: string }
  | { kind: 'joined'; key: string; agent: AgentProfile | null }
  | { kind: 'system'; key: string; message: TranscriptMessage };

export interface TranscriptInput {
  messages: readonly TranscriptMessage[];
  /** Who has the conversation now or had it last. */
  agent: AgentProfile | null;
  /** The agent is in the chat, also when they have not written yet. */
  withAgent: boolean;
  /** The number of the newest message when the agent came; null when this page does not know: then it was just now. */
  joinedAfter: number | null;
  /** Everybody this page has heard of, by id. */
  known: ReadonlyMap<string, AgentProfile>;
}

/** More than this between two messages begins another group. */
const GROUP_GAP_MS = 3 * 60_000;

/** System messages that a card with a button shows instead. */
const SHOWN_AS_CARD: ReadonlySet<string> = new Set([
  'inactivity_warning',
  'agent_disconnected',
  'requeue_offer',
  'team_offline',
  'email_request',
]);

export function linesOf(input: TranscriptInput): Line[] {
  const builder = new Builder(input);
  for (const message of input.messages) builder.add(message);
  return builder.finish();
}

class Builder {
  readonly #input: TranscriptInput;
  readonly #lines: Line[] = [];
  #lastAt = Number.NEGATIVE_INFINITY;
  #lastAgent: string | null = null;
  #anyJoined = false;

  constructor(input: TranscriptInput) {
    this.#input = input;
  }

  add(message: TranscriptMessage): void {
    const at = Date.parse(message.created_at);
    const { joinedAfter } = this.#input;
    if (joinedAfter !== null && (message.seq ?? Infinity) > joinedAfter) this.#joinedNow();
    if (daysBetween(this.#lastAt, at) !== 0)
      this.#lines.push({ kind: 'day', key: `day-${message.id}`, at: message.created_at });
    if (message.sender_type === 'system') this.#addSystem(message);
    else this.#addSaid(message, at);
    this.#lastAt = at;
  }

  finish(): Line[] {
    this.#joinedNow();
    if (this.#anyJoined && this.#lines.some((line) => line.kind === 'group' && line.sender === 'ai')) {
      this.#lines.unshift({ kind: 'ai_history', key: 'ai-history' });
    }
    return this.#lines;
  }

  /** The agent who has the conversation now came here, unless a message of theirs said so before. */
  #joinedNow(): void {
    const { agent, withAgent } = this.#input;
    if (!withAgent || !agent || this.#lastAgent === agent.id) return;
    this.#lastAgent = agent.id;
    this.#joined(agent, `joined-${agent.id}`);
  }

  #addSystem(message: TranscriptMessage): void {
    if (SHOWN_AS_CARD.has(message.metadata.type ?? '')) return;
    this.#lines.push({ kind: 'system', key: message.id, message });
  }

  #addSaid(message: TranscriptMessage, at: number): void {
    const sender = message.sender_type === 'system' ? 'ai' : message.sender_type;
    const agent = sender === 'agent' ? this.#agentOf(message) : null;
    if (sender === 'agent' && message.sender_id !== this.#lastAgent) {
      this.#lastAgent = message.sender_id;
      this.#joined(agent, `joined-${message.id}`);
    }
    const last = this.#lines.at(-1);
    const continues =
      last?.kind === 'group' &&
      last.sender === sender &&
      last.agent?.id === agent?.id &&
      at - this.#lastAt < GROUP_GAP_MS;
    if (continues) last.messages.push(message);
    else this.#lines.push({ kind: 'group', key: keyOf(message), sender, agent, messages: [message] });
  }

  #joined(agent: AgentProfile | null, key: string): void {
    this.#anyJoined = true;
    this.#lines.push({ kind: 'joined', key, agent });
  }

  #agentOf(message: TranscriptMessage): AgentProfile | null {
    const { agent, known } = this.#input;
    const id = message.sender_id ?? '';
    return known.get(id) ?? (agent?.id === id ? agent : null);
  }
}

/** Stays the same when the server confirms the message. */
export const keyOf = (message: TranscriptMessage): string => message.client_message_id ?? message.id;

/** The messages that others wrote after the visitor looked last. */
export function unreadOf(messages: readonly TranscriptMessage[], seenSeq: number): TranscriptMessage[] {
  return messages.filter((one) => one.sender_type !== 'customer' && one.seq !== null && one.seq > seenSeq);
}

/** The number of the newest confirmed message. */
export function newestSeq(messages: readonly TranscriptMessage[]): number {
  return messages.reduce((newest, one) => Math.max(newest, one.seq ?? 0), 0);
}
