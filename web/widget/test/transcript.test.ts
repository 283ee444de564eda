import { describe, expect, it } from 'vitest';
import type { AgentProfile, TranscriptMessage } from '@supportbase/handoff';

import { message } from '../gallery/fake.js';
import { linesOf, newestSeq, unreadOf } from '../src/logic/transcript.js';
import type { Line, TranscriptInput } from '../src/logic/transcript.js';

const SARAH: AgentProfile = { id: 'a-1', name: 'Sarah', avatar_url: null };
const MIKE: AgentProfile = { id: 'a-2', name: 'Mike', avatar_url: null };
const START = Date.parse('2026-03-04T12:00:00');

const said = (sender: TranscriptMessage['sender_type'], minute: number, fields: Partial<TranscriptMessage> = {}) =>
  message({ sender_type: sender, created_at: new Date(START + minute * 60_000).toISOString(), ...fields });

const lines = (messages: TranscriptMessage[], more: Partial<TranscriptInput> = {}): Line[] =>
  linesOf({ messages, agent: null, withAgent: false, joinedAfter: null, known: new Map(), ...more });

/** A line as one word each: group:ai:2 for two messages of the AI. */
const words = (all: Line[]): string[] =>
  all.map((line) => {
    if (line.kind === 'group') return `group:${line.agent?.name ?? line.sender}:${line.messages.length}`;
    return line.kind === 'joined' ? `joined:${line.agent?.name ?? '?'}` : line.kind;
  });

describe('the transcript', () => {
  it('groups what one sender said in a row, and not what is far apart', () => {
    const all = [said('customer', 0), said('customer', 1), said('customer', 9), said('ai', 10)];
    expect(words(lines(all))).toEqual(['day', 'group:customer:2', 'group:customer:1', 'group:ai:1']);
  });

  it('names each day', () => {
    expect(words(lines([said('customer', 0), said('customer', 24 * 60)]))).toEqual([
      'day',
      'group:customer:1',
      'day',
      'group:customer:1',
    ]);
  });

  it('says where an agent joined, and that the AI was before', () => {
    const all = [said('customer', 0), said('ai', 1), said('agent', 2, { sender_id: 'a-1' })];
    expect(words(lines(all, { agent: SARAH, withAgent: true }))).toEqual([
      'ai_history',
      'day',
      'group:customer:1',
      'group:ai:1',
      'joined:Sarah',
      'group:Sarah:1',
    ]);
  });

  it('says that an agent joined before they wrote, and moves nothing when they do', () => {
    const before = [said('ai', 0)];
    expect(words(lines(before, { agent: SARAH, withAgent: true })).at(-1)).toBe('joined:Sarah');
    const after = [...before, said('agent', 1, { sender_id: 'a-1' })];
    expect(words(lines(after, { agent: SARAH, withAgent: true })).slice(-2)).toEqual(['joined:Sarah', 'group:Sarah:1']);
  });

  it('leaves the agent’s coming where it was when the visitor writes on', () => {
    const all = [said('customer', 0, { seq: 1 }), said('customer', 1, { seq: 2 }), said('customer', 2, { seq: null })];
    const place = { agent: SARAH, withAgent: true, joinedAfter: 1 };
    expect(words(lines(all, place))).toEqual(['day', 'group:customer:1', 'joined:Sarah', 'group:customer:2']);
  });

  it('tells two agents apart, by the names it knows', () => {
    const all = [said('agent', 0, { sender_id: 'a-1' }), said('agent', 1, { sender_id: 'a-2' })];
    const known = new Map([[SARAH.id, SARAH]]);
    expect(words(lines(all, { agent: MIKE, withAgent: true, known }))).toEqual([
      'day',
      'joined:Sarah',
      'group:Sarah:1',
      'joined:Mike',
      'group:Mike:1',
    ]);
  });

  it('leaves system messages that are cards to the cards', () => {
    const all = [
      said('system', 0, { metadata: { type: 'inactivity_warning' } }),
      said('system', 1, { metadata: { type: 'auto_closed' } }),
    ];
    expect(words(lines(all))).toEqual(['day', 'system']);
  });

  it('keeps the key of a message when the server confirms it', () => {
    const pending = said('customer', 0, { id: 'k', client_message_id: 'k', seq: null, delivery: 'sending' });
    const [, before] = lines([pending]);
    const [, after] = lines([{ ...pending, id: 'server', seq: 4, delivery: 'sent' }]);
    expect(after?.key).toBe(before?.key);
  });

  it('counts as unread what others wrote after the last look', () => {
    const all = [
      said('ai', 0, { seq: 1 }),
      said('customer', 1, { seq: 2 }),
      said('agent', 2, { seq: 3 }),
      said('customer', 3, { seq: null }),
    ];
    expect(unreadOf(all, 1).map(({ seq }) => seq)).toEqual([3]);
    expect(newestSeq(all)).toBe(3);
  });
});
