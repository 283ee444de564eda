/** Every state of the widget, with the words of one story. */
import type { AgentProfile, QueuePlace, TranscriptMessage, VisitorState } from '@supportbase/handoff';

import { message } from './fake.js';

export interface Scene {
  name: string;
  visitor: Partial<VisitorState>;
  /** What the visitor does first. */
  act?: 'form' | 'send' | 'stay' | 'rate';
}

export const SARAH: AgentProfile = { id: 'a-1', name: 'Sarah Miller', avatar_url: null };
const MINUTE = 60_000;
const ago = (minutes: number): string => new Date(Date.now() - minutes * MINUTE).toISOString();

const conversation = (
  status: 'ai_active' | 'waiting' | 'agent_active' | 'resolved' | 'closed',
): VisitorState['conversation'] => ({
  id: 'c-1',
  project_id: 'p-1',
  status,
  agent: null,
  event_seq: 9,
  created_at: ago(9),
  last_message_at: ago(1),
});

/** A place in the queue, by default the first without a forecast. */
export const place = (fields: Partial<QueuePlace>): QueuePlace => ({
  position: 1,
  estimatedWaitMinutes: 3,
  receivedAt: Date.now(),
  wait_p50_seconds: null,
  wait_p90_seconds: null,
  ...fields,
});

const AI_PART: TranscriptMessage[] = [
  message({ sender_type: 'customer', content: 'Hi! How long does delivery to Lisbon take?', created_at: ago(8) }),
  message({
    sender_type: 'ai',
    content: 'We ship every lamp within one working day. Delivery takes 2–3 days in Europe, and it is free above €60.',
    metadata: { confidence: 0.94, sources: [{ title: 'Shipping', url: 'https://lumora.example/shipping' }] },
    created_at: ago(7.9),
  }),
  message({
    sender_type: 'customer',
    content: 'Great. My last lamp arrived with a crack in the shade though.',
    created_at: ago(6),
  }),
  message({
    sender_type: 'ai',
    content:
      'I’m sorry to hear that. Somebody from our team should look at this with you, so that you get the right part at once.',
    metadata: { confidence: 0.42 },
    created_at: ago(5.9),
  }),
];

const WITH_SARAH: TranscriptMessage[] = [
  ...AI_PART,
  message({
    sender_type: 'agent',
    sender_id: 'a-1',
    content: 'Hi, this is Sarah! I can see the crack you described.',
    created_at: ago(3),
  }),
  message({
    sender_type: 'agent',
    sender_id: 'a-1',
    content: 'Is it the Luna in sage green? Then a new shade can leave us today.',
    created_at: ago(2.8),
  }),
  message({ sender_type: 'customer', content: 'Yes, sage green. That would be wonderful!', created_at: ago(2) }),
];

const available = { available: true, show_button: true, show_offline_form: false } as const;
const connected = { state: 'connected', attempt: 0, retryAt: null } as const;
const opensAt = (): string => {
  const at = new Date(Date.now() + 2 * 24 * 60 * MINUTE);
  at.setHours(9, 0, 0, 0);
  return at.toISOString();
};

const talking = {
  conversation: conversation('agent_active'),
  phase: 'agent_chat',
  agent: SARAH,
  messages: WITH_SARAH,
  availability: available,
  connection: connected,
} as const;

export const SCENES: readonly Scene[] = [
  { name: 'fresh', visitor: { availability: available } },
  {
    name: 'ai',
    visitor: {
      conversation: conversation('ai_active'),
      messages: AI_PART.slice(0, 2),
      availability: available,
      connection: connected,
    },
  },
  {
    name: 'ai-thinking',
    act: 'send',
    visitor: {
      conversation: conversation('ai_active'),
      messages: AI_PART.slice(0, 2),
      availability: available,
      connection: connected,
    },
  },
  {
    name: 'connecting',
    visitor: {
      conversation: conversation('ai_active'),
      phase: 'handoff_requested',
      messages: AI_PART,
      connection: connected,
    },
  },
  {
    name: 'queue',
    visitor: {
      conversation: conversation('waiting'),
      phase: 'waiting_for_agent',
      messages: AI_PART,
      queue: place({ position: 2 }),
      availability: available,
      connection: connected,
    },
  },
  {
    name: 'queue-range',
    act: 'stay',
    visitor: {
      conversation: conversation('waiting'),
      phase: 'waiting_for_agent',
      messages: AI_PART,
      queue: place({ wait_p50_seconds: 110, wait_p90_seconds: 290 }),
      connection: connected,
    },
  },
  { name: 'joined', visitor: { ...talking, messages: AI_PART } },
  { name: 'agent', visitor: { ...talking, agentTyping: true } },
  {
    name: 'still-here',
    visitor: {
      ...talking,
      notice: { type: 'inactivity_warning', closesAt: new Date(Date.now() + 4.6 * MINUTE).toISOString() },
    },
  },
  { name: 'agent-left', visitor: { ...talking, notice: { type: 'agent_disconnected' } } },
  { name: 'requeue', visitor: { ...talking, notice: { type: 'requeue_offer' } } },
  { name: 'email', visitor: { ...talking, notice: { type: 'email_request' } } },
  {
    name: 'team-offline',
    visitor: {
      ...talking,
      phase: 'waiting_for_agent',
      messages: AI_PART,
      notice: { type: 'team_offline', opensAt: opensAt(), showOfflineForm: true },
      queue: place({ estimatedWaitMinutes: -1 }),
    },
  },
  {
    name: 'offline',
    visitor: {
      conversation: conversation('ai_active'),
      phase: 'offline_mode',
      messages: AI_PART,
      offline: {
        status: 'offline',
        reason: 'outside_hours',
        message: 'Our team is currently offline',
        show_offline_form: true,
        business_hours: { timezone: 'Europe/Madrid', next_available: 'Monday 9:00 AM', opens_at: opensAt() },
      },
    },
  },
  {
    name: 'offline-sent',
    act: 'form',
    visitor: { conversation: conversation('ai_active'), phase: 'offline_mode', messages: AI_PART },
  },
  { name: 'resolved', visitor: { ...talking, phase: 'resolved', canRate: true } },
  { name: 'rating', act: 'rate', visitor: { ...talking, phase: 'resolved', canRate: true } },
  { name: 'closed', visitor: { ...talking, phase: 'closed', canRate: true } },
  {
    name: 'reconnecting',
    visitor: { ...talking, connection: { state: 'reconnecting', attempt: 3, retryAt: Date.now() + 8_000 } },
  },
  {
    name: 'not-sent',
    visitor: {
      ...talking,
      connection: { state: 'offline', attempt: 1, retryAt: null },
      messages: [
        ...WITH_SARAH,
        message({
          sender_type: 'customer',
          content: 'Do you need my address again?',
          seq: null,
          client_message_id: 'k',
          delivery: 'failed',
          error: { code: 'network', message: '', retryAfter: undefined },
        }),
      ],
    },
  },
];
