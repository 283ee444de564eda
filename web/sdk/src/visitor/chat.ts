import type { SupabaseClient } from '@supabase/supabase-js';

import type { HandoffAnswer, QueuePlace, StatusAnswer, WaitingAnswer } from '../availability.js';
import { readPage } from '../chat/history.js';
import { Transcript } from '../chat/transcript.js';
import { Typing } from '../chat/typing.js';
import type { ConversationStatus, Message, VisitorConversation } from '../conversation.js';
import { backoffMs, pause } from '../core/backoff.js';
import { asHandoffError, rpc } from '../core/call.js';
import type { HandoffError } from '../core/errors.js';
import type { ConversationEvent, QueuePositionEvent, WaitRange } from '../protocol.js';
import { ConversationFeed, type SyncAnswer } from '../realtime/feed.js';
import type { Link } from '../realtime/link.js';
import type { AgentProfile } from '../team.js';
import { noticeAfterMessage, noticeAfterMove } from './notice.js';
import type { VisitorNotice } from './types.js';

export interface ChatContext {
  supabase: SupabaseClient;
  link: Link;
  pageSize: number;
  /** Something of the chat has changed. */
  onChange(): void;
  /** The conversation has moved, or somebody wants to see the visitor: a good moment for a beat. */
  onDemand(): void;
  /** The conversation can be read no more: it was deleted, or the session is another one. */
  onRefused(error: HandoffError): void;
}

/** One conversation as its visitor sees it. Exists before the conversation does, so that a first message can be shown at once. */
export class VisitorChat {
  readonly transcript = new Transcript();
  conversation: VisitorConversation | null = null;
  hasOlder = false;
  loadingOlder = false;
  agent: AgentProfile | null = null;
  agentTyping = false;
  queue: QueuePlace | null = null;
  notice: VisitorNotice | null = null;
  /** An agent has finished it. */
  ratable = false;

  readonly #context: ChatContext;
  #feed: ConversationFeed | null = null;
  #typing: Typing | null = null;
  #stopped = false;

  constructor(context: ChatContext) {
    this.#context = context;
  }

  /** The conversation is known: follows it from here on, and reads what was said before. */
  async attach(conversation: VisitorConversation): Promise<void> {
    const { supabase, link } = this.#context;
    this.#take(conversation);
    this.ratable = conversation.status === 'resolved';
    this.#feed = new ConversationFeed(supabase, link, conversation.id, conversation.event_seq, {
      onEvent: (event) => this.#apply(event),
      onLost: (answer) => void this.#readNewest(answer.conversation.id),
      onSynced: (answer) => this.#synced(answer),
      onRefused: (error) => this.#context.onRefused(error),
    });
    this.#typing = new Typing(link, conversation.id, 'customer', (typing) => {
      this.agentTyping = typing;
      this.#context.onChange();
    });
    this.#context.onChange();
    if (conversation.event_seq > 0) await this.#readNewest(conversation.id);
    if (this.#stopped) return;
    if (conversation.status === 'waiting') this.#askForPlace();
  }

  async loadOlder(): Promise<void> {
    const before = this.transcript.oldestSeq;
    if (this.conversation === null || before === null || !this.hasOlder || this.loadingOlder) return;
    this.loadingOlder = true;
    this.#context.onChange();
    try {
      const page = await readPage(this.#context.supabase, this.conversation.id, before, this.#context.pageSize);
      this.transcript.add(page.messages);
      this.hasOlder = page.hasOlder;
    } finally {
      this.loadingOlder = false;
      this.#context.onChange();
    }
  }

  /** A message that the server answered with: it may be here before its broadcast. */
  sent(message: Message): void {
    this.transcript.add([message]);
    this.notice = noticeAfterMessage(this.notice, message);
    this.#typing?.stopped();
    this.#context.onChange();
  }

  /** How far the events have come. Ask before a call whose answer goes to {@link answered}. */
  get position(): number {
    return this.#feed?.lastSeq ?? 0;
  }

  /**
   * Takes in what `request_handoff` and the like answered. Events that came during the call know better: an agent may be here
   * before the answer "waiting".
   */
  answered(answer: HandoffAnswer | StatusAnswer, askedAt: number): void {
    if (answer.status === 'offline' || this.position !== askedAt) return;
    if (answer.status === 'waiting') this.queue = placeIn(answer);
    if (answer.status === 'agent_active') this.#assigned(answer.assigned_agent);
    this.#moved(answer.status);
    this.#context.onChange();
  }

  dismiss(type: VisitorNotice['type']): void {
    if (this.notice?.type !== type) return;
    this.notice = null;
    this.#context.onChange();
  }

  typed(): void {
    this.#typing?.typed();
  }

  /** Fetches what may have been missed. */
  heal(): void {
    this.#feed?.heal();
  }

  stop(): void {
    this.#stopped = true;
    this.#feed?.stop();
    this.#typing?.stop();
  }

  #apply(event: ConversationEvent): void {
    switch (event.event) {
      case 'message':
        this.#heard(event.payload.message);
        break;
      case 'status_changed':
        this.#moved(event.payload.new_status);
        break;
      case 'agent_assigned':
        this.#assigned(event.payload.agent);
        break;
      case 'resolved':
        this.ratable = event.payload.show_rating;
        break;
      case 'queue_position':
        if (this.conversation?.status === 'waiting') this.queue = placeOf(event);
        break;
      case 'presence_demand':
        this.#context.onDemand();
        return;
    }
    this.#context.onChange();
  }

  #heard(message: Message): void {
    this.transcript.add([message]);
    this.notice = noticeAfterMessage(this.notice, message);
    if (message.sender_type === 'agent') this.#typing?.otherSpoke();
  }

  #moved(status: ConversationStatus): void {
    if (this.conversation === null || this.conversation.status === status) return;
    const hadAgent = this.conversation.status === 'agent_active';
    this.conversation = { ...this.conversation, status, agent: status === 'agent_active' ? this.agent : null };
    this.notice = noticeAfterMove(this.notice, status);
    if (status === 'closed') this.ratable = this.ratable || hadAgent;
    else if (status !== 'resolved') this.ratable = false;
    if (status !== 'waiting') this.queue = null;
    else this.#askForPlace();
    this.#context.onDemand();
  }

  #assigned(agent: AgentProfile): void {
    this.agent = agent;
    if (this.conversation !== null) this.conversation = { ...this.conversation, agent };
  }

  /** Where the database says that it stands. Answers to questions that events have overtaken are left aside. */
  #synced({ conversation, event_seq }: SyncAnswer): void {
    if (this.#stopped || event_seq < (this.#feed?.lastSeq ?? 0)) return;
    this.#take(conversation);
    this.#context.onChange();
  }

  #take(conversation: VisitorConversation): void {
    if (this.conversation !== null) this.#moved(conversation.status);
    if (conversation.agent !== null && conversation.agent.id !== this.agent?.id) this.agent = conversation.agent;
    if (JSON.stringify(conversation) !== JSON.stringify(this.conversation)) this.conversation = conversation;
  }

  /** Does not reject: what cannot be read now is read in the background. */
  async #readNewest(conversationId: string, attempt = 1): Promise<void> {
    try {
      this.#showNewest(await readPage(this.#context.supabase, conversationId, null, this.#context.pageSize));
    } catch (error) {
      if (!asHandoffError(error).retryable || this.#stopped) return;
      void pause(backoffMs(attempt)).then(() => this.#readNewest(conversationId, attempt + 1));
    }
  }

  #showNewest({ messages, hasOlder }: { messages: Message[]; hasOlder: boolean }): void {
    if (this.#stopped) return;
    this.transcript.add(messages);
    this.hasOlder = hasOlder;
    this.notice = messages.reduce(noticeAfterMessage, this.notice);
    if (this.conversation?.status === 'closed' || this.conversation?.status === 'resolved') this.notice = null;
    this.#context.onChange();
  }

  /** Later places are broadcast; the first has to be asked for (docs/events.md). */
  #askForPlace(): void {
    const id = this.conversation?.id;
    if (id === undefined) return;
    const askedAt = this.position;
    rpc<HandoffAnswer | StatusAnswer>(this.#context.supabase, 'queue_status', { p_conversation_id: id })
      .then((answer) => {
        if (this.#stopped || this.position !== askedAt || answer.status !== 'waiting') return;
        if (this.conversation?.status !== 'waiting') return;
        this.queue = placeIn(answer);
        this.#context.onChange();
      })
      .catch(() => undefined); // the next change of place is broadcast
  }
}

function placeIn(answer: WaitingAnswer): QueuePlace {
  return place(answer, answer.queue_position, answer.estimated_wait_minutes);
}

function placeOf({ payload }: QueuePositionEvent): QueuePlace {
  return place(payload, payload.position, payload.estimated_wait_minutes);
}

function place(forecast: WaitRange, position: number, estimatedWaitMinutes: number): QueuePlace {
  const { wait_p50_seconds, wait_p90_seconds } = forecast;
  return { wait_p50_seconds, wait_p90_seconds, position, estimatedWaitMinutes, receivedAt: Date.now() };
}
