// A client without a server: for the gallery and for tests of single parts. What talks to the database is tested end to end.
import type {
  AgentClient,
  Conversation,
  ConversationSnapshot,
  ConversationView,
  HandoffSettings,
  InboxLine,
  InboxList,
  InboxSnapshot,
  Offers,
  Playbook,
  TeamAgent,
  TranscriptMessage,
} from '@supportbase/handoff';

import { createCell } from '../src/app/store';

const MINUTE = 60_000;
const now = Date.now();
export const at = (minutesAgo: number) => new Date(now - minutesAgo * MINUTE).toISOString();

export const ME = 'agent-sarah';

export function agent(
  id: string,
  name: string,
  status: TeamAgent['status'],
  chats: number,
  skills: string[] = [],
): TeamAgent {
  return {
    user_id: id,
    name,
    email: `${name.toLowerCase()}@acme.example`,
    avatar_url: null,
    role: id === ME ? 'owner' : 'agent',
    status,
    effective_status: status,
    current_chat_count: chats,
    max_concurrent_chats: 5,
    available_slots: 5 - chats,
    can_receive_chats: status === 'online',
    skills,
    last_seen_at: at(0),
    status_changed_at: at(30),
  };
}

export function line(id: string, change: Partial<InboxLine> = {}): InboxLine {
  return {
    id,
    status: 'agent_active',
    customer_id: `customer-${id}`,
    customer_name: null,
    customer_email: null,
    customer_presence: 'online',
    customer_last_seen_at: at(0),
    customer_left_reason: null,
    preview: 'Hello',
    assigned_agent_id: null,
    priority: 0,
    tags: [],
    handoff_reason: 'keyword',
    queue_entered_at: at(5),
    waiting_seconds: null,
    last_message_at: at(2),
    created_at: at(20),
    ...change,
  };
}

export const lines: InboxLine[] = [
  line('john', {
    status: 'waiting',
    customer_name: 'John Davidson',
    preview: "I can't log in to my account",
    queue_position: 1,
    queue_entered_at: at(5.4),
    priority: 3,
    tags: ['login'],
  }),
  line('sarah', {
    status: 'waiting',
    customer_name: 'Sara Miller',
    preview: 'Billing question about the pro plan',
    queue_position: 2,
    queue_entered_at: at(3),
    customer_presence: 'idle',
  }),
  line('alex', {
    status: 'waiting',
    customer_email: 'alex@tera.example',
    preview: 'The API returns 500 since this morning',
    queue_position: 3,
    queue_entered_at: at(0.6),
  }),
  line('mike', {
    assigned_agent_id: ME,
    customer_name: 'Mika Petersen',
    preview: 'Thanks, that helped a lot!',
    last_message_at: at(0.5),
    tags: ['shipping', 'vip'],
  }),
  line('lisa', {
    assigned_agent_id: ME,
    customer_name: 'Lisa Roth',
    preview: 'How do I change the address of my order?',
    last_message_at: at(7),
    customer_presence: 'offline',
  }),
  line('ai1', { status: 'ai_active', preview: 'Do you ship to Norway?', last_message_at: at(1), handoff_reason: null }),
  line('noa', {
    assigned_agent_id: 'agent-mike',
    customer_name: 'Noa Levi',
    preview: 'One more thing: the invoice has the wrong name',
    last_message_at: at(12),
  }),
  line('kim', {
    status: 'resolved',
    assigned_agent_id: 'agent-mike',
    customer_name: 'Kim Sato',
    preview: 'Perfect, thank you.',
    last_message_at: at(64),
  }),
];

function message(
  seq: number,
  sender: TranscriptMessage['sender_type'],
  content: string,
  minutesAgo: number,
  change: Partial<TranscriptMessage> = {},
): TranscriptMessage {
  return {
    id: `m${seq}`,
    conversation_id: 'mike',
    seq,
    sender_type: sender,
    sender_id: sender === 'agent' ? ME : null,
    content,
    client_message_id: null,
    attachments: [],
    metadata: {},
    created_at: at(minutesAgo),
    delivery: 'sent',
    error: null,
    ...change,
  };
}

export const messages: TranscriptMessage[] = [
  message(1, 'ai', 'Hi! How can I help you today?', 31),
  message(2, 'customer', "My parcel has not arrived and the tracking page hasn't changed since Monday.", 30),
  message(
    3,
    'ai',
    'I am sorry to hear that. Parcels to your region usually take 3 to 5 working days. You can follow yours here:\n\n1. Open the confirmation mail\n2. Choose “Track my order”\n3. Allow up to 24 hours for an update',
    29.6,
    {
      metadata: {
        confidence: 0.82,
        sources: [{ url: 'https://help.acme.example/tracking', title: 'Tracking your order' }],
      },
    },
  ),
  message(4, 'customer', 'I did all of that. Can I talk to a real person please?', 28),
  message(5, 'ai', 'Of course. I will bring somebody in.', 27.8, { metadata: { confidence: 0.54 } }),
  message(6, 'agent', 'Hi Mika, I am looking at order 4711 right now.', 22),
  message(
    7,
    'agent',
    'It was sent back to our warehouse by mistake. I have just sent it again with express, at no cost of course.',
    20,
  ),
  message(8, 'customer', 'Oh great! When will it be here?', 4),
  message(9, 'agent', 'On Thursday before noon. You get a new tracking link by mail within the hour.', 2),
  message(10, 'customer', 'Thanks, that helped a lot!', 0.5),
];

export function conversation(id: string, change: Partial<Conversation> = {}): Conversation {
  const from = lines.find((one) => one.id === id) ?? line(id);
  return {
    id,
    project_id: 'project',
    customer_id: from.customer_id,
    visitor_id: 'visitor_8c1f02d9',
    customer_email: id === 'mike' ? 'mika@petersen.example' : from.customer_email,
    customer_name: from.customer_name,
    customer_presence: from.customer_presence,
    customer_last_seen_at: from.customer_presence === 'offline' ? at(6) : at(0),
    customer_left_reason: null,
    auto_close_warning_sent_at: null,
    status: from.status,
    assigned_agent_id: from.assigned_agent_id,
    preferred_agent_id: null,
    priority: from.priority,
    handoff_reason: 'keyword',
    handoff_triggered_at: from.status === 'ai_active' ? null : at(27.9),
    ai_confidence_at_handoff: 0.54,
    trigger_keyword: 'real person',
    queue_entered_at: from.queue_entered_at,
    waiting_since: null,
    claimed_at: at(23),
    first_response_at: at(22),
    resolved_at: null,
    resolved_by: null,
    closed_at: null,
    close_reason: null,
    cleared_at: null,
    is_spam: false,
    tags: from.tags,
    required_skills: [],
    satisfaction_rating: null,
    satisfaction_feedback: null,
    source: 'widget',
    metadata: {},
    preview: from.preview,
    event_seq: 10,
    awaiting_email: false,
    created_at: at(31),
    updated_at: at(1),
    last_message_at: from.last_message_at,
    ...change,
  };
}

export const settings: HandoffSettings = {
  project_id: 'project',
  enabled: true,
  trigger_mode: 'both',
  show_human_button: true,
  auto_triggers: {
    low_confidence_enabled: true,
    low_confidence_threshold: 0.6,
    keywords_enabled: true,
    keywords: ['human', 'agent', 'person', 'speak to someone'],
  },
  business_hours_enabled: true,
  timezone: 'America/New_York',
  business_hours: {
    monday: { start: '09:00', end: '17:00', enabled: true },
    tuesday: { start: '09:00', end: '17:00', enabled: true },
    wednesday: {
      enabled: true,
      ranges: [
        { start: '09:00', end: '12:00' },
        { start: '13:00', end: '18:00' },
      ],
    },
    thursday: { start: '09:00', end: '17:00', enabled: true },
    friday: { start: '22:00', end: '06:00', overnight: true, enabled: true },
    saturday: { start: '09:00', end: '17:00', enabled: false },
    sunday: { start: '09:00', end: '17:00', enabled: false },
  },
  default_max_concurrent_chats: 5,
  inactivity_timeout_minutes: 5,
  auto_close_after_warning_minutes: 5,
  session_keep_alive_minutes: 15,
  send_inactivity_warning: true,
  assignment_strategy: 'balanced',
  preferred_wait_seconds: 60,
  assignment_mode: 'direct',
  offer_timeout_seconds: 30,
  away_after_missed_offers: 0,
  updated_at: at(600),
};

const loaded = <T>(data: T) => createCell({ data, loading: false, error: null });
const never = () => Promise.reject(new Error('not in the fake'));

function view(id: string, change: Partial<ConversationSnapshot>): ConversationView {
  const cell = createCell<ConversationSnapshot>({
    conversation: conversation(id),
    messages: id === 'mike' ? messages : messages.slice(0, 5),
    hasOlder: false,
    loadingOlder: false,
    notes:
      id === 'mike'
        ? [
            {
              id: 'n1',
              conversation_id: id,
              author_id: 'agent-mike',
              content: 'Second parcel lost on this route this week: tell the carrier.',
              created_at: at(21),
            },
          ]
        : [],
    context: {
      conversation_id: id,
      handoff_reason: 'keyword',
      trigger_keyword: 'real person',
      handoff_triggered_at: at(27.9),
      ai_confidence_at_handoff: 0.54,
      ai_attempts: 3,
      topics: ['Delivery', 'Tracking'],
      source: 'widget',
      metadata: {},
    },
    customerTyping: false,
    connection: { state: 'connected', attempt: 0, retryAt: null },
    loading: false,
    error: null,
    ...change,
  });
  return {
    id,
    subscribe: cell.subscribe,
    getSnapshot: cell.getSnapshot,
    loadOlder: never,
    send: never,
    sendFile: never,
    attachmentUrl: never,
    retry: never,
    discard: () => undefined,
    typing: () => undefined,
    addNote: never,
    deleteNote: never,
    setTags: never,
    setPriority: never,
    setRequiredSkills: never,
    requestEmail: never,
    release: () => undefined,
  };
}

export interface FakeOptions {
  lines?: readonly InboxLine[];
  snapshot?: Partial<ConversationSnapshot>;
  settings?: Partial<HandoffSettings>;
}

export function fakeClient(options: FakeOptions = {}): AgentClient {
  const all = options.lines ?? lines;
  const team = [
    agent(ME, 'Sarah', 'online', 2, ['billing']),
    agent('agent-mike', 'Mike', 'online', 1, ['billing', 'français']),
    agent('agent-lisa', 'Lisa', 'away', 2),
    agent('agent-tom', 'Tom', 'offline', 0, ['shipping']),
  ];
  const lists: Record<InboxList, readonly InboxLine[]> = {
    all: all.filter((one) => one.status !== 'closed'),
    mine: all.filter((one) => one.assigned_agent_id === ME),
    queue: all.filter((one) => one.status === 'waiting'),
    closed: all.filter((one) => one.status === 'closed'),
  };
  const inboxes = Object.fromEntries(
    Object.entries(lists).map(([list, shown]) => {
      const cell = createCell<InboxSnapshot>({ lines: shown, loading: false, hasMore: false, error: null });
      return [list, { ...cell, list, loadMore: () => Promise.resolve(), refresh: () => Promise.resolve() }];
    }),
  );
  const known: Partial<AgentClient> = {
    projectId: 'project',
    userId: ME,
    connection: createCell({ state: 'connected', attempt: 0, retryAt: null }),
    me: loaded(team[0] ?? agent(ME, 'Sarah', 'online', 2)),
    team: loaded(team),
    settings: loaded({ ...settings, ...options.settings }),
    counts: createCell({ all: lists.all.length, mine: 2, queue: lists.queue.length }),
    stats: loaded({
      date: '2026-03-08',
      timezone: 'America/New_York',
      resolved: 12,
      avg_first_response_seconds: 45,
      csat: { average: 4.8, count: 10 },
      waiting: 3,
      active: 5,
      agents: { online: 2, busy: 0, away: 1, offline: 1 },
    }),
    visitors: loaded([
      {
        customer_id: 'c1',
        visitor_id: 'v1',
        conversation_id: 'mike',
        name: 'Mika Petersen',
        email: 'mika@petersen.example',
        status: 'online',
        url: 'https://acme.example/orders/4711',
        title: 'Order 4711',
        since: at(31),
        last_seen_at: at(0),
      },
      {
        customer_id: 'c2',
        visitor_id: 'visitor_77',
        conversation_id: null,
        name: null,
        email: null,
        status: 'idle',
        url: 'https://acme.example/pricing',
        title: 'Pricing',
        since: at(4),
        last_seen_at: at(0),
      },
    ]),
    onEvent: () => () => undefined,
    inbox: (list) => inboxes[list] as ReturnType<AgentClient['inbox']>,
    conversation: (id) => view(id, options.snapshot ?? {}),
    members: () => Promise.resolve([]),
    hoursExceptions: () =>
      Promise.resolve([
        {
          id: 'e1',
          project_id: 'project',
          date: '2026-12-25',
          closed: true,
          ranges: null,
          label: 'Christmas',
          created_at: at(1),
          updated_at: at(1),
        },
      ]),
    visits: () =>
      Promise.resolve(
        [
          { id: 3, url: 'https://acme.example/orders/4711', title: 'Order 4711', created_at: at(3) },
          { id: 2, url: 'https://acme.example/help/shipping', title: 'Shipping and delivery', created_at: at(29) },
          { id: 1, url: 'https://acme.example/', title: 'Acme Bikes', created_at: at(33) },
        ].map((visit) => ({
          visitor_id: 'v1',
          referrer: null,
          browser: 'Chrome',
          device: 'Desktop',
          os: 'macOS',
          language: 'en',
          timezone: null,
          screen: null,
          location: null,
          ...visit,
        })),
      ),
    customer: (id) =>
      Promise.resolve({
        customer: {
          id,
          project_id: 'project',
          visitor_id: 'visitor_8c1f02d9',
          merged_visitor_ids: [],
          email: id === 'customer-mike' ? 'mika@petersen.example' : null,
          name: lines.find((one) => one.customer_id === id)?.customer_name ?? null,
          first_seen_at: at(60 * 24 * 50),
          last_seen_at: at(3),
          total_conversations: 3,
          is_flagged: false,
          flag_reason: null,
          flagged_at: null,
          flagged_by: null,
          internal_notes: 'Prefers to be called in the morning.',
        },
        current_session: {
          id: 3,
          visitor_id: 'v1',
          url: 'https://acme.example/orders/4711',
          title: 'Order 4711',
          referrer: null,
          browser: 'Chrome 126',
          device: 'Desktop',
          os: 'macOS',
          language: 'da-DK',
          timezone: 'Europe/Copenhagen',
          screen: '1920x1080',
          location: 'Copenhagen, DK',
          created_at: at(3),
        },
        conversations: [
          { id: 'mike', status: 'agent_active', preview: 'My parcel has not arrived', created_at: at(31) },
          {
            id: 'old1',
            status: 'closed',
            preview: 'Billing question about the pro plan',
            created_at: at(60 * 24 * 12),
          },
          { id: 'old2', status: 'closed', preview: 'How to integrate the API', created_at: at(60 * 24 * 50) },
        ],
      }),
    explainAssignment: (id) =>
      Promise.resolve({
        conversation_id: id,
        offers: [],
        decisions: [
          {
            decided_at: at(23),
            agent: { id: ME, name: 'Sarah', avatar_url: null },
            decided_by: null,
            strategy: 'balanced',
            queue_position: 1,
            waited_seconds: 4,
            reason: 'most_free_slots',
            text: 'More free slots than anybody else who could take it.',
            candidates: [
              { id: ME, name: 'Sarah', free_slots: 4, verdict: 'chosen', text: 'Was chosen.' },
              {
                id: 'agent-mike',
                name: 'Mike',
                free_slots: 3,
                verdict: 'fewer_free_slots',
                text: 'Had fewer free slots.',
              },
            ],
          },
        ],
      }),
  };
  return known as AgentClient;
}

export function fakePlaybook(): Playbook {
  return {
    cannedResponses: () =>
      Promise.resolve([
        {
          id: '1',
          shortcut: 'hello',
          content: 'Hi {name}, this is {agent}. I have read what you wrote to our assistant.',
        },
        {
          id: '2',
          shortcut: 'refund',
          content: 'I have refunded it. You will see it on your account in three to five days.',
        },
        { id: '3', shortcut: 'tracking', content: 'You get a new tracking link by mail within the hour.' },
      ]),
    saveCannedResponse: never,
    deleteCannedResponse: never,
    quickActions: () =>
      Promise.resolve([
        { id: '1', label: 'View account', link: 'https://admin.acme.example/users?email={email}', position: 0 },
      ]),
    saveQuickAction: never,
    deleteQuickAction: never,
    quickActionLinks: () =>
      Promise.resolve([
        { id: '1', label: 'View account', url: 'https://admin.acme.example/users?email=mika', missing: [] },
        { id: '2', label: 'Send reset mail', url: 'mailto:mika@petersen.example', missing: [] },
        { id: '3', label: 'Open order', url: null, missing: ['metadata.order'] },
      ]),
  };
}

export function fakeOffers(): Offers {
  const offer = {
    conversation_id: 'john',
    customer_name: 'John Davidson',
    preview: "I can't log in to my account",
    handoff_reason: 'keyword' as const,
    priority: 3,
    waiting_time_seconds: 42,
    offered_at: at(0),
    expires_at: at(-0.5),
    expires_in_seconds: 30,
  };
  return { open: () => Promise.resolve([offer]), accept: never, decline: never };
}
