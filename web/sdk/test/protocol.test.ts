// The union of protocol.ts against the Go side's golden files. SHAPES is tied to the types by the compiler (a field that a
// type gains, loses or changes makes it an error), and to the files by the tests below.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { topics, type HandoffEvent } from '../src/protocol.js';

const FOLDER = fileURLToPath(new URL('../../../realtime/testdata/events/', import.meta.url));

type Kind = 'string' | 'number' | 'boolean' | 'strings' | 'objects' | 'record';
type KindOf<T> =
  NonNullable<T> extends string
    ? 'string'
    : NonNullable<T> extends number
      ? 'number'
      : NonNullable<T> extends boolean
        ? 'boolean'
        : NonNullable<T> extends readonly string[]
          ? 'strings'
          : NonNullable<T> extends readonly object[]
            ? 'objects'
            : NonNullable<T> extends object
              ? string extends keyof NonNullable<T>
                ? 'record'
                : { [K in keyof NonNullable<T>]-?: Field<NonNullable<T>, K> }
              : never;
type Marks<T, K extends keyof T> = `${undefined extends T[K] ? '?' : ''}${null extends T[K] ? '~' : ''}`;
type Field<T, K extends keyof T> = readonly [Marks<T, K>, KindOf<T[K]>];
type Shape<T> = { [K in keyof T]-?: Field<T, K> };
type Shapes = { [E in HandoffEvent as E['event']]: Shape<E['payload']> };

const envelope = { v: ['', 'number'], id: ['', 'string'] } as const;
const numbered = { ...envelope, seq: ['', 'number'] } as const;
const connection = {
  connection_id: ['', 'string'],
  client_id: ['~', 'string'],
  user_id: ['~', 'string'],
  role: ['', 'string'],
  name: ['~', 'string'],
  email: ['~', 'string'],
  data: ['~', 'record'],
  page: ['~', 'string'],
  conversation_id: ['~', 'string'],
  timestamp: ['', 'string'],
} as const;

const SHAPES = {
  message: {
    ...numbered,
    message: [
      '',
      {
        id: ['', 'string'],
        conversation_id: ['', 'string'],
        seq: ['', 'number'],
        sender_type: ['', 'string'],
        sender_id: ['~', 'string'],
        content: ['', 'string'],
        client_message_id: ['~', 'string'],
        metadata: ['', 'record'],
        created_at: ['', 'string'],
        attachments: ['', 'objects'],
      },
    ],
  },
  status_changed: {
    ...numbered,
    conversation_id: ['', 'string'],
    old_status: ['', 'string'],
    new_status: ['', 'string'],
    handoff_reason: ['~', 'string'],
  },
  agent_assigned: {
    ...numbered,
    conversation_id: ['', 'string'],
    agent: ['', { id: ['', 'string'], name: ['~', 'string'], avatar_url: ['~', 'string'] }],
  },
  resolved: {
    ...numbered,
    conversation_id: ['', 'string'],
    resolved_by: ['~', 'string'],
    show_rating: ['', 'boolean'],
  },
  queue_position: {
    ...envelope,
    conversation_id: ['', 'string'],
    position: ['', 'number'],
    estimated_wait_minutes: ['', 'number'],
    wait_p50_seconds: ['~', 'number'],
    wait_p90_seconds: ['~', 'number'],
  },
  presence_demand: { ...envelope, conversation_id: ['', 'string'], next_beat_seconds: ['', 'number'] },
  conversation_assigned: {
    ...envelope,
    conversation_id: ['', 'string'],
    event_seq: ['', 'number'],
    customer_name: ['~', 'string'],
    preview: ['~', 'string'],
    waiting_time_seconds: ['', 'number'],
  },
  conversation_auto_closed: {
    ...envelope,
    conversation_id: ['', 'string'],
    agent_id: ['', 'string'],
    reason: ['', 'string'],
  },
  conversation_offered: {
    ...envelope,
    conversation_id: ['', 'string'],
    agent_id: ['', 'string'],
    customer_name: ['~', 'string'],
    preview: ['~', 'string'],
    handoff_reason: ['~', 'string'],
    priority: ['', 'number'],
    waiting_time_seconds: ['', 'number'],
    expires_at: ['', 'string'],
    expires_in_seconds: ['', 'number'],
  },
  offer_ended: {
    ...envelope,
    conversation_id: ['', 'string'],
    agent_id: ['', 'string'],
    outcome: ['', 'string'],
    reason: ['~', 'string'],
  },
  customer_presence_update: {
    ...envelope,
    conversation_id: ['', 'string'],
    agent_id: ['', 'string'],
    status: ['', 'string'],
    timestamp: ['', 'string'],
    reason: ['?~', 'string'],
  },
  new_conversation: {
    ...envelope,
    conversation: [
      '',
      {
        id: ['', 'string'],
        customer_name: ['~', 'string'],
        preview: ['~', 'string'],
        handoff_reason: ['~', 'string'],
        priority: ['', 'number'],
        queue_entered_at: ['', 'string'],
      },
    ],
  },
  conversation_claimed: { ...envelope, conversation_id: ['', 'string'], agent_id: ['', 'string'] },
  queue_updated: { ...envelope, waiting_count: ['', 'number'] },
  conversation_updated: {
    ...envelope,
    conversation: [
      '',
      {
        id: ['', 'string'],
        tags: ['', 'strings'],
        priority: ['', 'number'],
        required_skills: ['', 'strings'],
        is_spam: ['', 'boolean'],
        satisfaction_rating: ['~', 'number'],
        customer_id: ['~', 'string'],
        customer_name: ['~', 'string'],
        customer_email: ['~', 'string'],
      },
    ],
  },
  note_added: {
    ...envelope,
    note: [
      '',
      {
        id: ['', 'string'],
        conversation_id: ['', 'string'],
        author_id: ['~', 'string'],
        content: ['', 'string'],
        created_at: ['', 'string'],
      },
    ],
  },
  settings_changed: { ...envelope, project_id: ['', 'string'] },
  member_changed: {
    ...envelope,
    member: [
      '',
      {
        id: ['', 'string'],
        user_id: ['~', 'string'],
        email: ['', 'string'],
        name: ['~', 'string'],
        avatar_url: ['~', 'string'],
        role: ['', 'string'],
        status: ['', 'string'],
        max_concurrent_chats: ['', 'number'],
      },
    ],
  },
  presence_change: {
    ...envelope,
    user_id: ['~', 'string'],
    client_id: ['?~', 'string'],
    name: ['~', 'string'],
    email: ['~', 'string'],
    role: ['', 'string'],
    status: ['', 'string'],
    timestamp: ['', 'string'],
    effective_status: ['?', 'string'],
    effective_reason: ['?', 'string'],
    connection: ['?', 'string'],
    available_slots: ['?', 'number'],
  },
  presence_enter: { ...envelope, ...connection },
  presence_update: { ...envelope, ...connection },
  presence_leave: { ...envelope, ...connection, reason: ['', 'string'], leave_data: ['~', 'record'] },
  presence_offline: {
    ...envelope,
    user_id: ['~', 'string'],
    client_id: ['~', 'string'],
    role: ['', 'string'],
    name: ['~', 'string'],
    email: ['~', 'string'],
    reason: ['', 'string'],
    last_seen_at: ['~', 'string'],
    timestamp: ['', 'string'],
  },
  availability_changed: {
    ...envelope,
    available: ['', 'boolean'],
    reason: ['?', 'string'],
    show_button: ['', 'boolean'],
    show_offline_form: ['', 'boolean'],
    opens_at: ['?', 'string'],
  },
} satisfies Shapes;

/** Their golden files come with the server's side of presence. */
const FOLLOWING = ['presence_demand', 'presence_enter', 'presence_update', 'presence_leave', 'presence_offline'];

type LooseShape = Record<string, readonly [string, Kind | LooseShape]>;
interface Broadcast {
  topic: string;
  event: keyof Shapes;
  private: boolean;
  payload: Record<string, unknown>;
}

const goldens = readdirSync(FOLDER).map((file) => ({
  file,
  broadcast: JSON.parse(readFileSync(FOLDER + file, 'utf8')) as Broadcast,
}));

/** Every way in which the value is not of the shape, as readable lines. */
function faults(value: unknown, shape: LooseShape, path: string): string[] {
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).filter((key) => !(key in shape));
  return [
    ...unknown.map((key) => `${path}.${key} is not in the types`),
    ...Object.entries(shape).flatMap(([key, [marks, kind]]) => fieldFaults(fields[key], marks, kind, `${path}.${key}`)),
  ];
}

function fieldFaults(value: unknown, marks: string, kind: Kind | LooseShape, path: string): string[] {
  if (value === undefined) return marks.includes('?') ? [] : [`${path} is missing`];
  if (value === null) return marks.includes('~') ? [] : [`${path} is null`];
  if (typeof kind !== 'string') return faults(value, kind, path);
  const isOfKind = {
    strings: Array.isArray(value) && value.every((item) => typeof item === 'string'),
    objects: Array.isArray(value) && value.every((item) => typeof item === 'object'),
    record: typeof value === 'object' && !Array.isArray(value),
    string: typeof value === 'string',
    number: typeof value === 'number',
    boolean: typeof value === 'boolean',
  }[kind];
  return isOfKind ? [] : [`${path} is no ${kind}`];
}

describe('the protocol', () => {
  test.each(goldens)('$file is of its type', ({ broadcast }) => {
    expect(Object.keys(SHAPES)).toContain(broadcast.event);
    expect(faults(broadcast.payload, SHAPES[broadcast.event], broadcast.event)).toEqual([]);
  });

  test('every member of the union has a golden file', () => {
    const seen = new Set<string>([...goldens.map(({ broadcast }) => broadcast.event), ...FOLLOWING]);
    expect(Object.keys(SHAPES).filter((event) => !seen.has(event))).toEqual([]);
  });

  test('the topics are named as on the wire', () => {
    const id = '7b0c1f0e-6a53-4a39-9d2c-0f6f4f1f2a01';
    const shapes = Object.values(topics).map((name) => name(id).replace(id, '*'));
    const named = new Set(goldens.map(({ broadcast }) => broadcast.topic.replace(/[0-9a-f-]{36}/, '*')));
    expect([...named].filter((topic) => !shapes.includes(topic))).toEqual([]);
  });
});
