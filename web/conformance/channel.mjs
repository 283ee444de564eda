// Joining channels and keeping what they bring.

import { Inbox } from './wait.mjs';

/** A channel of a test: its statuses and its messages are kept from before the join on. */
export class Subscription {
  /** Pairs of status and error, as subscribe() reports them. */
  statuses = new Inbox();
  /** Broadcasts as the listener gets them. */
  messages = new Inbox();
  /** Messages of Realtime about the channel. */
  system = new Inbox();
  /** What presence brings: {kind, ...}. */
  presence = new Inbox();

  constructor(client, topic, config = {}, { presence = false } = {}) {
    this.client = client;
    this.channel = client
      .channel(topic, { config })
      .on('broadcast', { event: '*' }, this.messages.put)
      .on('system', {}, this.system.put);
    if (!presence) return;
    for (const event of ['sync', 'join', 'leave']) {
      this.channel.on('presence', { event }, (message) => this.presence.put({ ...message, kind: event }));
    }
  }

  /** Begins to join; `status` tells how it went. */
  subscribe() {
    this.channel.subscribe((status, error) => this.statuses.put({ status, error: error?.message }));
    return this;
  }

  /** Waits for a status. */
  status(name) {
    return this.statuses.find(({ status }) => status === name);
  }

  /** Joins and waits until joined. */
  async join() {
    this.subscribe();
    await this.status('SUBSCRIBED');
    return this;
  }

  send(event, payload) {
    return this.channel.send({ type: 'broadcast', event, payload });
  }

  /** Waits for a broadcast of that event and returns it whole. */
  message(event) {
    return this.messages.find((message) => message.event === event);
  }
}

/** Joins a private topic. */
export const joinPrivate = (client, topic, config = {}, options = {}) =>
  new Subscription(client, topic, { private: true, ...config }, options).join();

/** Joins a public topic. */
export const joinPublic = (client, topic, config = {}, options = {}) =>
  new Subscription(client, topic, config, options).join();
