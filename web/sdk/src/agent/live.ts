import type { SupabaseClient } from '@supabase/supabase-js';

import type { ConnectionStatus } from '../connection.js';
import type { CustomerPresence, CustomerPresenceFields, InboxCounts, InboxList } from '../conversation.js';
import { rpc } from '../core/call.js';
import { HandoffError } from '../core/errors.js';
import { Resource, type Loadable } from '../core/resource.js';
import { createStore, notify, type Store } from '../core/store.js';
import { createPresence } from '../presence/presence.js';
import type { Presence } from '../presence/types.js';
import {
  isAgentEvent,
  isPresenceEvent,
  isProjectEvent,
  topics,
  type Broadcast,
  type CustomerPresenceUpdateEvent,
} from '../protocol.js';
import { Link } from '../realtime/link.js';
import { SeenIds } from '../realtime/seen.js';
import type { HandoffSettings } from '../settings.js';
import type { TeamAgent, TeamStats } from '../team.js';
import { AgentConversation } from './conversation-view.js';
import { Inbox } from './inbox.js';
import { OwnChats } from './own-chats.js';
import type { AgentLive, AgentOptions, ConversationView, DashboardEvent, InboxView, LiveVisitor } from './types.js';
import { readVisitors } from './visitors.js';

const PAGE_SIZE = 50;
const STATS_EVERY_MS = 60_000;
const TEAM_EVERY_MS = 60_000;
const VISITORS_EVERY_MS = 20_000;

/** The half of an agent's client that listens: what is shown is read again whenever an event says that it may have changed. */
export class Live implements AgentLive {
  readonly connection: Store<ConnectionStatus>;
  readonly presence: Presence;
  readonly me: Store<Loadable<TeamAgent>>;
  readonly team: Resource<readonly TeamAgent[]>;
  readonly stats: Resource<TeamStats>;
  readonly settings: Resource<HandoffSettings>;
  readonly visitors: Resource<readonly LiveVisitor[]>;
  readonly counts: Store<InboxCounts>;
  userId = '';

  readonly #supabase: SupabaseClient;
  readonly #projectId: string;
  readonly #options: AgentOptions;
  readonly #link: Link;
  readonly #counts = createStore<InboxCounts>({ all: 0, mine: 0, queue: 0 });
  readonly #inboxes = new Map<InboxList, Inbox>();
  readonly #views = new Map<string, AgentConversation>();
  readonly #listeners = new Set<(event: DashboardEvent) => void>();
  readonly #seen = new SeenIds(2_000);
  #own: OwnChats | null = null;

  constructor(options: AgentOptions) {
    const { supabase, projectId } = options;
    this.#options = options;
    this.#supabase = supabase;
    this.#projectId = projectId;
    this.#link = new Link(supabase);
    this.connection = this.#link.status;
    this.counts = this.#counts;
    const log = options.log === undefined ? {} : { log: options.log };
    this.presence = createPresence({ supabase, projectId, role: 'agent', ...log });
    const args = { p_project_id: projectId };
    this.team = new Resource({ load: () => rpc(supabase, 'list_agents', args), everyMs: TEAM_EVERY_MS });
    this.stats = new Resource({ load: () => rpc(supabase, 'team_stats', args), everyMs: STATS_EVERY_MS });
    this.settings = new Resource({ load: () => rpc(supabase, 'get_handoff_settings', args) });
    this.visitors = new Resource({ load: () => readVisitors(supabase, projectId), everyMs: VISITORS_EVERY_MS });
    this.me = this.#ownLine();
  }

  async start(): Promise<void> {
    if (this.#own !== null) return;
    const { data } = await this.#supabase.auth.getSession();
    if (data.session === null) throw new HandoffError('Nobody is signed in', { code: 'unauthorized', status: 401 });
    this.userId = data.session.user.id;
    const onJoined = () => this.#everythingMayHaveChanged();
    for (const topic of [
      topics.project(this.#projectId),
      topics.agent(this.userId),
      topics.presence(this.#projectId),
    ]) {
      this.#link.join({ topic, onJoined, onEvent: (event, payload) => this.#receive(topic, { event, payload }) });
    }
    this.#own = new OwnChats(this.#supabase, this.#link, this.userId, this.#projectId, (event) => {
      this.#chatsMayHaveChanged();
      this.#emit(event);
    });
    if (this.#options.presence ?? true) void this.presence.start();
    await this.inbox('mine').refresh(); // brings the counts
  }

  async stop(): Promise<void> {
    this.#own?.stop();
    this.#own = null;
    for (const view of this.#views.values()) view.stop();
    for (const inbox of this.#inboxes.values()) inbox.stop();
    for (const resource of [this.team, this.stats, this.settings, this.visitors]) resource.stop();
    this.#views.clear();
    this.#link.stop();
    await this.presence.stop('signed_out');
  }

  reconnect(): void {
    this.#link.reconnect();
    this.#everythingMayHaveChanged();
  }

  onEvent(listener: (event: DashboardEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  inbox(list: InboxList): InboxView {
    const known = this.#inboxes.get(list);
    if (known !== undefined) return known;
    const inbox = new Inbox(list, {
      supabase: this.#supabase,
      projectId: this.#projectId,
      onCounts: (counts) => this.#counts.patch(counts),
    });
    this.#inboxes.set(list, inbox);
    return inbox;
  }

  conversation(conversationId: string): ConversationView {
    const view = this.#views.get(conversationId) ?? this.#newView(conversationId);
    return view.hold();
  }

  /** What one's own call has changed is shown without waiting for its broadcast. */
  changed(conversationId?: string): void {
    this.#chatsMayHaveChanged();
    this.#own?.invalidate();
    this.team.invalidate();
    this.stats.invalidate();
    if (conversationId !== undefined) this.#views.get(conversationId)?.invalidate();
  }

  #newView(id: string): AgentConversation {
    const view = new AgentConversation(id, {
      supabase: this.#supabase,
      link: this.#link,
      pageSize: this.#options.pageSize ?? PAGE_SIZE,
      userId: () => this.userId,
      connectionId: () => this.presence.getSnapshot().connectionId,
      onReleased: () => this.#views.delete(id),
    });
    this.#views.set(id, view);
    return view;
  }

  #receive(topic: string, broadcast: Broadcast): void {
    if (!isProjectEvent(broadcast) && !isAgentEvent(broadcast) && !isPresenceEvent(broadcast)) return;
    // What happens once may be told on two topics under one id (docs/events.md).
    if (!this.#seen.add(`${topic} ${broadcast.payload.id}`)) return;
    this.#react(broadcast);
    this.#emit(broadcast);
  }

  #react(event: DashboardEvent): void {
    switch (event.event) {
      case 'queue_updated':
        this.#counts.patch({ queue: event.payload.waiting_count });
        this.#inboxes.get('queue')?.invalidate();
        break;
      case 'conversation_assigned':
        this.#own?.gained(event.payload.conversation_id, event.payload.event_seq);
        this.changed();
        break;
      case 'settings_changed':
        this.settings.invalidate();
        break;
      case 'member_changed':
        this.team.invalidate();
        this.settings.invalidate(); // its warning that nobody could answer
        break;
      case 'presence_change':
        this.team.invalidate();
        this.visitors.invalidate();
        break;
      case 'presence_enter':
      case 'presence_update':
      case 'presence_leave':
      case 'presence_offline':
        this.visitors.invalidate();
        break;
      case 'customer_presence_update':
        this.#customerIs(event.payload.conversation_id, presenceOf(event.payload));
        break;
      case 'note_added':
        for (const view of this.#views.values()) view.hear(event);
        break;
      case 'conversation_updated': {
        const { id, ...change } = event.payload.conversation;
        for (const view of this.#views.values()) view.hear(event);
        for (const inbox of this.#inboxes.values()) inbox.change(id, (line) => ({ ...line, ...pick(change) }));
        break;
      }
      default:
        this.changed();
    }
  }

  #customerIs(id: string, presence: CustomerPresenceFields): void {
    this.#views.get(id)?.customerIs(presence);
    for (const inbox of this.#inboxes.values()) inbox.change(id, (line) => ({ ...line, ...presence }));
  }

  #chatsMayHaveChanged(): void {
    for (const inbox of this.#inboxes.values()) inbox.invalidate();
  }

  #everythingMayHaveChanged(): void {
    this.changed();
    this.settings.invalidate();
    this.visitors.invalidate();
    for (const view of this.#views.values()) view.invalidate();
  }

  #emit(event: DashboardEvent): void {
    for (const listener of [...this.#listeners]) notify(() => listener(event));
  }

  /** The team's line of the signed-in user; the same object while the line is the same. */
  #ownLine(): Store<Loadable<TeamAgent>> {
    let from: Loadable<readonly TeamAgent[]> | null = null;
    let mine: Loadable<TeamAgent> = { data: null, loading: false, error: null };
    return {
      subscribe: (listener) => this.team.subscribe(listener),
      getSnapshot: () => {
        const team = this.team.getSnapshot();
        if (team !== from) {
          from = team;
          mine = { ...team, data: team.data?.find(({ user_id }) => user_id === this.userId) ?? null };
        }
        return mine;
      },
    };
  }
}

function presenceOf({ status, timestamp, reason }: CustomerPresenceUpdateEvent['payload']): CustomerPresenceFields {
  return {
    customer_presence: status as CustomerPresence,
    customer_last_seen_at: timestamp,
    customer_left_reason: reason ?? null,
  };
}

/** What a line of the inbox has of `conversation_updated`. */
function pick(change: {
  tags: string[];
  priority: number;
  customer_id: string | null;
  customer_name: string | null;
  customer_email: string | null;
}) {
  const { tags, priority, customer_id, customer_name, customer_email } = change;
  return { tags, priority, customer_id, customer_name, customer_email };
}
