// The AI's backend: any server that holds the project's secret key.

import { call, connect, leave } from './client.mjs';

const SOURCES = [{ title: 'Resetting your password', url: 'https://example.com/help/password' }];

export class Assistant {
  #client;

  constructor(settings) {
    this.#client = connect(settings, settings.secretKey);
  }

  /**
   * Answers in a conversation. A confidence (0 to 1) below the project's threshold hands it to a person in the same
   * transaction.
   */
  answer(conversationId, content, confidence) {
    return call(this.#client, 'post_ai_message', {
      p_conversation_id: conversationId,
      p_content: content,
      p_confidence: confidence,
      p_sources: SOURCES,
      p_model: 'demo-model',
    });
  }

  leave() {
    return leave(this.#client);
  }
}
