// The story the demo plays: one visitor asks for a person, another one's question is too hard for the AI.

import { Agent } from './agent.mjs';
import { Assistant } from './assistant.mjs';
import { Visitor } from './visitor.mjs';

const KEYWORD_MESSAGE = 'No, I already tried all of that. Can I talk to a real person please?';

export class Story {
  /** What the RESULT line reports. */
  measured = { handoffToAssignedMs: 0, messageToAgentMs: 0 };

  #stage;
  #sarah;
  #assistant;
  #visitor;
  #secondVisitor;

  constructor(settings, stage) {
    this.#stage = stage;
    this.#sarah = new Agent(settings);
    this.#assistant = new Assistant(settings);
    this.#visitor = new Visitor(settings);
    this.#secondVisitor = new Visitor(settings);
  }

  async play() {
    await this.#agentArrives();
    await this.#visitorChatsWithTheAI();
    await this.#visitorAsksForAPerson();
    await this.#visitorAndAgentTalk();
    await this.#conversationEnds();
    await this.#lowConfidenceHandsOff();
  }

  /** Leaves the project as it was: nothing open with Sarah, Sarah offline. Safe after a failure at any step. */
  async leave() {
    await this.#sarah.leave();
    await Promise.all([this.#visitor.leave(), this.#secondVisitor.leave(), this.#assistant.leave()]);
  }

  async #agentArrives() {
    await this.#stage.step('Agent Sarah signs in with her password', async () => {
      await this.#sarah.signIn();
      await this.#sarah.resolveLeftovers();
    });
    await this.#stage.step('Sarah subscribes to her private topics and goes online', async () => {
      await this.#sarah.subscribe();
      const { effective_status: status } = await this.#sarah.setStatus('online');
      expect('effective status', status, 'online');
    });
  }

  async #visitorChatsWithTheAI() {
    await this.#stage.step('A visitor signs in anonymously', () => this.#visitor.signIn());
    await this.#stage.step('The visitor starts a conversation and subscribes to it', async () => {
      const { status } = await this.#visitor.startConversation();
      expect('status of a new conversation', status, 'ai_active');
    });
    await this.#stage.step('The visitor asks a question and sees it arrive', async () => {
      const { id } = await this.#visitor.send('Hello, I cannot log in any more.');
      await this.#visitor.receivesMessage(id);
    });
    await this.#stage.step('The AI answers, confident enough (0.72) to stay in charge', async () => {
      const answer = 'You can reset your password on the sign-in page.';
      const { id } = await this.#assistant.answer(this.#visitor.conversationId, answer, 0.72);
      await this.#visitor.receivesMessage(id);
      const { conversation } = await this.#visitor.record();
      expect('status', conversation.status, 'ai_active');
    });
  }

  async #visitorAsksForAPerson() {
    await this.#stage.step('The visitor asks for a real person; Sarah is assigned', async () => {
      const sent = performance.now();
      await this.#visitor.send(KEYWORD_MESSAGE);
      const { agent } = await this.#visitor.receives('agent_assigned');
      this.measured.handoffToAssignedMs = Math.round(performance.now() - sent);
      expect('assigned agent', agent.id, this.#sarah.id);
      const shown = await this.#sarah.isGiven(this.#visitor.conversationId);
      return `on Sarah's screen: "${shown.preview}", waited ${shown.waiting_time_seconds} s`;
    });
    await this.#stage.step('Sarah reads the whole conversation, the AI part included', async () => {
      const conversation = await this.#sarah.readConversation(this.#visitor.conversationId);
      expect('handoff reason', conversation.handoff_reason, 'keyword');
      expect('keyword', conversation.trigger_keyword, 'person');
      const messages = await this.#sarah.readMessages(this.#visitor.conversationId);
      expect('senders', messages.map((message) => message.sender_type).join(', '), 'customer, ai, customer');
      const { confidence, model } = messages[1].metadata;
      expect('confidence of the AI', confidence, 0.72);
      return `keyword "${conversation.trigger_keyword}"; ${messages.length} messages; ${model} was ${confidence} sure`;
    });
  }

  async #visitorAndAgentTalk() {
    const { conversationId } = this.#visitor;
    await this.#stage.step('Sarah answers; the visitor receives it', async () => {
      await this.#sarah.joinConversation(conversationId);
      const { id } = await this.#sarah.write(conversationId, 'Hi, Sarah here. I have reset it, please try again.');
      await this.#visitor.receivesMessage(id);
    });
    await this.#stage.step('The visitor replies; Sarah receives it', async () => {
      const sent = performance.now();
      const { id } = await this.#visitor.send('That works, thank you!');
      await this.#sarah.receivesMessage(conversationId, id);
      this.measured.messageToAgentMs = Math.round(performance.now() - sent);
    });
  }

  async #conversationEnds() {
    await this.#stage.step('Sarah resolves the conversation; the visitor is asked for a rating', async () => {
      await this.#sarah.resolve(this.#visitor.conversationId);
      const { show_rating: showRating } = await this.#visitor.receives('resolved');
      expect('show_rating', showRating, true);
    });
    await this.#stage.step('The visitor has every event once, in order, without a gap', async () => {
      const { inbox } = this.#visitor;
      const { event_seq: last, events } = await this.#visitor.record();
      expect('number of the last event', inbox.lastSeq, last);
      expect('events received', digest(inbox.events), digest(events));
      return `events 1 to ${last}; ${inbox.healed} fetched after a miss, ${inbox.duplicates} repeated and dropped`;
    });
  }

  async #lowConfidenceHandsOff() {
    await this.#stage.step('Another visitor asks something hard', async () => {
      await this.#secondVisitor.signIn();
      await this.#secondVisitor.startConversation();
      await this.#secondVisitor.send('Does clause 14 of my contract survive a merger?');
    });
    const { conversationId } = this.#secondVisitor;
    await this.#stage.step('The AI is unsure (0.3): handed over, Sarah is assigned', async () => {
      await this.#assistant.answer(conversationId, 'It might.', 0.3);
      const { handoff_reason: reason } = await this.#secondVisitor.receives('status_changed', isWaiting);
      expect('handoff reason', reason, 'low_confidence');
      await this.#secondVisitor.receives('agent_assigned');
      await this.#sarah.isGiven(conversationId);
    });
    await this.#stage.step('Sarah resolves it and goes offline', async () => {
      await this.#sarah.resolve(conversationId);
      await this.#secondVisitor.receives('resolved');
      const { effective_status: status } = await this.#sarah.setStatus('offline');
      expect('effective status', status, 'offline');
    });
  }
}

const isWaiting = (payload) => payload.new_status === 'waiting';

/** Numbered events as one text, to compare what was received with what the server has. */
const digest = (events) =>
  events
    .filter(({ payload }) => payload.seq)
    .map(({ event, payload }) => `${payload.seq}:${event}:${payload.id}`)
    .join(' ');

function expect(what, got, want) {
  if (got !== want) throw new Error(`${what}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`);
}
