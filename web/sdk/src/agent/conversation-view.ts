import type { SupabaseClient } from '@supabase/supabase-js';

import { Files } from '../chat/files.js';
import { readPage } from '../chat/history.js';
import { Outbox } from '../chat/outbox.js';
import { Transcript } from '../chat/transcript.js';
import { Typing } from '../chat/typing.js';
import type {
  Attachment,
  Conversation,
  ConversationContext,
  CustomerPresenceFields,
  Message,
  Note,
  TranscriptMessage,
} from '../conversation.js';
import { asHandoffError, rpc, run } from '../core/call.js';
import { HandoffError } from '../core/errors.js';
import { uuid } from '../core/ids.js';
import { Resource } from '../core/resource.js';
import { createStore, type Store, type WritableStore } from '../core/store.js';
import type { ConversationEvent, ProjectEvent } from '../protocol.js';
import { ConversationFeed, type SyncAnswer } from '../realtime/feed.js';
import type { Link } from '../realtime/link.js';
import type { ConversationSnapshot, ConversationView } from './types.js';

/** A watch lasts two minutes; it is renewed with room for one that was lost. */
const WATCH_EVERY_MS = 50_000;
/** More than any number of an event: asks where a conversation stands, and for none of its events. */
const NO_EVENTS = Number.MAX_SAFE_INTEGER;

export interface ViewContext {
  supabase: SupabaseClient;
  link: Link;
  pageSize: number;
  userId(): string;
  connectionId(): string;
  /** Nobody holds the view any more. */
  onReleased(): void;
}

/** One conversation as the team sees it. */
export class AgentConversation implements ConversationView {
  readonly id: string;
  readonly subscribe: Store<ConversationSnapshot>['subscribe'];
  readonly getSnapshot: Store<ConversationSnapshot>['getSnapshot'];
  readonly #context: ViewContext;
  readonly #store: WritableStore<ConversationSnapshot>;
  readonly #transcript = new Transcript();
  readonly #row: Resource<Conversation>;
  readonly #notes: Resource<Note[]>;
  readonly #about: Resource<ConversationContext>;
  readonly #outbox: Outbox;
  readonly #files: Files;
  readonly #typing: Typing;
  readonly #cleanups: (() => void)[] = [];
  #feed: ConversationFeed | null = null;
  #holders = 0;
  #stopped = false;

  constructor(id: string, context: ViewContext) {
    this.id = id;
    this.#context = context;
    const { supabase, link } = context;
    this.#store = createStore<ConversationSnapshot>({
      conversation: null,
      messages: [],
      hasOlder: false,
      loadingOlder: false,
      notes: [],
      context: null,
      customerTyping: false,
      connection: link.status.getSnapshot(),
      loading: true,
      error: null,
    });
    this.subscribe = this.#store.subscribe;
    this.getSnapshot = this.#store.getSnapshot;
    this.#row = new Resource({ load: () => this.#readRow() });
    this.#notes = new Resource({ load: () => this.#readNotes() });
    this.#about = new Resource({ load: () => rpc(supabase, 'conversation_context', { p_conversation_id: id }) });
    this.#files = new Files(supabase);
    this.#outbox = new Outbox((clientMessageId, content) => this.#deliver(clientMessageId, content));
    this.#typing = new Typing(link, id, 'agent', (customerTyping) => this.#store.patch({ customerTyping }));
    this.#follow();
    void this.#open();
  }

  hold(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0 || this.#stopped) return;
    this.stop();
    this.#context.onReleased();
  }

  stop(): void {
    this.#stopped = true;
    for (const cleanup of this.#cleanups) cleanup();
    this.#feed?.stop();
    this.#typing.stop();
    this.#outbox.stop();
    void this.#watch('unwatch_conversation');
  }

  async loadOlder(): Promise<void> {
    const before = this.#transcript.oldestSeq;
    const { hasOlder, loadingOlder } = this.getSnapshot();
    if (before === null || !hasOlder || loadingOlder) return;
    this.#store.patch({ loadingOlder: true });
    try {
      this.#show(await readPage(this.#context.supabase, this.id, before, this.#context.pageSize));
    } finally {
      this.#store.patch({ loadingOlder: false });
    }
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
    const message = this.#transcript.pending(clientMessageId);
    if (message?.delivery !== 'failed') {
      throw new HandoffError('There is no such failed message', { code: 'message_not_found', status: 404 });
    }
    this.#transcript.markSending(clientMessageId);
    this.#showMessages();
    return this.#dispatch(clientMessageId, message.content);
  }

  discard(clientMessageId: string): void {
    this.#files.forget(clientMessageId);
    this.#transcript.discard(clientMessageId);
    this.#showMessages();
  }

  typing(): void {
    this.#typing.typed();
  }

  async addNote(content: string): Promise<Note> {
    const note = await rpc<Note>(this.#context.supabase, 'add_note', {
      p_conversation_id: this.id,
      p_content: content,
    });
    await this.#notes.refresh();
    return note;
  }

  async deleteNote(noteId: string): Promise<void> {
    await run(this.#context.supabase.from('conversation_notes').delete().eq('id', noteId));
    await this.#notes.refresh();
  }

  setTags(tags: string[]): Promise<void> {
    return this.#change({ tags });
  }

  setPriority(priority: number): Promise<void> {
    return this.#change({ priority });
  }

  setRequiredSkills(skills: string[]): Promise<void> {
    return this.#change({ required_skills: skills });
  }

  async requestEmail(): Promise<void> {
    await rpc(this.#context.supabase, 'request_email', { p_conversation_id: this.id });
    this.#row.invalidate();
  }

  /** What the team's topic tells of this conversation. */
  hear(event: ProjectEvent): void {
    if (event.event === 'note_added' && event.payload.note.conversation_id === this.id) this.#notes.invalidate();
    if (event.event !== 'conversation_updated' || event.payload.conversation.id !== this.id) return;
    this.#row.change((row) => ({ ...row, ...event.payload.conversation }));
    this.#row.invalidate();
  }

  /** The customer has come, gone, or started to type: what the agent's own topic tells. */
  customerIs(presence: CustomerPresenceFields): void {
    this.#row.change((row) => ({ ...row, ...presence }));
    this.#row.invalidate();
  }

  /** It may have moved. */
  invalidate(): void {
    this.#row.invalidate();
    this.#feed?.heal();
  }

  async #open(): Promise<void> {
    const { supabase, link, pageSize } = this.#context;
    try {
      const { event_seq } = await rpc<SyncAnswer>(supabase, 'conversation_sync', {
        p_conversation_id: this.id,
        p_since: NO_EVENTS,
      });
      if (this.#stopped) return;
      this.#feed = new ConversationFeed(supabase, link, this.id, event_seq, {
        onEvent: (event) => this.#apply(event),
        onLost: () => void readPage(supabase, this.id, null, pageSize).then((page) => this.#show(page)),
        onRefused: (error) => this.#fail(error),
      });
      this.#show(await readPage(supabase, this.id, null, pageSize));
      this.#store.patch({ loading: false });
    } catch (error) {
      this.#fail(asHandoffError(error));
    }
  }

  #follow(): void {
    const { link } = this.#context;
    this.#cleanups.push(
      link.status.subscribe(() => this.#store.patch({ connection: link.status.getSnapshot() })),
      this.#row.subscribe(() => this.#showRow()),
      this.#notes.subscribe(() => this.#store.patch({ notes: this.#notes.getSnapshot().data ?? [] })),
      this.#about.subscribe(() => this.#store.patch({ context: this.#about.getSnapshot().data })),
    );
    void this.#watch('watch_conversation');
    const timer = setInterval(() => void this.#watch('watch_conversation'), WATCH_EVERY_MS);
    this.#cleanups.push(() => clearInterval(timer));
  }

  /** The customer's page beats faster while somebody looks. Best effort: without it presence is only coarser. */
  async #watch(name: 'watch_conversation' | 'unwatch_conversation'): Promise<void> {
    const args = { p_conversation_id: this.id, p_connection_id: this.#context.connectionId() };
    await rpc(this.#context.supabase, name, args).catch(() => undefined);
  }

  #apply(event: ConversationEvent): void {
    if (event.event === 'message') {
      this.#transcript.add([event.payload.message]);
      if (event.payload.message.sender_type === 'customer') this.#typing.otherSpoke();
      this.#showMessages();
    }
    if (event.event === 'status_changed') {
      const { new_status: status } = event.payload;
      this.#row.change((row) => ({ ...row, status }));
      this.#about.invalidate();
    }
    if (event.event !== 'queue_position' && event.event !== 'presence_demand') this.#row.invalidate();
  }

  #show({ messages, hasOlder }: { messages: Message[]; hasOlder: boolean }): void {
    if (this.#stopped) return;
    this.#transcript.add(messages);
    this.#store.patch({ messages: this.#transcript.lines, hasOlder });
  }

  #showMessages(): void {
    this.#store.patch({ messages: this.#transcript.lines });
  }

  #showRow(): void {
    const { data, error } = this.#row.getSnapshot();
    this.#store.patch({ conversation: data, error });
  }

  #fail({ code, message }: HandoffError): void {
    this.#store.patch({ loading: false, error: { code, message } });
  }

  #begin(clientMessageId: string, content: string, attachments: readonly Attachment[]): Promise<TranscriptMessage> {
    this.#transcript.addPending({
      clientMessageId,
      content,
      conversationId: this.id,
      senderType: 'agent',
      senderId: this.#context.userId(),
      metadata: {},
      attachments,
    });
    this.#showMessages();
    return this.#dispatch(clientMessageId, content);
  }

  async #dispatch(clientMessageId: string, content: string): Promise<TranscriptMessage> {
    this.#typing.stopped();
    try {
      const message = await this.#outbox.send(clientMessageId, content, {});
      this.#transcript.add([message]);
      return { ...message, delivery: 'sent', error: null };
    } catch (error) {
      const failure = asHandoffError(error);
      this.#transcript.markFailed(clientMessageId, failure);
      throw failure;
    } finally {
      this.#showMessages();
    }
  }

  #deliver(clientMessageId: string, content: string): Promise<Message> {
    return this.#files.deliver(this.id, clientMessageId, content);
  }

  async #change(change: Partial<Pick<Conversation, 'tags' | 'priority' | 'required_skills'>>): Promise<void> {
    const query = this.#context.supabase.from('conversations').update(change).eq('id', this.id);
    const [row] = await run<Conversation[]>(query.select());
    if (row === undefined) {
      throw new HandoffError('There is no such conversation', { code: 'conversation_not_found', status: 404 });
    }
    this.#row.change(() => row);
  }

  async #readRow(): Promise<Conversation> {
    const [row] = await run<Conversation[]>(this.#context.supabase.from('conversations').select('*').eq('id', this.id));
    if (row !== undefined) return row;
    throw new HandoffError('There is no such conversation', { code: 'conversation_not_found', status: 404 });
  }

  #readNotes(): Promise<Note[]> {
    return run<Note[]>(
      this.#context.supabase
        .from('conversation_notes')
        .select('id,conversation_id,author_id,content,created_at')
        .eq('conversation_id', this.id)
        .order('created_at'),
    );
  }
}
