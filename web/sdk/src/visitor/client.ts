import type { SupabaseClient } from '@supabase/supabase-js';

import type { Availability, HandoffAnswer, OfflineAnswer, StatusAnswer } from '../availability.js';
import { Files } from '../chat/files.js';
import { Outbox } from '../chat/outbox.js';
import type { Attachment, Message, TranscriptMessage, VisitorConversation } from '../conversation.js';
import { asHandoffError, rpc } from '../core/call.js';
import { HandoffError } from '../core/errors.js';
import { Gate } from '../core/gate.js';
import { uuid } from '../core/ids.js';
import { createStore } from '../core/store.js';
import { createPresence } from '../presence/presence.js';
import type { Presence } from '../presence/types.js';
import { Link } from '../realtime/link.js';
import type { SyncAnswer } from '../realtime/feed.js';
import { AvailabilityWatch } from './availability-watch.js';
import { VisitorChat } from './chat.js';
import { currentPage, pageContext } from './context.js';
import { Identity } from './identity.js';
import { VisitorSession } from './session.js';
import { phaseOf } from './phase.js';
import { SafeStorage } from './storage.js';
import type { VisitorClient, VisitorOptions, VisitorState } from './types.js';

const ASSIGNMENT_WAIT_MS = 3_000;
const PAGE_SIZE = 50;
const NO_EVENTS = Number.MAX_SAFE_INTEGER; // more than any number: asks where a conversation stands, and for none of its events

/** A client for one visitor of the website; see {@link VisitorClient}. */
export function createVisitorClient(options: VisitorOptions): VisitorClient {
  return new Visitor(options);
}

class Visitor implements VisitorClient {
  readonly visitorId: string;
  readonly presence: Presence;
  readonly subscribe: VisitorClient['subscribe'];
  readonly getSnapshot: VisitorClient['getSnapshot'];

  readonly #options: VisitorOptions;
  readonly #supabase: SupabaseClient;
  readonly #identity: Identity;
  readonly #session: VisitorSession;
  readonly #link: Link;
  readonly #availability: AvailabilityWatch;
  readonly #state;
  readonly #outbox: Outbox;
  readonly #files: Files;
  readonly #clearing = new Gate(); // what is written meanwhile belongs to the next chat
  readonly #cleanups: (() => void)[] = [];
  #chat: VisitorChat;
  #opening: Promise<VisitorConversation> | null = null;
  #requesting = false;
  #offline: OfflineAnswer | null = null;
  #rated: string | null = null;
  #trackedUrl: string | null = null;
  #started = false;
  #stopped = false;

  constructor(options: VisitorOptions) {
    this.#options = options;
    this.#supabase = options.supabase;
    this.#identity = new Identity(new SafeStorage(options.storage), options.projectId);
    this.visitorId = this.#identity.visitorId;
    this.#session = new VisitorSession(options.supabase);
    this.#link = new Link(options.supabase);
    this.presence = createPresence({
      supabase: options.supabase,
      projectId: options.projectId,
      role: 'customer',
      visitorId: this.visitorId,
      ...(options.log === undefined ? {} : { log: options.log }),
    });
    this.#chat = this.#newChat();
    this.#state = createStore<VisitorState>(this.#compose(null));
    this.subscribe = this.#state.subscribe;
    this.getSnapshot = this.#state.getSnapshot;
    this.#availability = new AvailabilityWatch(options.supabase, options.projectId, (availability) =>
      this.#state.patch({ availability }),
    );
    this.#files = new Files(options.supabase);
    this.#outbox = new Outbox((clientMessageId, content) => this.#deliver(clientMessageId, content));
    this.#cleanups.push(
      this.#link.status.subscribe(() => this.#connectionChanged()),
      this.#session.onEnded(() => this.#forget()),
      this.#followOtherTabs(),
    );
  }

  async start(): Promise<void> {
    this.#started = true;
    if (this.#options.followAvailability ?? true) this.#availability.follow(this.#link);
    await Promise.all([this.refreshAvailability(), this.#resume()]);
  }

  open(): Promise<VisitorConversation> {
    if (this.#clearing.closed !== null) return this.#clearing.closed.then(() => this.open());
    const { conversation } = this.#chat;
    if (conversation !== null && conversation.status !== 'closed') return Promise.resolve(conversation);
    return (this.#opening ??= this.#open().finally(() => (this.#opening = null)));
  }

  send(content: string): Promise<TranscriptMessage> {
    return this.#begin(uuid(), content, []);
  }

  sendFile(file: File): Promise<TranscriptMessage> {
    const clientMessageId = uuid();
    const attachment = this.#files.add(clientMessageId, file);
    return this.#begin(clientMessageId, attachment.name, [attachment]);
  }

  attachmentUrl(attachment: Attachment, { download = true } = {}): Promise<string> {
    return this.#files.url(attachment, download);
  }

  async retry(clientMessageId: string): Promise<TranscriptMessage> {
    const message = this.#chat.transcript.pending(clientMessageId);
    if (message?.delivery !== 'failed') {
      throw new HandoffError('There is no such failed message', { code: 'message_not_found', status: 404 });
    }
    const file = this.#files.of(clientMessageId);
    if (this.#chat.conversation?.status === 'closed') {
      this.#files.forget(clientMessageId);
      return file === undefined ? this.send(message.content) : this.sendFile(file);
    }
    this.#chat.transcript.markSending(clientMessageId);
    this.#report();
    return this.#dispatch(clientMessageId, message.content);
  }

  discard(clientMessageId: string): void {
    this.#files.forget(clientMessageId);
    this.#chat.transcript.discard(clientMessageId);
    this.#report();
  }

  loadOlder(): Promise<void> {
    return this.#chat.loadOlder();
  }

  async requestHuman(customer: { email?: string; name?: string } = {}): Promise<HandoffAnswer> {
    this.#requesting = true;
    this.#offline = null;
    this.#report();
    try {
      const { id } = await this.open();
      const askedAt = this.#chat.position;
      const answer = await rpc<HandoffAnswer>(this.#supabase, 'request_handoff', {
        p_conversation_id: id,
        p_reason: 'button_click',
        p_customer_email: customer.email ?? null,
        p_customer_name: customer.name ?? null,
      });
      this.#offline = answer.status === 'offline' ? answer : null;
      this.#chat.answered(answer, askedAt);
      return answer.status === 'waiting' ? ((await this.#agentComes()) ?? answer) : answer;
    } finally {
      this.#requesting = false;
      this.#report();
    }
  }

  continueWithAi(): void {
    this.#offline = null;
    this.#report();
  }

  async submitOfflineForm(form: { email: string; name?: string; message: string }) {
    const { id } = await this.open();
    const answer = await rpc<{ status: string; message: string }>(this.#supabase, 'submit_offline_form', {
      p_conversation_id: id,
      p_email: form.email,
      p_name: form.name ?? null,
      p_message: form.message,
      p_client_message_id: uuid(),
    });
    this.#offline = null;
    this.#chat.dismiss('team_offline');
    this.#chat.dismiss('email_request');
    this.#chat.heal();
    this.#report();
    return answer;
  }

  async stillHere(): Promise<void> {
    await rpc(this.#supabase, 'still_here', { p_conversation_id: this.#required() });
    this.#chat.dismiss('inactivity_warning');
    this.presence.beat('activity');
  }

  async returnToQueue(): Promise<HandoffAnswer> {
    const askedAt = this.#chat.position;
    const answer = await rpc<HandoffAnswer>(this.#supabase, 'return_to_queue', { p_conversation_id: this.#required() });
    this.#chat.answered(answer, askedAt);
    return answer;
  }

  async rate(rating: number, feedback?: string): Promise<void> {
    const id = this.#required();
    await rpc(this.#supabase, 'rate_conversation', {
      p_conversation_id: id,
      p_rating: rating,
      p_feedback: feedback ?? null,
    });
    this.#rated = id;
    this.#identity.rated(id);
    this.#report();
  }

  async close(): Promise<void> {
    await rpc(this.#supabase, 'close_conversation', { p_conversation_id: this.#required() });
    this.#chat.heal();
  }

  clear(): Promise<void> {
    return this.#clearing.during(async () => {
      const id = this.#chat.conversation?.id;
      if (id !== undefined) {
        await this.presence.stop('chat_cleared');
        await rpc(this.#supabase, 'clear_chat', { p_conversation_id: id });
      }
      this.#forget();
    });
  }

  async identify(customer: { email: string; name?: string }): Promise<void> {
    await this.#session.ensure();
    await rpc(this.#supabase, 'identify_customer', {
      p_project_id: this.#options.projectId,
      p_visitor_id: this.visitorId,
      p_email: customer.email,
      p_name: customer.name ?? null,
      p_context: pageContext() ?? {},
    });
    this.#chat.dismiss('email_request');
  }

  async trackPage(): Promise<void> {
    const page = currentPage();
    if (page === null || page.p_url === this.#trackedUrl || (await this.#session.current()) === null) return;
    this.#trackedUrl = page.p_url;
    await rpc(this.#supabase, 'track_visit', {
      p_project_id: this.#options.projectId,
      p_visitor_id: this.visitorId,
      p_context: pageContext() ?? {},
      ...page,
    });
    await this.presence.update({});
  }

  typing(): void {
    this.#chat.typed();
    this.presence.typing();
  }

  refreshAvailability(): Promise<Availability> {
    return this.#availability.refresh();
  }

  reconnect(): void {
    this.#link.reconnect();
    this.#chat.heal();
  }

  async stop(reason?: string): Promise<void> {
    this.#stopped = true;
    for (const cleanup of this.#cleanups) cleanup();
    this.#outbox.stop();
    this.#chat.stop();
    this.#availability.stop();
    this.#link.stop();
    await this.presence.stop(reason);
  }

  // --- the conversation

  async #open(): Promise<VisitorConversation> {
    await this.#session.ensure();
    const conversation = await rpc<VisitorConversation>(this.#supabase, 'start_conversation', {
      p_project_id: this.#options.projectId,
      p_visitor_id: this.visitorId,
      p_metadata: { ...pageContext(), page_url: currentPage()?.p_url ?? null, ...this.#options.metadata },
    });
    if (this.#chat.conversation?.status === 'closed') {
      const ended = this.#chat;
      this.#forget();
      this.#chat.transcript.adoptPending(ended.transcript);
    }
    await this.#attach(conversation);
    return conversation;
  }

  async #attach(conversation: VisitorConversation): Promise<void> {
    if (this.#chat.conversation !== null || this.#stopped) return; // begun and resumed at once
    this.#identity.conversationId = conversation.id;
    if (this.#options.trackVisits ?? true) void this.trackPage().catch(() => undefined); // a courtesy to the team
    this.#availability.follow(this.#link);
    await this.#chat.attach(conversation);
    if (this.#options.presence ?? true) {
      await this.presence.update({ conversationId: conversation.id });
      void this.presence.start();
    }
  }

  /** Goes on with this browser's conversation, if there is one that has not ended. */
  async #resume(): Promise<void> {
    const id = this.#identity.conversationId;
    if (id === null || this.#chat.conversation !== null || (await this.#session.current()) === null) return;
    try {
      const { conversation } = await rpc<SyncAnswer>(this.#supabase, 'conversation_sync', {
        p_conversation_id: id,
        p_since: NO_EVENTS,
      });
      if (conversation.status === 'closed') this.#identity.conversationId = null;
      else await this.#attach(conversation);
    } catch (error) {
      if (asHandoffError(error).status !== 404) throw error;
      this.#identity.conversationId = null;
    }
  }

  /** Nothing of this browser's conversation is shown any more; the next message begins another. */
  #forget(): void {
    this.#chat.stop();
    this.#chat = this.#newChat();
    this.#identity.conversationId = null;
    this.#offline = null;
    void this.presence.stop();
    this.#report();
  }

  #newChat(): VisitorChat {
    return new VisitorChat({
      supabase: this.#supabase,
      link: this.#link,
      pageSize: this.#options.pageSize ?? PAGE_SIZE,
      onChange: () => this.#report(),
      onDemand: () => this.presence.beat('demand'),
      onRefused: (error) => {
        if (error.status === 404) this.#forget();
      },
    });
  }

  /** Another tab of this browser has begun a conversation: it is this tab's too. */
  #followOtherTabs(): () => void {
    if (typeof window === 'undefined') return () => undefined;
    const onStorage = (event: StorageEvent) => {
      if (event.key !== this.#identity.conversationKey || event.newValue === null) return;
      void this.#resume().catch(() => undefined); // a reload shows it
    };
    window.addEventListener('storage', onStorage);
    return () => window.removeEventListener('storage', onStorage);
  }

  // --- messages

  async #begin(
    clientMessageId: string,
    content: string,
    attachments: readonly Attachment[],
  ): Promise<TranscriptMessage> {
    if (this.#clearing.closed !== null) await this.#clearing.closed;
    if (this.#chat.conversation?.status === 'closed') this.#forget();
    this.#chat.transcript.addPending({
      clientMessageId,
      content,
      conversationId: this.#chat.conversation?.id ?? '',
      senderType: 'customer',
      senderId: null,
      metadata: {},
      attachments,
    });
    this.#report();
    return this.#dispatch(clientMessageId, content);
  }

  async #dispatch(clientMessageId: string, content: string): Promise<TranscriptMessage> {
    try {
      const message = await this.#outbox.send(clientMessageId, content, {});
      this.#chat.sent(message);
      return { ...message, delivery: 'sent', error: null };
    } catch (error) {
      const failure = asHandoffError(error);
      this.#chat.transcript.markFailed(clientMessageId, failure);
      this.#report();
      throw failure;
    }
  }

  async #deliver(clientMessageId: string, content: string): Promise<Message> {
    const { id } = await this.open();
    return this.#files.deliver(id, clientMessageId, content);
  }

  // --- the answer to "talk to a human"

  /** The agent, if one comes within the wait. Asks once more at its end: the broadcast may be late or lost. */
  async #agentComes(): Promise<HandoffAnswer | null> {
    const chat = this.#chat;
    const waitMs = this.#options.assignmentWaitMs ?? ASSIGNMENT_WAIT_MS;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      const unsubscribe = this.#state.subscribe(() => {
        if (chat.conversation?.status !== 'waiting' && chat.agent !== null) done();
      });
    });
    if (chat.conversation?.status === 'agent_active' && chat.agent !== null) {
      return { status: 'agent_active', assigned_agent: chat.agent };
    }
    const askedAt = chat.position;
    const answer = await rpc<HandoffAnswer | StatusAnswer>(this.#supabase, 'queue_status', {
      p_conversation_id: this.#required(),
    });
    chat.answered(answer, askedAt);
    return answer.status === 'waiting' || answer.status === 'agent_active' ? answer : null;
  }

  #required(): string {
    const id = this.#chat.conversation?.id;
    if (id === undefined) {
      throw new HandoffError('There is no conversation', { code: 'conversation_not_found', status: 404 });
    }
    return id;
  }

  // --- the snapshot

  #connectionChanged(): void {
    this.#report();
    const connected = this.#link.status.getSnapshot().state === 'connected';
    // Somebody may have asked for fast beats while nothing was heard.
    if (connected && this.presence.getSnapshot().state !== 'stopped') this.presence.beat('reconnect');
    if (connected && this.#started) void this.#resume().catch(() => undefined); // what start() had no network for
  }

  #report(): void {
    const isClosed = this.#chat.conversation?.status === 'closed';
    if (this.#stopped || (isClosed && this.#clearing.closed !== null)) return; // cleared, not ended: a new chat follows
    if (isClosed && this.presence.getSnapshot().state !== 'stopped') {
      void this.presence.stop();
    }
    this.#state.patch(this.#compose(this.#state.getSnapshot().availability));
  }

  #compose(availability: Availability | null): VisitorState {
    const { conversation, transcript, hasOlder, loadingOlder, agent, agentTyping, queue, notice, ratable } = this.#chat;
    const id = conversation?.id;
    return {
      phase: phaseOf(conversation?.status ?? null, { requesting: this.#requesting, offline: this.#offline !== null }),
      conversation,
      messages: transcript.lines,
      hasOlder,
      loadingOlder,
      agent,
      agentTyping,
      queue,
      availability,
      offline: this.#offline,
      notice,
      canRate: ratable && conversation !== null && this.#rated !== id && !this.#identity.hasRated(conversation.id),
      connection: this.#link.status.getSnapshot(),
    };
  }
}
