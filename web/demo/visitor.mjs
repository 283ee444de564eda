// A visitor of the website, as the widget would act for them.

import { randomUUID } from 'node:crypto';

import { call, connect, leave, must } from './client.mjs';
import { fetchEvents, joinConversation } from './conversation.mjs';
import { DEMO_MARK } from './settings.mjs';

export class Visitor {
  conversationId = '';
  /** What arrived on the conversation's topic; there is one once a conversation was started. */
  inbox;

  #settings;
  #client;

  constructor(settings) {
    this.#settings = settings;
    this.#client = connect(settings, settings.publishableKey);
  }

  async signIn() {
    must('sign in anonymously', await this.#client.auth.signInAnonymously());
  }

  /** Starts a conversation, subscribes to it and returns it as the visitor may see it. */
  async startConversation() {
    const { projectId, deadlineMs } = this.#settings;
    const conversation = await call(this.#client, 'start_conversation', {
      p_project_id: projectId,
      p_visitor_id: `demo-${randomUUID()}`,
      p_metadata: { ...DEMO_MARK, page_url: 'https://example.com/pricing', browser: 'demo' },
    });
    this.conversationId = conversation.id;
    this.inbox = await joinConversation(this.#client, conversation.id, deadlineMs);
    return conversation;
  }

  /** Sends a message once, however often the call is repeated with the same client_message_id. Returns the message. */
  send(content) {
    return call(this.#client, 'send_message', {
      p_conversation_id: this.conversationId,
      p_content: content,
      p_client_message_id: randomUUID(),
    });
  }

  /** Where the conversation stands by the server's own record, with all its events. */
  record() {
    return fetchEvents(this.#client, this.conversationId, 0);
  }

  /** Waits for an event on the conversation's topic and returns its payload. */
  receives(name, matches = () => true) {
    return this.inbox.wait(name, matches, this.#settings.deadlineMs);
  }

  receivesMessage(id) {
    return this.receives('message', ({ message }) => message.id === id);
  }

  async leave() {
    await this.inbox?.close();
    await leave(this.#client);
  }
}
