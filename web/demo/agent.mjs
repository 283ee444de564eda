// An agent of the support team, as the dashboard would act for them.

import { call, connect, leave, must, subscribe } from './client.mjs';
import { joinConversation } from './conversation.mjs';
import { Inbox } from './inbox.mjs';
import { DEMO_MARK } from './settings.mjs';

export class Agent {
  /** auth.users.id; empty before signIn. */
  id = '';

  #settings;
  #client;
  #inboxes = new Map();

  constructor(settings) {
    this.#settings = settings;
    this.#client = connect(settings, settings.publishableKey);
  }

  async signIn() {
    const { user } = must('sign in', await this.#client.auth.signInWithPassword(this.#settings.agent));
    this.id = user.id;
  }

  /** Subscribes to what concerns this agent alone and to the team's news. */
  async subscribe() {
    await this.#join(`agent:${this.id}`);
    await this.#join(`project:${this.#settings.projectId}:agents`);
  }

  setStatus(status) {
    return call(this.#client, 'set_agent_status', { p_project_id: this.#settings.projectId, p_status: status });
  }

  /** Waits until the dashboard shows the conversation as this agent's. Returns what it shows. */
  isGiven(conversationId) {
    const isThisOne = (payload) => payload.conversation_id === conversationId;
    return this.#receives(`agent:${this.id}`, 'conversation_assigned', isThisOne);
  }

  async readConversation(conversationId) {
    const query = this.#client.from('conversations').select('*').eq('id', conversationId).single();
    return must('read conversation', await query);
  }

  async readMessages(conversationId) {
    const query = this.#client.from('messages').select('*').eq('conversation_id', conversationId).order('seq');
    return must('read messages', await query);
  }

  async joinConversation(conversationId) {
    const inbox = await joinConversation(this.#client, conversationId, this.#settings.deadlineMs);
    this.#inboxes.set(`conversation:${conversationId}`, inbox);
  }

  /** Writes a message: a plain insert, which row level security and triggers judge. */
  async write(conversationId, content) {
    const row = { conversation_id: conversationId, sender_type: 'agent', sender_id: this.id, content };
    return must('insert message', await this.#client.from('messages').insert(row).select('id').single());
  }

  receivesMessage(conversationId, id) {
    return this.#receives(`conversation:${conversationId}`, 'message', ({ message }) => message.id === id);
  }

  resolve(conversationId) {
    return call(this.#client, 'resolve_conversation', { p_conversation_id: conversationId });
  }

  /** Resolves the demo's conversations that are still with this agent: they would take up the agent's capacity. */
  async resolveLeftovers() {
    const query = this.#client
      .from('conversations')
      .select('id')
      .eq('assigned_agent_id', this.id)
      .eq('status', 'agent_active')
      .contains('metadata', DEMO_MARK);
    for (const { id } of must('read leftovers', await query)) await this.resolve(id);
  }

  /** Leaves nothing open behind and goes offline. Never fails: it also runs after a failure. */
  async leave() {
    if (this.id) {
      await this.resolveLeftovers().catch(() => {});
      await this.setStatus('offline').catch(() => {});
    }
    await Promise.all([...this.#inboxes.values()].map((inbox) => inbox.close()));
    await leave(this.#client);
  }

  async #join(topic) {
    const inbox = new Inbox(topic);
    this.#inboxes.set(topic, inbox);
    await subscribe(this.#client, topic, inbox, this.#settings.deadlineMs);
  }

  #receives(topic, name, matches) {
    return this.#inboxes.get(topic).wait(name, matches, this.#settings.deadlineMs);
  }
}
