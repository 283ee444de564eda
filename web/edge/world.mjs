// A project with its people for one claim. Everybody talks through the unmodified supabase-js; SQL makes the project, as its
// owner's own application would, and moves the clock.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';

import { query } from '../conformance/database.mjs';
import { publishableKey, secretKey, url } from '../conformance/settings.mjs';
import { eventually, Inbox } from '../conformance/wait.mjs';

const PASSWORD = 'correct-horse';

/** The data of an answer that must not be an error. */
export function must({ data, error }) {
  assert.equal(error, null, error && `${error.name ?? ''} ${error.message} ${error.details ?? ''}`);
  return data;
}

function newClient(key) {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: randomUUID() },
    realtime: { transport: WebSocket },
  });
}

/** Somebody who is signed in, with what their private channels have brought. */
class Person {
  /** Of the page that is open. */
  connection = randomUUID();

  constructor(world, client, id) {
    Object.assign(this, { world, client, id });
  }

  async call(name, args = {}) {
    return must(await this.client.rpc(name, args));
  }

  /** What the topic brings from now on: `{ event, payload }`. */
  async listen(topic) {
    const inbox = new Inbox();
    const channel = this.client.channel(topic, { config: { private: true } });
    channel.on('broadcast', { event: '*' }, ({ event, payload }) => inbox.put({ event, payload }));
    await new Promise((resolve, reject) => {
      channel.subscribe((status, error) => {
        if (status === 'SUBSCRIBED') resolve();
        if (status === 'CHANNEL_ERROR' || status === 'TIMED_OUT') reject(error ?? new Error(`${topic}: ${status}`));
      });
    });
    return inbox;
  }
}

/** A visitor, whose widget is open until `close`. */
export class Visitor extends Person {
  chat;
  events;

  async start() {
    const { id } = await this.call('start_conversation', {
      p_project_id: this.world.project,
      p_visitor_id: `visitor-${this.id}`,
    });
    if (this.chat !== id) this.events = await this.listen(`conversation:${id}`);
    this.chat = id;
    return id;
  }

  send(content) {
    return this.call('send_message', {
      p_conversation_id: this.chat,
      p_content: content,
      p_client_message_id: randomUUID(),
    });
  }

  ask() {
    return this.call('request_handoff', { p_conversation_id: this.chat, p_reason: 'button_click' });
  }

  async status() {
    return (await this.call('conversation_sync', { p_conversation_id: this.chat, p_since: 0 })).conversation.status;
  }

  /** Waits for the status: an event may arrive a moment before other sessions see its transaction. */
  async becomes(status) {
    const deadline = Date.now() + 10_000;
    while ((await this.status()) !== status) {
      if (Date.now() > deadline) throw new Error(`the conversation did not become ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A system message, as the widget gets it. */
  async told(type) {
    const { payload } = await this.events.find(
      ({ event, payload }) => event === 'message' && payload.message.metadata?.type === type,
    );
    return payload.message;
  }

  /** Who took the conversation over, as the widget is told. */
  async agentJoined() {
    return (await this.events.find(({ event }) => event === 'agent_assigned')).payload.agent;
  }

  toldOf(type) {
    return this.events.items.filter(
      ({ event, payload }) => event === 'message' && payload.message.metadata?.type === type,
    ).length;
  }
}

export class Agent extends Person {
  setStatus(status) {
    return this.call('set_agent_status', { p_project_id: this.world.project, p_status: status });
  }

  write(chat, content) {
    return this.call('send_message', {
      p_conversation_id: chat,
      p_content: content,
      p_client_message_id: randomUUID(),
    });
  }

  claim(chat) {
    return this.call('claim_conversation', { p_conversation_id: chat });
  }

  resolve(chat) {
    return this.call('resolve_conversation', { p_conversation_id: chat });
  }

  /** The dashboard is open from now on, and beats every 30 seconds unless the test forgets to. */
  opensPage() {
    const page = { p_project_id: this.world.project, p_connection_id: this.connection };
    return this.call('presence_enter', { ...page, p_state: 'active', p_next_beat_seconds: 30 });
  }

  /** As the list of agents shows this one. */
  async line() {
    const agents = await this.call('list_agents', { p_project_id: this.world.project });
    return agents.find((agent) => agent.user_id === this.id);
  }

  async load() {
    return (await this.line()).current_chat_count;
  }
}

export class World {
  project = randomUUID();
  #clients = [];

  /** A project in which handoff is on; it ends with the test. */
  static async open(t, settings = {}) {
    const world = new World();
    t.after(() => world.#close());
    world.admin = world.#keep(newClient(secretKey));
    world.owner = await world.#member('Olivia');
    await world.sql('insert into public.projects (id, user_id, name) values ($1, $2, $3)', [
      world.project,
      world.owner.id,
      'Acme',
    ]);
    await world.change({ enabled: true, show_human_button: true, ...settings });
    return world;
  }

  sql(text, values) {
    return query('postgres', text, values);
  }

  change(settings) {
    return this.owner.call('update_handoff_settings', { p_project_id: this.project, p_settings: settings });
  }

  /** An agent who is online and may have so many chats. */
  async agent(name, chats = 5) {
    const agent = await this.#member(name);
    await this.sql(
      `insert into public.project_members (project_id, user_id, email, name, status, invited_by, accepted_at, max_concurrent_chats)
       select $1, id, email, $3, 'active', $4, now(), $5 from auth.users where id = $2`,
      [this.project, agent.id, name, this.owner.id, chats],
    );
    await agent.setStatus('online');
    return agent;
  }

  /** A visitor with a conversation, which is still with the AI. */
  async visitor() {
    const client = this.#keep(newClient(publishableKey));
    const { user } = must(await client.auth.signInAnonymously());
    await client.realtime.setAuth();
    const visitor = new Visitor(this, client, user.id);
    await visitor.start();
    return visitor;
  }

  /** A visitor whom the agent has answered. */
  async served(agent) {
    const visitor = await this.visitor();
    await visitor.send('Where is my parcel?');
    await visitor.ask();
    assert.equal((await visitor.agentJoined()).id, agent.id);
    await agent.write(visitor.chat, 'Hello, I am looking');
    return visitor;
  }

  /** A visitor in the queue. */
  async waiting() {
    const visitor = await this.visitor();
    assert.equal((await visitor.ask()).status, 'waiting');
    return visitor;
  }

  /**
   * Calls a function of the clock as the worker does, at another moment: so many minutes from now, or an SQL expression.
   * The worker itself calls it too, at the moment that it is.
   */
  async clock(name, minutes) {
    const moment = typeof minutes === 'number' ? `now() + interval '${minutes} minutes'` : minutes;
    const { rows } = await this.sql(`select handoff.${name}(moment => ${moment}) as handled`);
    return rows[0].handled;
  }

  /** What the visitor's widget tells of its user: online, idle or typing; offline: it was closed. */
  async presence(visitor, state) {
    const p_connection_id = visitor.connection;
    if (state === 'offline') {
      await visitor.call('presence_leave', { p_connection_id, p_reason: 'left' });
      return;
    }
    const { known } = await visitor.call('presence_heartbeat', { p_connection_id, p_state: state });
    if (!known) {
      const where = {
        p_project_id: this.project,
        p_conversation_id: visitor.chat,
        p_visitor_id: `visitor-${visitor.id}`,
      };
      await visitor.call('presence_enter', { ...where, p_connection_id, p_state: state });
    }
  }

  /** Presence looks for who has gone without a word, so many minutes from now. The worker may be doing so just then. */
  async sweep(minutes) {
    await eventually(async () => assert.notEqual((await this.clock('sweep_presence', minutes)).looked_at, 0));
  }

  /** The visitor closes the browser, having had it open until now. */
  async leaves(visitor) {
    await this.presence(visitor, 'online');
    await this.presence(visitor, 'offline');
  }

  /** The agent went offline so many minutes earlier than they did. */
  goneFor(agent, minutes) {
    return this.sql(
      `update public.agent_availability set effective_changed_at = effective_changed_at - make_interval(mins => $3)
        where project_id = $1 and user_id = $2`,
      [this.project, agent.id, minutes],
    );
  }

  #keep(client) {
    this.#clients.push(client);
    return client;
  }

  async #member(name) {
    const email = `${name.toLowerCase()}-${randomUUID()}@example.com`;
    must(
      await this.admin.auth.admin.createUser({
        email,
        password: PASSWORD,
        email_confirm: true,
        user_metadata: { name },
      }),
    );
    const client = this.#keep(newClient(publishableKey));
    const { user } = must(await client.auth.signInWithPassword({ email, password: PASSWORD }));
    await client.realtime.setAuth();
    return new Agent(this, client, user.id);
  }

  /** Nothing of the project is left for the clock of the next claim to find. */
  async #close() {
    await this.sql('delete from public.projects where id = $1', [this.project]);
    for (const client of this.#clients) {
      await client.removeAllChannels().catch(() => {}); // a lost socket cannot say goodbye
      await client.realtime.disconnect();
    }
  }
}
