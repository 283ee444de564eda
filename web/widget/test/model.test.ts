import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { VisitorState } from '@supportbase/handoff';

import { FakeVisitor, message } from '../gallery/fake.js';
import { SARAH, place } from '../gallery/scenes.js';
import { ChatModel } from '../src/app/model.js';
import { Emitter } from '../src/emitter.js';
import { safeStorage, seenKey } from '../src/storage.js';
import type { SafeStorage } from '../src/storage.js';

const CONVERSATION = {
  id: 'c-1',
  project_id: 'p',
  status: 'ai_active',
  agent: null,
  event_seq: 0,
  created_at: '',
  last_message_at: '',
} as const;

let storage: SafeStorage;
beforeEach(() => {
  const kept = new Map<string, string>();
  storage = safeStorage(() => ({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }));
});

async function setup(state: Partial<VisitorState> = {}, visible = true) {
  const fake = new FakeVisitor({ conversation: CONVERSATION, ...state });
  const emitter = new Emitter();
  const heard: string[] = [];
  for (const name of ['message', 'unread', 'phase', 'agent', 'rated', 'error'] as const) {
    emitter.on(name, (detail) => heard.push(`${name} ${JSON.stringify(Object.values(detail))}`));
  }
  const model = new ChatModel({
    load: async () => fake.client(),
    emitter,
    storage,
    project: 'p',
    visible: () => visible,
  });
  await model.start();
  return { fake, model, heard, state: () => model.getSnapshot() };
}

describe('unread messages', () => {
  it('are counted while the chat is closed, and none are once it is opened', async () => {
    const { fake, model, state, heard } = await setup({ messages: [message({ seq: 1 })] });
    fake.set({ messages: [...fake.state.messages, message({ seq: 2, sender_type: 'agent' })] });
    expect(state().unread).toBe(1);
    model.setOpen(true);
    expect(state().unread).toBe(0);
    expect(heard).toContain('unread [1]');
    expect(heard.at(-1)).toBe('unread [0]');
  });

  it('are counted on when the page is opened again', async () => {
    const messages = [message({ seq: 1 }), message({ seq: 2, sender_type: 'ai' })];
    await setup({ messages: messages.slice(0, 1) });
    const again = await setup({ messages });
    expect(again.state().unread).toBe(1);
  });

  it('are none in a chat that this browser sees for the first time', async () => {
    const { state } = await setup({ messages: [message({ seq: 5, sender_type: 'agent' })] });
    expect(state().unread).toBe(0);
  });

  it('stay unread while nobody can see the page', async () => {
    const { fake, model, state } = await setup({}, false);
    model.setOpen(true);
    fake.set({ messages: [message({ seq: 3, sender_type: 'agent' })] });
    expect(state().unread).toBe(1);
  });

  it('survive what somebody else wrote under the key', async () => {
    storage.setItem(seenKey('p'), '{"conversation":');
    const { state } = await setup({ messages: [message({ seq: 5 })] });
    expect(state().unread).toBe(0);
  });
});

describe('the dots of the AI', () => {
  it('show from a message of the visitor to the answer', async () => {
    const { fake, model, state } = await setup();
    await model.send('Hello?');
    expect(state().thinking).toBe(true);
    fake.set({ messages: [...fake.state.messages, message({ sender_type: 'ai' })] });
    expect(state().thinking).toBe(false);
  });

  it('end by themselves when nobody answers', async () => {
    vi.useFakeTimers();
    const { model, state } = await setup();
    await model.send('Hello?');
    vi.advanceTimersByTime(15_000);
    expect(state().thinking).toBe(false);
    vi.useRealTimers();
  });

  it('do not show for what was said before the page, nor to an agent', async () => {
    const resumed = await setup({ messages: [message({ seq: 1 })] });
    expect(resumed.state().thinking).toBe(false);
    const withAgent = await setup({ phase: 'agent_chat', agent: SARAH });
    await withAgent.model.send('Hello?');
    expect(withAgent.state().thinking).toBe(false);
  });
});

describe('what the page hears', () => {
  it('is each new message once, the phase and the agent', async () => {
    const { fake, heard } = await setup({ messages: [message({ id: 'old', seq: 1 })] });
    const news = message({ id: 'new', seq: 2, sender_type: 'agent', content: 'Hi' });
    fake.set({ phase: 'agent_chat', agent: SARAH, messages: [...fake.state.messages, news] });
    fake.set({ agentTyping: true });
    expect(heard.filter((line) => line.startsWith('message'))).toEqual(['message ["new","agent","Hi"]']);
    expect(heard).toContain('phase ["agent_chat"]');
    expect(heard).toContain('agent ["Sarah Miller"]');
  });

  it('goes on when a listener throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const emitter = new Emitter();
    const later = vi.fn();
    emitter.on('open', () => {
      throw new Error('of the page');
    });
    emitter.on('open', later);
    emitter.emit('open', {});
    expect(later).toHaveBeenCalledOnce();
  });
});

describe('actions', () => {
  it('say what was refused, and forget it with the next', async () => {
    const { fake, model, state } = await setup();
    fake.refuse = { call: 'requestHuman', code: 'rate_limited', retryAfter: 12 };
    await model.requestHuman();
    expect(state().problem).toEqual({ code: 'rate_limited', retryAfter: 12 });
    await model.requestHuman();
    expect(state().problem).toBeNull();
  });

  it('keep the form when it was refused', async () => {
    const { fake, model, state } = await setup();
    fake.refuse = { call: 'submitOfflineForm', code: 'email_invalid' };
    expect(await model.submitForm({ email: 'a@b.co', message: 'x' })).toBe(false);
    expect(state().formSentTo).toBeNull();
    expect(await model.submitForm({ email: 'a@b.co', message: 'x' })).toBe(true);
    expect(state()).toMatchObject({ formSentTo: 'a@b.co', email: 'a@b.co' });
  });

  it('remember the first place of a wait, and forget it after', async () => {
    const { fake, state } = await setup();
    for (const position of [4, 2]) fake.set({ queue: place({ position }) });
    expect(state().firstPosition).toBe(4);
    fake.set({ queue: null });
    fake.set({ queue: place({ position: 2 }) });
    expect(state().firstPosition).toBe(2);
  });

  it('ask again after a failed load', async () => {
    const fake = new FakeVisitor();
    const load = vi.fn(async () => fake.client());
    load.mockRejectedValueOnce(new Error('404'));
    const model = new ChatModel({ load, emitter: new Emitter(), storage, project: 'p', visible: () => true });
    await model.start();
    expect(model.getSnapshot().loadFailed).toBe(true);
    await model.start();
    expect(model.getSnapshot()).toMatchObject({ loadFailed: false, ready: true });
  });
});
