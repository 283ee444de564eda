/** Everything the panel shows, and everything it does: the SDK's client with what only a widget knows. No DOM. */
import type { AgentProfile, Attachment, Store, VisitorClient, VisitorState } from '@supportbase/handoff';

import type { Emitter } from '../emitter.js';
import { newestSeq, unreadOf } from '../logic/transcript.js';
import { seenKey } from '../storage.js';
import type { SafeStorage } from '../storage.js';
import { INITIAL } from './initial.js';

export interface ChatState {
  visitor: VisitorState;
  /** The client is there. */
  ready: boolean;
  /** It could not be loaded. */
  loadFailed: boolean;
  open: boolean;
  /** Messages of others that the visitor has not seen. */
  unread: number;
  /** The AI has not answered yet, and probably will. */
  thinking: boolean;
  /** The form for a message to the team, asked for by the visitor. */
  formWanted: boolean;
  /** Where the answer to the offline form goes; null before it was sent. */
  formSentTo: string | null;
  /** The address that the visitor gave here; null before. */
  email: string | null;
  /** The place in the queue when this wait began, for the bar. */
  firstPosition: number;
  /** The stars that were given. */
  rated: number | null;
  /** What went wrong with the last action. */
  problem: { code: string; retryAfter: number | undefined } | null;
  /** The number of the newest message when the agent came, as far as this page saw it. */
  joinedAfter: number | null;
  /** Everybody heard of, by id. */
  known: ReadonlyMap<string, AgentProfile>;
}

export interface ModelParts {
  load: () => Promise<VisitorClient>;
  emitter: Emitter;
  storage: SafeStorage;
  project: string;
  /** Whether anybody can see the page. */
  visible: () => boolean;
}

/** How long the dots are shown for an AI that does not answer. */
const THINKING_MS = 15_000;
/** How often an open chat asks whether a person can come. */
const AVAILABILITY_MS = 60_000;

export class ChatModel implements Store<ChatState> {
  readonly #parts: ModelParts;
  readonly #listeners = new Set<() => void>();
  #client: Promise<VisitorClient> | null = null;
  #unsubscribe: () => void = () => undefined;
  #availabilityTimer: ReturnType<typeof setInterval> | undefined;
  #thinkingTimer: ReturnType<typeof setTimeout> | undefined;
  #state: ChatState = {
    visitor: INITIAL,
    ready: false,
    loadFailed: false,
    open: false,
    unread: 0,
    thinking: false,
    formWanted: false,
    formSentTo: null,
    email: null,
    firstPosition: 0,
    rated: null,
    problem: null,
    joinedAfter: null,
    known: new Map(),
  };

  constructor(parts: ModelParts) {
    this.#parts = parts;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): ChatState => this.#state;

  /** Loads the client. Again after a failure; else once. */
  async start(): Promise<void> {
    this.#set({ loadFailed: false });
    try {
      await this.#ready();
    } catch (error) {
      this.#client = null;
      this.#set({ loadFailed: true });
      this.#parts.emitter.emit('error', { message: String(error) });
    }
  }

  /** The page goes on without the chat, which its agent is told. */
  async stop(): Promise<void> {
    clearTimeout(this.#thinkingTimer);
    clearInterval(this.#availabilityTimer);
    this.#unsubscribe();
    await this.#client?.then((client) => client.stop('switched_pages')).catch(() => undefined); // it never came: nothing to end
  }

  setOpen(open: boolean): void {
    this.#set({ open });
    clearInterval(this.#availabilityTimer);
    if (!open) return;
    this.markSeen();
    this.#refreshAvailability();
    this.#availabilityTimer = setInterval(() => this.#refreshAvailability(), AVAILABILITY_MS);
  }

  /** While the chat is open (F001 5.10.4); a page that listens for changes hears of them at once beside it. */
  #refreshAvailability(): void {
    void this.#client?.then((client) => client.refreshAvailability()).catch(() => undefined); // the next look may work
  }

  /** The visitor has everything before their eyes. */
  markSeen(): void {
    const { conversation, messages } = this.#state.visitor;
    if (!conversation) return;
    this.#writeSeen(conversation.id, newestSeq(messages));
    this.#countUnread();
  }

  async send(content: string): Promise<void> {
    await this.#act((client) => client.send(content), { quiet: true });
  }

  /** Each file is a message of its own. */
  async sendFiles(files: readonly File[]): Promise<void> {
    await Promise.all(files.map((file) => this.#act((client) => client.sendFile(file), { quiet: true })));
  }

  /** Where a file can be fetched; null when that cannot be said. */
  async fileUrl(file: Attachment, { download = true } = {}): Promise<string | null> {
    try {
      return await (await this.#ready()).attachmentUrl(file, { download });
    } catch (error) {
      if (download) this.#set({ problem: problemOf(error) });
      return null;
    }
  }

  async retry(clientMessageId: string): Promise<void> {
    await this.#act((client) => client.retry(clientMessageId), { quiet: true });
  }

  discard(clientMessageId: string): void {
    void this.#client?.then((client) => client.discard(clientMessageId));
  }

  async requestHuman(): Promise<void> {
    await this.#act((client) => client.requestHuman());
  }

  async returnToQueue(): Promise<void> {
    await this.#act((client) => client.returnToQueue());
  }

  async stillHere(): Promise<void> {
    await this.#act((client) => client.stillHere());
  }

  /** Says whether it was sent. */
  async submitForm(form: { email: string; name?: string; message: string }): Promise<boolean> {
    const sent = await this.#act((client) => client.submitOfflineForm(form));
    if (sent) this.#set({ formSentTo: form.email, email: form.email });
    return sent;
  }

  /** Says whether it was noted. */
  async saveEmail(email: string, name?: string): Promise<boolean> {
    const saved = await this.#act((client) => client.identify(name === undefined ? { email } : { email, name }));
    if (saved) this.#set({ email });
    return saved;
  }

  async rate(rating: number, feedback?: string): Promise<void> {
    const done = await this.#act((client) => client.rate(rating, feedback));
    if (!done) return;
    this.#set({ rated: rating });
    this.#parts.emitter.emit('rated', { rating });
  }

  /** Shows the form for a message to the team. */
  wantForm(): void {
    this.#set({ formWanted: true, formSentTo: null });
  }

  /** From the form back to the chat. */
  leaveForm(): void {
    this.#set({ formWanted: false, formSentTo: null });
    void this.#client?.then((client) => client.continueWithAi());
  }

  async endChat(): Promise<void> {
    await this.#act((client) => client.close());
  }

  async newChat(): Promise<void> {
    const cleared = await this.#act((client) => client.clear());
    if (cleared) this.#set({ rated: null, formWanted: false, formSentTo: null });
  }

  async loadOlder(): Promise<void> {
    await this.#act((client) => client.loadOlder());
  }

  async trackPage(): Promise<void> {
    await this.#act((client) => client.trackPage(), { quiet: true });
  }

  typing(): void {
    void this.#client?.then((client) => client.typing()).catch(() => undefined); // not loaded: nobody to tell
  }

  reconnect(): void {
    void this.#client?.then((client) => client.reconnect()).catch(() => undefined); // not loaded: nothing to connect
  }

  forgetProblem(): void {
    this.#set({ problem: null });
  }

  #ready(): Promise<VisitorClient> {
    this.#client ??= this.#parts.load().then((client) => this.#follow(client));
    return this.#client;
  }

  #follow(client: VisitorClient): VisitorClient {
    const { conversation, messages } = client.getSnapshot();
    if (conversation && this.#seen(conversation.id) === null) this.#writeSeen(conversation.id, newestSeq(messages));
    this.#unsubscribe = client.subscribe(() => this.#changed(client.getSnapshot()));
    this.#changed(client.getSnapshot());
    this.#set({ ready: true });
    return client;
  }

  /** Runs an action; a refusal becomes `problem`, unless the message it belongs to shows it. Says whether it worked. */
  async #act(action: (client: VisitorClient) => Promise<unknown>, { quiet = false } = {}): Promise<boolean> {
    this.#set({ problem: null });
    try {
      await action(await this.#ready());
      return true;
    } catch (error) {
      if (!quiet) this.#set({ problem: problemOf(error) });
      return false;
    }
  }

  #changed(visitor: VisitorState): void {
    const before = this.#state.visitor;
    this.#set({
      visitor,
      ...this.#queueStart(before, visitor),
      ...this.#joined(before, visitor),
      ...this.#met(visitor),
    });
    this.#tell(before, visitor);
    this.#think(before, visitor);
    if (this.#state.open && this.#parts.visible()) this.markSeen();
    else this.#countUnread();
  }

  #queueStart(before: VisitorState, now: VisitorState): Partial<ChatState> {
    if (!now.queue) return { firstPosition: 0 };
    const first = before.queue ? this.#state.firstPosition : 0;
    return { firstPosition: Math.max(first, now.queue.position) };
  }

  /** Where in the transcript the agent came. In a chat that this page found with its agent: after what it found. */
  #joined(before: VisitorState, now: VisitorState): Partial<ChatState> {
    if (now.phase !== 'agent_chat') return { joinedAfter: null };
    const came = before.phase !== 'agent_chat' || before.agent?.id !== now.agent?.id;
    if (came && before.messages.length > 0) return { joinedAfter: newestSeq(before.messages) };
    const found = newestSeq(now.messages);
    return this.#state.joinedAfter === null && found > 0 ? { joinedAfter: found } : {};
  }

  #met(visitor: VisitorState): Partial<ChatState> {
    const { agent } = visitor;
    if (!agent || this.#state.known.get(agent.id) === agent) return {};
    return { known: new Map(this.#state.known).set(agent.id, agent) };
  }

  #tell(before: VisitorState, now: VisitorState): void {
    const { emitter } = this.#parts;
    if (before.phase !== now.phase) emitter.emit('phase', { phase: now.phase });
    if (now.agent && before.agent?.id !== now.agent.id) emitter.emit('agent', { name: now.agent.name });
    if (!this.#state.ready) return; // what was there before the page is no news
    const had = newestSeq(before.messages);
    for (const message of now.messages) {
      if (message.seq === null || message.seq <= had) continue;
      emitter.emit('message', { id: message.id, from: message.sender_type, content: message.content });
    }
  }

  /** The dots: from the visitor's message until anybody else's, while the AI is the one to answer. */
  #think(before: VisitorState, now: VisitorState): void {
    const last = now.messages.filter((one) => one.sender_type !== 'system').at(-1);
    const aiAnswers = now.phase === 'ai_chat' || now.phase === 'waiting_for_agent';
    if (!aiAnswers || last?.sender_type !== 'customer' || last.delivery === 'failed') {
      clearTimeout(this.#thinkingTimer);
      if (this.#state.thinking) this.#set({ thinking: false });
      return;
    }
    if (!this.#state.ready || now.messages.length <= before.messages.length) return;
    clearTimeout(this.#thinkingTimer);
    this.#thinkingTimer = setTimeout(() => this.#set({ thinking: false }), THINKING_MS);
    this.#set({ thinking: true });
  }

  #countUnread(): void {
    const { conversation, messages } = this.#state.visitor;
    const unread = conversation ? unreadOf(messages, this.#seen(conversation.id) ?? 0).length : 0;
    if (unread === this.#state.unread) return;
    this.#set({ unread });
    this.#parts.emitter.emit('unread', { count: unread });
  }

  /** How far this browser has read the conversation; null when it has never seen it. */
  #seen(conversation: string): number | null {
    try {
      const text = this.#parts.storage.getItem(seenKey(this.#parts.project)) ?? 'null';
      const seen = JSON.parse(text) as { conversation?: unknown; seq?: unknown } | null;
      return seen?.conversation === conversation && typeof seen.seq === 'number' ? seen.seq : null;
    } catch {
      return null; // somebody else wrote there
    }
  }

  #writeSeen(conversation: string, seq: number): void {
    if ((this.#seen(conversation) ?? -1) >= seq) return;
    this.#parts.storage.setItem(seenKey(this.#parts.project), JSON.stringify({ conversation, seq }));
  }

  #set(change: Partial<ChatState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

function problemOf(error: unknown): ChatState['problem'] {
  const { code, retryAfter } = error as { code?: string; retryAfter?: number };
  return { code: code ?? 'unknown', retryAfter };
}
